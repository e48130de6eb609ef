//! What a found machine is to be as a host.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use certlocker_core::host::{AccessOrigin, CloudId, FieldChange};
use certlocker_core::import::{KeyProposal, Proposal};
use certlocker_core::{GroupId, Timestamp};

use super::{Known, KnownHost};
use crate::found::{FoundHost, Scope};
use crate::keys::{KeyFile, KeyMatch, KeyPair, match_key};
use crate::rules::{LoginGuess, Rules, guess_login};

/// The key of a key pair, found out once for all hosts that have it.
struct Pair {
    created: Option<Timestamp>,
    key: Result<KeyProposal, String>,
}

pub(super) struct Proposer<'a> {
    files: &'a [KeyFile],
    groups: &'a BTreeMap<GroupId, String>,
    pairs: HashMap<(Scope, String), Pair>,
    rules: &'a Rules,
}

/// What a machine is called when nobody named it.
pub(super) fn name(found: &FoundHost) -> String {
    let named = found.name.as_ref().filter(|name| !name.trim().is_empty());
    named.map_or_else(|| found.cloud.instance().to_owned(), Clone::clone)
}

impl<'a> Proposer<'a> {
    pub(super) fn new(
        known: &'a Known,
        rules: &'a Rules,
        files: &'a [KeyFile],
        pairs: Vec<(Scope, KeyPair)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(scope, pair)| ((scope, pair.name.clone()), Pair::of(&pair, files)))
            .collect();
        Self {
            files,
            groups: &known.groups,
            pairs,
            rules,
        }
    }

    /// A new host, and what there is to say about it.
    pub(super) fn create(&mut self, found: FoundHost) -> (Proposal, Vec<String>) {
        let join = self.rules.groups_of(&found);
        let guess = guess_login(&found, &join, self.rules);
        let mut notes = Vec::new();
        let key = self.key(&found, &mut notes);
        if guess.is_none() {
            notes.push("nothing tells the account".to_owned());
        }
        let name = name(&found);
        let proposal = Proposal {
            chosen: BTreeSet::new(),
            cloud: Some(found.cloud),
            facts: found.facts,
            join,
            key,
            leave: BTreeSet::new(),
            login: guess.map(|LoginGuess { reason, user }| (user, reason)),
            name,
        };
        (proposal, notes)
    }

    /// What a known host is to be, what of it is different, and what there is to say about it.
    /// What a person did by hand stays.
    pub(super) fn update(
        &mut self,
        known: &KnownHost,
        found: FoundHost,
    ) -> (Proposal, Vec<FieldChange>, Vec<String>) {
        let host = &known.host.value;
        let inferred = self.rules.groups_of(&found);
        let guess = guess_login(&found, &inferred, self.rules);
        let (join, leave) = self.moves(known, &inferred);
        let mut notes = Vec::new();
        let key = self
            .key(&found, &mut notes)
            .filter(|key| !known.keys.contains(&key.key.fingerprint()));
        let name = match host.named_by() {
            AccessOrigin::Manual => host.name().to_owned(),
            _ => name(&found),
        };
        let mut facts = found.facts;
        if facts.host_keys.is_empty() {
            facts.host_keys.clone_from(&host.facts().host_keys);
        }
        let login = guess
            .filter(|_| {
                host.login()
                    .is_none_or(|login| login.origin != AccessOrigin::Manual)
            })
            .map(|LoginGuess { reason, user }| (user, reason));
        let proposal = Proposal {
            chosen: BTreeSet::new(),
            cloud: Some(found.cloud),
            facts,
            join,
            key,
            leave,
            login,
            name,
        };
        let changes = changes(known, &proposal);
        (proposal, changes, notes)
    }

    fn moves(
        &self,
        known: &KnownHost,
        inferred: &BTreeSet<String>,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        let groups = known.host.value.groups();
        let name = |id: &GroupId| self.groups.get(id).cloned();
        let in_now: BTreeSet<String> = groups.keys().filter_map(name).collect();
        let imported = groups.iter().filter(|(_, origin)| origin.plan().is_some());
        let imported: BTreeSet<String> = imported.filter_map(|(id, _)| name(id)).collect();
        let join = inferred.difference(&in_now).cloned().collect();
        let leave = imported.difference(inferred).cloned().collect();
        (join, leave)
    }

    fn key(&mut self, found: &FoundHost, notes: &mut Vec<String>) -> Option<KeyProposal> {
        let name = found.facts.key_pair.clone()?;
        if self.files.is_empty() {
            return None;
        }
        let of = (Scope::of(&found.cloud), name);
        let files = self.files;
        let pair = self.pairs.entry(of).or_insert_with_key(|(_, name)| {
            let nameless = KeyPair {
                name: name.clone(),
                ..KeyPair::default()
            };
            Pair::of(&nameless, files)
        });
        let younger = pair.created.is_some() && pair.created > found.facts.launched;
        if younger && found.facts.launched.is_some() {
            notes.push("its key pair is younger than the host, which has another key".to_owned());
            return None;
        }
        match &pair.key {
            Ok(key) => Some(key.clone()),
            Err(question) => {
                notes.push(question.clone());
                None
            }
        }
    }
}

impl Pair {
    fn of(pair: &KeyPair, files: &[KeyFile]) -> Self {
        let key = match match_key(pair, files) {
            KeyMatch::Found { file, key, proof } => Ok(KeyProposal {
                key,
                proof: format!("{file}: {proof}"),
                who: format!("key pair {}", pair.name),
            }),
            KeyMatch::Question(question) => Err(question.to_string()),
        };
        Self {
            created: pair.created,
            key,
        }
    }
}

fn changes(known: &KnownHost, next: &Proposal) -> Vec<FieldChange> {
    let host = &known.host.value;
    let mut changes = host.facts().changes(&next.facts);
    if host.cloud() != next.cloud.as_ref() {
        let text = |cloud: Option<&CloudId>| cloud.map(ToString::to_string);
        let (before, after) = (text(host.cloud()), text(next.cloud.as_ref()));
        changes.extend(FieldChange::of("cloud", before, after));
    }
    let user = host.login().map(|login| login.user.clone());
    if let Some((after, _)) = &next.login {
        changes.extend(FieldChange::of("login", user, Some(after.clone())));
    }
    let names = (host.name().to_owned(), next.name.clone());
    changes.extend(FieldChange::of("name", Some(names.0), Some(names.1)));
    let list = |groups: &BTreeSet<String>| {
        let names: Vec<&str> = groups.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    changes.extend(FieldChange::of("groups left", list(&next.leave), None));
    changes.extend(FieldChange::of("groups joined", None, list(&next.join)));
    changes
}
