//! Who could use a host at a time, computed from the records alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccessLine, AccessOrigin, AccessTarget, Through};
use crate::{
    AccessId, Event, GroupId, HostId, KeyFingerprint, Ledger, Record, Sequence, StoreError,
    Subject, Timestamp,
};

/// Who could use a host at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostAccess {
    /// The ways to use it; none of a host that was not there.
    pub entries: Vec<EffectiveAccess>,
    /// The accounts that its groups gave it, in place of its own.
    pub group_logins: BTreeMap<GroupId, String>,
    /// The groups it was in.
    pub groups: BTreeSet<GroupId>,
    /// The account that was used on it.
    pub login: Option<String>,
    /// Whether it was there.
    pub presence: Presence,
}

/// Whether a host was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "not yet, there, or no longer")]
pub enum Presence {
    /// It was under management.
    Here,
    /// It was not there any more.
    Gone,
    /// It was not under management yet.
    Unknown,
}

/// A way to use a host, with what made it so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveAccess {
    /// The entry.
    pub access_id: AccessId,
    /// Who, as what, with which key, by what way.
    pub line: AccessLine,
    /// What made the entry.
    pub origin: AccessOrigin,
    /// When it was made.
    pub since: Timestamp,
    /// Until when it holds by itself.
    pub until: Option<Timestamp>,
}

/// Who could use `host` at `at`, from the records about it and about every group it was ever in, in
/// their order.
pub fn access<'a>(
    host: &HostId,
    records: impl IntoIterator<Item = &'a Record>,
    at: Timestamp,
) -> HostAccess {
    let mut fold = Fold::new(*host);
    for record in records {
        if record.time <= at {
            fold.take(record);
        }
    }
    fold.answer(at)
}

/// The same, with the records read from a store.
///
/// # Errors
/// [`StoreError`] when the records cannot be read.
pub async fn access_at(
    store: &(impl Ledger + ?Sized),
    host: &HostId,
    at: Timestamp,
) -> Result<HostAccess, StoreError> {
    AccessHistory::new(store).access_at(host, at).await
}

/// The same for many hosts, with the records of each group read once.
#[derive(Debug)]
pub struct AccessHistory<'a, S: ?Sized> {
    groups: BTreeMap<GroupId, Vec<Record>>,
    store: &'a S,
}

impl<'a, S: Ledger + ?Sized> AccessHistory<'a, S> {
    /// The history in a store.
    pub fn new(store: &'a S) -> Self {
        let groups = BTreeMap::new();
        Self { groups, store }
    }

    /// Who could use `host` at `at`.
    ///
    /// # Errors
    /// [`StoreError`] when the records cannot be read.
    pub async fn access_at(
        &mut self,
        host: &HostId,
        at: Timestamp,
    ) -> Result<HostAccess, StoreError> {
        let own = all(self.store, Subject::Host(*host)).await?;
        let groups: BTreeSet<GroupId> = own.iter().flat_map(groups_of).collect();
        for group in &groups {
            if !self.groups.contains_key(group) {
                let records = all(self.store, Subject::Group(*group)).await?;
                self.groups.insert(*group, records);
            }
        }
        let of_groups = groups.iter().flat_map(|group| &self.groups[group]);
        let mut records: Vec<&Record> = own.iter().chain(of_groups).collect();
        records.sort_by_key(|record| record.sequence);
        records.dedup_by_key(|record| record.sequence);
        Ok(access(host, records, at))
    }
}

async fn all(store: &(impl Ledger + ?Sized), about: Subject) -> Result<Vec<Record>, StoreError> {
    const PAGE: usize = 1_000;
    let mut records: Vec<Record> = Vec::new();
    loop {
        let after = records.last().map_or(Sequence::START, |last| last.sequence);
        let page = store.records(Some(&about), after, PAGE).await?;
        let last = page.len() < PAGE;
        records.extend(page);
        if last {
            return Ok(records);
        }
    }
}

fn groups_of(record: &Record) -> Vec<GroupId> {
    match &record.event {
        Event::HostAdopted { groups, .. } => groups.clone(),
        Event::HostUpdated { groups_joined, .. } => groups_joined.clone(),
        _ => Vec::new(),
    }
}

struct Granted {
    expires: Option<Timestamp>,
    key: KeyFingerprint,
    login: Option<String>,
    origin: AccessOrigin,
    since: Timestamp,
    target: AccessTarget,
    who: String,
}

struct Fold {
    granted: BTreeMap<AccessId, Granted>,
    group_logins: BTreeMap<GroupId, String>,
    groups: BTreeSet<GroupId>,
    host: HostId,
    login: Option<String>,
    presence: Presence,
}

impl Fold {
    fn new(host: HostId) -> Self {
        Self {
            granted: BTreeMap::new(),
            group_logins: BTreeMap::new(),
            groups: BTreeSet::new(),
            host,
            login: None,
            presence: Presence::Unknown,
        }
    }

    fn take(&mut self, record: &Record) {
        match &record.event {
            Event::GroupCreated {
                group_id, login, ..
            }
            | Event::GroupLoginChanged { group_id, login } => match login {
                Some(login) => {
                    self.group_logins.insert(*group_id, login.clone());
                }
                None => {
                    self.group_logins.remove(group_id);
                }
            },
            Event::AccessGranted { .. } => self.granted(record),
            Event::AccessRevoked { access_id, .. } => {
                self.granted.remove(access_id);
            }
            _ => self.host_event(&record.event),
        }
    }

    fn host_event(&mut self, event: &Event) {
        match event {
            Event::HostAdopted {
                groups,
                host_id,
                login,
                ..
            } if *host_id == self.host => {
                self.presence = Presence::Here;
                self.login.clone_from(login);
                self.groups = groups.iter().copied().collect();
            }
            Event::HostUpdated {
                groups_joined,
                groups_left,
                host_id,
                login,
                ..
            } if *host_id == self.host => {
                self.login.clone_from(login);
                self.groups.extend(groups_joined);
                self.groups.retain(|group| !groups_left.contains(group));
            }
            Event::HostGone { host_id, .. } if *host_id == self.host => {
                self.presence = Presence::Gone;
            }
            Event::HostReturned { host_id, .. } if *host_id == self.host => {
                self.presence = Presence::Here;
            }
            _ => {}
        }
    }

    fn granted(&mut self, record: &Record) {
        let Event::AccessGranted {
            access_id,
            expires,
            key,
            login,
            origin,
            target,
            who,
        } = record.event.clone()
        else {
            return;
        };
        let granted = Granted {
            expires,
            key,
            login,
            origin,
            since: record.time,
            target,
            who,
        };
        self.granted.insert(access_id, granted);
    }

    fn answer(mut self, at: Timestamp) -> HostAccess {
        let entries = self
            .granted
            .iter()
            .filter(|(_, granted)| granted.expires.is_none_or(|until| at < until))
            .filter_map(|(id, granted)| self.effective(id, granted))
            .collect();
        self.group_logins
            .retain(|group, _| self.groups.contains(group));
        HostAccess {
            entries,
            group_logins: self.group_logins,
            groups: self.groups,
            login: self.login,
            presence: self.presence,
        }
    }

    fn effective(&self, id: &AccessId, granted: &Granted) -> Option<EffectiveAccess> {
        if self.presence != Presence::Here {
            return None;
        }
        let (through, of_group) = match granted.target {
            AccessTarget::Host(host) if host == self.host => (Through::Direct, None),
            AccessTarget::Group(group) if self.groups.contains(&group) => {
                (Through::Group(group), self.group_logins.get(&group))
            }
            _ => return None,
        };
        let login = granted.login.clone().or_else(|| of_group.cloned());
        Some(EffectiveAccess {
            access_id: *id,
            line: AccessLine {
                key: granted.key.clone(),
                login: login.or_else(|| self.login.clone()),
                through,
                who: granted.who.clone(),
            },
            origin: granted.origin.clone(),
            since: granted.since,
            until: granted.expires,
        })
    }
}
