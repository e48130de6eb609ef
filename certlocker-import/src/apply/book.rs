//! Groups and entries as they are while a batch is put together.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::host::{Access, AccessLine, AccessTarget, Group, HostState, Through};
use certlocker_core::{
    Attribution, Changeset, GroupId, HostId, KeyFingerprint, StoreError, Timestamp, Versioned,
};

use crate::plan::{Stores, every};

/// What is read once for a batch.
#[derive(Default)]
pub(super) struct Book {
    entries: BTreeMap<GroupId, Vec<Access>>,
    logins: BTreeMap<GroupId, Option<String>>,
    named: BTreeMap<String, Option<GroupId>>,
}

impl Book {
    /// The group of this name, if there is one.
    pub(super) async fn group<S: Stores + ?Sized>(
        &mut self,
        store: &S,
        name: &str,
    ) -> Result<Option<GroupId>, StoreError> {
        if let Some(known) = self.named.get(name) {
            return Ok(*known);
        }
        let group = store.group_by_name(name).await?;
        let id = group.map(|group| self.learn(&group.value));
        self.named.insert(name.to_owned(), id);
        Ok(id)
    }

    /// A group that is made along with the batch.
    pub(super) fn made(&mut self, group: &Group) {
        let id = self.learn(group);
        self.named.insert(group.name().to_owned(), Some(id));
        self.entries.insert(id, Vec::new());
    }

    fn learn(&mut self, group: &Group) -> GroupId {
        self.logins
            .insert(*group.id(), group.login().map(str::to_owned));
        *group.id()
    }

    /// The ways to use a host in this state, with these entries for itself.
    pub(super) async fn ways<S: Stores + ?Sized>(
        &mut self,
        store: &S,
        state: &HostState,
        direct: &[&Access],
        now: Timestamp,
    ) -> Result<BTreeSet<AccessLine>, StoreError> {
        let user = state.login.as_ref().map(|login| login.user.as_str());
        let mut ways: BTreeSet<AccessLine> = direct
            .iter()
            .map(|entry| way(entry, Through::Direct, user))
            .collect();
        for group in state.groups.keys() {
            self.read(store, group, now).await?;
            let of_group = self.logins.get(group).and_then(Option::as_deref);
            let entries = self.entries.get(group).into_iter().flatten();
            ways.extend(entries.map(|entry| way(entry, Through::Group(*group), of_group.or(user))));
        }
        Ok(ways)
    }

    async fn read<S: Stores + ?Sized>(
        &mut self,
        store: &S,
        group: &GroupId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.entries.contains_key(group) {
            let entries = entries(store, AccessTarget::Group(*group), now).await?;
            let entries = entries.into_iter().map(|entry| entry.value).collect();
            self.entries.insert(*group, entries);
        }
        if !self.logins.contains_key(group) {
            let group = store.group(group).await?;
            self.learn(&group.value);
        }
        Ok(())
    }
}

fn way(entry: &Access, through: Through, login: Option<&str>) -> AccessLine {
    AccessLine {
        key: entry.key().fingerprint(),
        login: entry.login().or(login).map(str::to_owned),
        through,
        who: entry.who().to_owned(),
    }
}

/// The entries for a host or a group that hold.
pub(super) async fn entries<S: Stores + ?Sized>(
    store: &S,
    target: AccessTarget,
    now: Timestamp,
) -> Result<Vec<Versioned<Access>>, StoreError> {
    let all = every(
        |page| store.accesses_to(&target, page),
        |entry| entry.value.id().to_string(),
    );
    let mut all = all.await?;
    all.retain(|entry| entry.value.holds(now));
    Ok(all)
}

/// The keys of entries for just one host, for every host that has any.
pub(crate) async fn direct_keys<S: Stores + ?Sized>(
    store: &S,
    now: Timestamp,
) -> Result<BTreeMap<HostId, BTreeSet<KeyFingerprint>>, StoreError> {
    let all = every(
        |page| store.accesses(page),
        |entry| entry.value.id().to_string(),
    );
    let mut keys: BTreeMap<HostId, BTreeSet<KeyFingerprint>> = BTreeMap::new();
    for entry in all.await? {
        if let AccessTarget::Host(host) = entry.value.target()
            && entry.value.holds(now)
        {
            keys.entry(host)
                .or_default()
                .insert(entry.value.key().fingerprint());
        }
    }
    Ok(keys)
}

/// Changes that are gathered one after the other.
pub(super) struct Gathered<'a> {
    by: &'a Attribution,
    changes: Option<Changeset>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(by: &'a Attribution) -> Self {
        Self { by, changes: None }
    }

    pub(super) fn add<T: certlocker_core::Aggregate>(
        &mut self,
        transition: certlocker_core::Transition<T>,
    ) {
        let change = transition.by(self.by);
        self.changes = Some(match self.changes.take() {
            Some(changes) => changes.and(change),
            None => Changeset::of(change),
        });
    }

    /// Everything, and then this.
    pub(super) fn with(self, last: Changeset) -> Changeset {
        match self.changes {
            Some(changes) => changes.merge(last),
            None => last,
        }
    }
}
