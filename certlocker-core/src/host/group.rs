//! Groups of hosts.

use serde::{Deserialize, Serialize};

use super::AccessOrigin;
use crate::change::{Entry, private};
use crate::{Aggregate, Event, GroupId, Kind, Random, Timestamp, Transition, Versioned};

/// A group of hosts: whoever may use the group may use each of its hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    id: GroupId,
    login: Option<String>,
    name: String,
}

impl Group {
    /// Makes a group; its name is unique.
    pub fn create(
        name: &str,
        login: Option<String>,
        origin: &AccessOrigin,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let group = Self {
            id: GroupId::new(now, random),
            login,
            name: name.to_owned(),
        };
        let created = Event::GroupCreated {
            group_id: group.id,
            login: group.login.clone(),
            name: group.name.clone(),
            origin: origin.clone(),
        };
        Transition::create(group, vec![created], now)
    }

    /// Its id.
    pub fn id(&self) -> &GroupId {
        &self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account that is used on its hosts by whoever has access through it, in place of each
    /// host's own.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }
}

impl Versioned<Group> {
    /// Gives the group another account for its hosts; nothing if it has that.
    pub fn set_login(&self, login: Option<String>, now: Timestamp) -> Option<Transition<Group>> {
        if self.value.login == login {
            return None;
        }
        let changed = Event::GroupLoginChanged {
            group_id: self.value.id,
            login: login.clone(),
        };
        let next = Group {
            login,
            ..self.value.clone()
        };
        Some(self.step(next, vec![changed], now))
    }
}

impl private::Sealed for Group {}

impl Aggregate for Group {
    const KIND: Kind = Kind::Group;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::unique(Self::BY_NAME, &self.name)]
    }
}

impl Group {
    /// The index of groups by their name.
    pub(crate) const BY_NAME: &'static str = "name";
}
