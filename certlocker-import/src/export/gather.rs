//! What exports are made from, read from a store.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::host::{
    Access, AccessHistory, AccessTarget, EffectiveAccess, Host, HostAccess, Presence, Through,
};
use certlocker_core::{
    AccessId, Corrupt, GroupId, HostId, HostStore, Ledger, SshKey, StoreError, Timestamp, Versioned,
};

use super::{EntryAt, GroupAt, HostAt, Snapshot, User};
use crate::plan::every;

/// Which hosts are exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct Selection {
    /// Those of this group.
    pub group: Option<GroupId>,
    /// This one.
    pub host: Option<HostId>,
    /// Those that are used as this account.
    pub login: Option<String>,
}

/// The selected hosts that were there at `at`, with who could use them, from the records.
///
/// # Errors
/// [`StoreError`]; [`StoreError::NotFound`] for a host that does not exist.
pub async fn gather<S: Ledger + HostStore + ?Sized>(
    store: &S,
    selection: &Selection,
    at: Timestamp,
) -> Result<Snapshot, StoreError> {
    let mut gathering = Gathering::new(store);
    let hosts = match &selection.host {
        Some(id) => vec![store.host(id).await?],
        None => every(|page| store.hosts(page), host_key).await?,
    };
    let mut snapshot = Snapshot::default();
    for host in hosts {
        let access = gathering.history.access_at(host.value.id(), at).await?;
        let in_group = |group| access.groups.contains(group);
        if access.presence != Presence::Here || !selection.group.as_ref().is_none_or(in_group) {
            continue;
        }
        gathering.add(&mut snapshot, &host.value, access).await?;
    }
    if let Some(login) = &selection.login {
        keep_login(&mut snapshot, login);
    }
    Ok(snapshot)
}

/// Leaves what is used as `login`.
fn keep_login(snapshot: &mut Snapshot, login: &str) {
    let (hosts, groups) = (&mut snapshot.hosts, &mut snapshot.groups);
    hosts.retain(|_, host| match host.user(groups) {
        User::Group(user) | User::Own(user) => user == login,
        User::Contested { own, .. } => own.as_deref() == Some(login),
        User::Unknown => false,
    });
    let groups_of = |host: &HostAt| host.groups.clone();
    let used: BTreeSet<GroupId> = hosts.values().flat_map(groups_of).collect();
    groups.retain(|id, _| used.contains(id));
}

/// What was read once and is needed again.
struct Gathering<'a, S: ?Sized> {
    history: AccessHistory<'a, S>,
    keys: BTreeMap<AccessId, SshKey>,
    names: BTreeMap<GroupId, String>,
    seen: BTreeSet<AccessTarget>,
    store: &'a S,
}

impl<'a, S: Ledger + HostStore + ?Sized> Gathering<'a, S> {
    fn new(store: &'a S) -> Self {
        Self {
            history: AccessHistory::new(store),
            keys: BTreeMap::new(),
            names: BTreeMap::new(),
            seen: BTreeSet::new(),
            store,
        }
    }

    async fn add(
        &mut self,
        snapshot: &mut Snapshot,
        host: &Host,
        access: HostAccess,
    ) -> Result<(), StoreError> {
        for id in &access.groups {
            let (name, login) = (self.name(id).await?, access.group_logins.get(id).cloned());
            snapshot.groups.insert(*id, GroupAt { login, name });
        }
        let mut entries = Vec::new();
        for way in access.entries {
            entries.push(self.entry(host.id(), way).await?);
        }
        let host_at = HostAt {
            cloud: host.cloud().cloned(),
            entries,
            facts: host.facts().clone(),
            groups: access.groups,
            login: access.login,
            name: host.name().to_owned(),
        };
        snapshot.hosts.insert(*host.id(), host_at);
        Ok(())
    }

    async fn name(&mut self, id: &GroupId) -> Result<String, StoreError> {
        if let Some(name) = self.names.get(id) {
            return Ok(name.clone());
        }
        let name = self.store.group(id).await?.value.name().to_owned();
        self.names.insert(*id, name.clone());
        Ok(name)
    }

    /// The records name keys by their fingerprints; the keys themselves are in the entries.
    async fn entry(&mut self, host: &HostId, way: EffectiveAccess) -> Result<EntryAt, StoreError> {
        let target = match way.line.through {
            Through::Direct => AccessTarget::Host(*host),
            Through::Group(group) => AccessTarget::Group(group),
        };
        if self.seen.insert(target) {
            let found = every(|page| self.store.accesses_to(&target, page), entry_key);
            for entry in found.await? {
                let key = entry.value.key().clone();
                self.keys.insert(*entry.value.id(), key);
            }
        }
        let missing = || Corrupt::new("access", &"the entry of a record is missing");
        let key = self.keys.get(&way.access_id).ok_or_else(missing)?;
        Ok(EntryAt {
            access_id: way.access_id,
            key: key.clone(),
            login: way.line.login,
            origin: way.origin,
            through: way.line.through,
            until: way.until,
            who: way.line.who,
        })
    }
}

fn host_key(host: &Versioned<Host>) -> String {
    host.value.id().to_string()
}

fn entry_key(entry: &Versioned<Access>) -> String {
    entry.value.id().to_string()
}
