//! What is found against what is known: the lines of a plan. Pure, and linear in both.

mod index;
mod propose;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use certlocker_core::host::{CloudId, FieldChange, Host, Power};
use certlocker_core::import::{Action, Line, Target};
use certlocker_core::{GroupId, KeyFingerprint, Versioned};

use crate::found::{Discovery, FoundHost, Scope};
use crate::keys::KeyFile;
use crate::rules::Rules;
use index::{Index, Likeness};
use propose::Proposer;

/// A host that is known.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "read from a store")]
pub struct KnownHost {
    /// The host.
    pub host: Versioned<Host>,
    /// Keys with entries for just this host.
    pub keys: BTreeSet<KeyFingerprint>,
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "read from a store")]
pub struct Known {
    /// Groups by their names.
    pub groups: BTreeMap<GroupId, String>,
    /// Hosts, those that are gone among them.
    pub hosts: Vec<KnownHost>,
}

/// The lines of a plan: one for each machine that was found, in that order, then one for each known
/// host that is gone.
pub fn reconcile(
    discovery: Discovery,
    known: &Known,
    rules: &Rules,
    keys: &[KeyFile],
) -> Vec<Line> {
    let index = Index::of(known);
    let complete: HashSet<Scope> = discovery.complete.into_iter().collect();
    let mut reconciler = Reconciler {
        known,
        proposer: Proposer::new(known, rules, keys, discovery.key_pairs),
        seen: HashMap::with_capacity(discovery.hosts.len()),
        taken: vec![Taken::No; known.hosts.len()],
        lines: Vec::with_capacity(discovery.hosts.len()),
        index,
    };
    for found in discovery.hosts {
        reconciler.found(found);
    }
    reconciler.missing(&complete);
    reconciler.lines
}

/// Whether a line is about a known host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    No,
    Yes,
}

struct Reconciler<'a> {
    index: Index<'a>,
    known: &'a Known,
    lines: Vec<Line>,
    proposer: Proposer<'a>,
    /// Machines by what the cloud calls them, with their lines.
    seen: HashMap<CloudId, u32>,
    taken: Vec<Taken>,
}

impl Reconciler<'_> {
    fn line(&mut self, action: Action, reason: String, changes: Vec<FieldChange>) {
        let number = u32::try_from(self.lines.len() + 1).unwrap_or(u32::MAX);
        let selected = !matches!(action, Action::Skip { .. } | Action::Conflict { .. });
        self.lines.push(Line {
            action,
            applied: None,
            changes,
            number,
            reason,
            selected,
        });
    }

    fn found(&mut self, found: FoundHost) {
        let number = u32::try_from(self.lines.len() + 1).unwrap_or(u32::MAX);
        if let Some(first) = self.seen.insert(found.cloud.clone(), number) {
            self.seen.insert(found.cloud.clone(), first);
            return self.skip(found, format!("listed twice: see line {first}"));
        }
        if let Some(at) = self.index.by_cloud(&found.cloud) {
            return self.same(at, found, "same cloud id".to_owned());
        }
        if found.facts.power == Power::Terminated {
            return self.skip(found, "terminated before it was known".to_owned());
        }
        if let Some(service) = &found.managed_by {
            let reason = format!("run by {service}, which makes and ends it by itself");
            return self.skip(found, reason);
        }
        let likenesses = self.index.like(&found);
        self.unknown(found, &likenesses);
    }

    fn skip(&mut self, found: FoundHost, reason: String) {
        let name = propose::name(&found);
        let action = Action::Skip {
            cloud: found.cloud,
            name,
        };
        self.line(action, reason, Vec::new());
    }

    /// A machine that no host has the cloud id of.
    fn unknown(&mut self, found: FoundHost, likenesses: &[Likeness]) {
        match likenesses {
            [] => self.create(found),
            [one] if self.may_be(one) => self.same(one.host, found, one.rule.clone()),
            several => self.question(found, several),
        }
    }

    /// A host that has no cloud id yet may get one. One that has another is another machine, or was
    /// rebuilt: nobody but a person can say which.
    fn may_be(&self, likeness: &Likeness) -> bool {
        let host = &self.known.hosts[likeness.host].host.value;
        host.cloud().is_none() && host.gone().is_none() && self.taken[likeness.host] == Taken::No
    }

    fn question(&mut self, found: FoundHost, likenesses: &[Likeness]) {
        let reasons: Vec<String> = likenesses
            .iter()
            .map(|likeness| self.likeness(likeness))
            .collect();
        let candidates = likenesses
            .iter()
            .map(|like| self.target(like.host))
            .collect();
        let (proposal, _) = self.proposer.create(found);
        let action = Action::Conflict {
            candidates,
            proposal,
        };
        let reason = format!(
            "is this a new host, or one of these? {}",
            reasons.join("; ")
        );
        self.line(action, reason, Vec::new());
    }

    fn likeness(&self, likeness: &Likeness) -> String {
        let host = &self.known.hosts[likeness.host].host.value;
        let was = match host.cloud() {
            Some(cloud) => format!("{} ({})", host.name(), cloud.instance()),
            None => host.name().to_owned(),
        };
        format!("{was} has the {}", likeness.rule)
    }

    fn create(&mut self, found: FoundHost) {
        let (proposal, notes) = self.proposer.create(found);
        let reason = [vec!["no known host is this one".to_owned()], notes].concat();
        self.line(Action::Create(proposal), reason.join("; "), Vec::new());
    }

    fn same(&mut self, at: usize, found: FoundHost, rule: String) {
        self.taken[at] = Taken::Yes;
        let known = &self.known.hosts[at];
        if found.facts.power == Power::Terminated {
            return match known.host.value.gone() {
                Some(_) => self.skip(found, "terminated, and known to be gone".to_owned()),
                None => self.gone(at, format!("{rule}; terminated")),
            };
        }
        let target = self.target(at);
        let (proposal, changes, notes) = self.proposer.update(known, found);
        let returned = known.host.value.gone().is_some();
        if changes.is_empty() && proposal.key.is_none() && !returned {
            return self.line(Action::Exists(target), rule, Vec::new());
        }
        let reason = [vec![rule], notes].concat().join("; ");
        let action = Action::Update {
            before: Box::new(known.host.value.state()),
            proposal,
            target,
        };
        self.line(action, reason, changes);
    }

    fn target(&self, at: usize) -> Target {
        let host = &self.known.hosts[at].host;
        Target {
            gone: host.value.gone().is_some(),
            host: *host.value.id(),
            name: host.value.name().to_owned(),
            version: host.version.get(),
        }
    }

    fn gone(&mut self, at: usize, reason: String) {
        let action = Action::Gone {
            before: Box::new(self.known.hosts[at].host.value.state()),
            target: self.target(at),
        };
        self.line(action, reason, Vec::new());
    }

    /// Known hosts of parts that were seen whole, and were not found there.
    fn missing(&mut self, complete: &HashSet<Scope>) {
        for at in 0..self.known.hosts.len() {
            let host = &self.known.hosts[at].host.value;
            let scope = host.cloud().map(Scope::of);
            let looked_for = scope.is_some_and(|scope| complete.contains(&scope));
            if looked_for && self.taken[at] == Taken::No && host.gone().is_none() {
                self.gone(at, "its cloud no longer lists it".to_owned());
            }
        }
    }
}
