//! Machines under management, their groups, and who may use which account on them.

mod access;
mod cloud;
mod group;
mod history;
mod origin;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use access::{Access, AccessLine, AccessTarget, Difference, NewAccess, Through};
pub use cloud::{AddressKind, CloudId, Facts, HostAddress, InvalidCloudId, Power, Provider};
pub use group::Group;
pub use history::{AccessHistory, EffectiveAccess, HostAccess, Presence, access, access_at};
pub use origin::AccessOrigin;

use crate::change::{Entry, private};
use crate::{Aggregate, Event, GroupId, HostId, Kind, Random, Timestamp, Transition, Versioned};

/// A machine under management.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    id: HostId,
    cloud: Option<CloudId>,
    facts: Facts,
    gone: Option<Timestamp>,
    groups: BTreeMap<GroupId, AccessOrigin>,
    login: Option<Login>,
    name: String,
    named_by: AccessOrigin,
}

/// The account that is used on a host, and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "an account and a reason")]
pub struct Login {
    /// What made it so.
    pub origin: AccessOrigin,
    /// Why it is thought to be this one.
    pub reason: String,
    /// The name of the account.
    pub user: String,
}

/// What a host is, and is to be: all that may change about one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct HostState {
    /// What a cloud calls it.
    pub cloud: Option<CloudId>,
    /// What was seen of it.
    pub facts: Facts,
    /// Its groups, each with what put it there.
    pub groups: BTreeMap<GroupId, AccessOrigin>,
    /// The account that is used on it.
    pub login: Option<Login>,
    /// Its name.
    pub name: String,
    /// What gave it the name.
    pub named_by: AccessOrigin,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct FieldChange {
    /// The value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The value until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The name of the field.
    pub field: String,
}

impl Host {
    /// Takes a host under management. `gained` is who may use it because of that.
    pub fn adopt(
        state: HostState,
        gained: Difference,
        origin: &AccessOrigin,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let host = Self::of(HostId::new(now, random), state, None);
        let adopted = Event::HostAdopted {
            addresses: host.facts.addresses.iter().map(|at| at.ip).collect(),
            cloud: host.cloud.clone(),
            groups: host.groups.keys().copied().collect(),
            host_id: host.id,
            login: host.user(),
            name: host.name.clone(),
            origin: origin.clone(),
        };
        let mut events = vec![adopted];
        events.extend(gained.event(host.id, origin));
        Transition::create(host, events, now)
    }

    fn of(id: HostId, state: HostState, gone: Option<Timestamp>) -> Self {
        let HostState {
            cloud,
            facts,
            groups,
            login,
            name,
            named_by,
        } = state;
        Self {
            id,
            cloud,
            facts,
            gone,
            groups,
            login,
            name,
            named_by,
        }
    }

    /// Its id.
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a cloud calls it.
    pub fn cloud(&self) -> Option<&CloudId> {
        self.cloud.as_ref()
    }

    /// What was seen of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Since when it is no longer there.
    pub fn gone(&self) -> Option<Timestamp> {
        self.gone
    }

    /// Its groups, each with what put it there.
    pub fn groups(&self) -> &BTreeMap<GroupId, AccessOrigin> {
        &self.groups
    }

    /// The account that is used on it.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// What gave it its name.
    pub fn named_by(&self) -> &AccessOrigin {
        &self.named_by
    }

    /// All that may change about it.
    pub fn state(&self) -> HostState {
        HostState {
            cloud: self.cloud.clone(),
            facts: self.facts.clone(),
            groups: self.groups.clone(),
            login: self.login.clone(),
            name: self.name.clone(),
            named_by: self.named_by.clone(),
        }
    }

    fn user(&self) -> Option<String> {
        self.login.as_ref().map(|login| login.user.clone())
    }
}

impl HostState {
    /// What is different in `next`, apart from groups.
    pub fn changes(&self, next: &Self) -> Vec<FieldChange> {
        let mut changes = self.facts.changes(&next.facts);
        let cloud = |state: &Self| state.cloud.as_ref().map(ToString::to_string);
        let login = |state: &Self| state.login.as_ref().map(|login| login.user.clone());
        changes.extend(FieldChange::of("cloud", cloud(self), cloud(next)));
        changes.extend(FieldChange::of("login", login(self), login(next)));
        let names = (self.name.clone(), next.name.clone());
        changes.extend(FieldChange::of("name", Some(names.0), Some(names.1)));
        changes
    }
}

impl FieldChange {
    /// The change of a field, if it is one.
    pub fn of(field: &str, before: Option<String>, after: Option<String>) -> Option<Self> {
        (before != after).then(|| Self {
            after,
            before,
            field: field.to_owned(),
        })
    }
}

impl Versioned<Host> {
    /// Changes a host, or who may use it; one that was gone is there again. Nothing if nothing is
    /// different.
    pub fn update(
        &self,
        next: HostState,
        difference: Difference,
        origin: &AccessOrigin,
        now: Timestamp,
    ) -> Option<Transition<Host>> {
        let host = &self.value;
        let same = host.gone.is_none() && host.state() == next;
        if same && difference.is_empty() {
            return None;
        }
        let changes = host.state().changes(&next);
        let now_in: BTreeSet<GroupId> = next.groups.keys().copied().collect();
        let before_in: BTreeSet<GroupId> = host.groups.keys().copied().collect();
        let next = Host::of(host.id, next, None);
        let returned = host.gone.map(|_| Event::HostReturned {
            host_id: host.id,
            origin: origin.clone(),
        });
        let updated = Event::HostUpdated {
            changes,
            groups_joined: now_in.difference(&before_in).copied().collect(),
            groups_left: before_in.difference(&now_in).copied().collect(),
            host_id: host.id,
            login: next.user(),
            origin: origin.clone(),
        };
        let mut events: Vec<Event> = returned.into_iter().collect();
        events.extend((!same).then_some(updated));
        events.extend(difference.event(host.id, origin));
        Some(self.step(next, events, now))
    }

    /// Says that a host is no longer there; nothing if that is known. Its entries stay, and hold for
    /// nothing until it returns.
    pub fn lose(
        &self,
        lost: Difference,
        origin: &AccessOrigin,
        now: Timestamp,
    ) -> Option<Transition<Host>> {
        if self.value.gone.is_some() {
            return None;
        }
        let next = Host {
            gone: Some(now),
            ..self.value.clone()
        };
        let gone = Event::HostGone {
            host_id: next.id,
            origin: origin.clone(),
        };
        let mut events = vec![gone];
        events.extend(lost.event(next.id, origin));
        Some(self.step(next, events, now))
    }
}

impl private::Sealed for Host {}

impl Aggregate for Host {
    const KIND: Kind = Kind::Host;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let cloud = self
            .cloud
            .iter()
            .map(|id| Entry::unique(Self::BY_CLOUD, id));
        let groups = self.groups.keys().map(|id| Entry::new(Self::BY_GROUP, id));
        let name = Entry::new(Self::BY_NAME, &self.name);
        cloud.chain(groups).chain([name]).collect()
    }
}

impl Host {
    /// The index of hosts by what a cloud calls them.
    pub(crate) const BY_CLOUD: &'static str = "cloud";
    /// The index of hosts by their groups.
    pub(crate) const BY_GROUP: &'static str = "group";
    /// The index of hosts by name; names repeat.
    pub(crate) const BY_NAME: &'static str = "name";
}
