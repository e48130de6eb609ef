//! Entries that say who may use a host or the hosts of a group, with which key.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::AccessOrigin;
use crate::change::{Entry, private};
use crate::{
    AccessId, Aggregate, Event, GroupId, HostId, InvalidAttribution, KeyFingerprint, Kind, Random,
    SshKey, Subject, Timestamp, Transition, Versioned,
};

/// Who may use a host, or the hosts of a group, with which key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    id: AccessId,
    expires: Option<Timestamp>,
    key: SshKey,
    login: Option<String>,
    origin: AccessOrigin,
    revoked: Option<Timestamp>,
    target: AccessTarget,
    who: String,
}

/// What an entry is made with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewAccess {
    /// Until when it holds.
    pub expires: Option<Timestamp>,
    /// The key.
    pub key: SshKey,
    /// The account; without one, that of the group or host.
    pub login: Option<String>,
    /// What makes it so.
    pub origin: AccessOrigin,
    /// Which host or group.
    pub target: AccessTarget,
    /// Who.
    pub who: String,
}

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Subject", into = "Subject")]
#[allow(clippy::exhaustive_enums, reason = "one host, or many")]
pub enum AccessTarget {
    /// Every host of a group.
    Group(GroupId),
    /// A host.
    Host(HostId),
}

impl AccessTarget {
    /// What it is the history of.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Group(id) => Subject::Group(*id),
            Self::Host(id) => Subject::Host(*id),
        }
    }
}

impl From<AccessTarget> for Subject {
    fn from(target: AccessTarget) -> Self {
        target.subject()
    }
}

impl TryFrom<Subject> for AccessTarget {
    type Error = InvalidAttribution;

    fn try_from(subject: Subject) -> Result<Self, InvalidAttribution> {
        match subject {
            Subject::Group(id) => Ok(Self::Group(id)),
            Subject::Host(id) => Ok(Self::Host(id)),
            other => Err(InvalidAttribution::of(other.to_string())),
        }
    }
}

/// One way to use a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct AccessLine {
    /// The key.
    pub key: KeyFingerprint,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// By being in a group, or directly.
    pub through: Through,
    /// Who.
    pub who: String,
}

/// How somebody comes to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "directly, or not")]
pub enum Through {
    /// By an entry for the host.
    Direct,
    /// By an entry for a group that it is in.
    Group(GroupId),
}

/// Who gains and who loses a way to use a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "some come, some go")]
pub struct Difference {
    /// Ways that come.
    pub gained: BTreeSet<AccessLine>,
    /// Ways that go.
    pub lost: BTreeSet<AccessLine>,
}

/// One record names so many ways; all of them are computed from the records with [`super::access`].
const NAMED: usize = 100;

impl Difference {
    /// What is different between two states of a host.
    pub fn between(before: &BTreeSet<AccessLine>, after: &BTreeSet<AccessLine>) -> Self {
        Self {
            gained: after.difference(before).cloned().collect(),
            lost: before.difference(after).cloned().collect(),
        }
    }

    /// Whether nobody gains or loses anything.
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }

    pub(super) fn event(self, host_id: HostId, origin: &AccessOrigin) -> Option<Event> {
        let total = self.gained.len() + self.lost.len();
        let gained: Vec<AccessLine> = self.gained.into_iter().take(NAMED).collect();
        let lost: Vec<AccessLine> = self.lost.into_iter().take(NAMED - gained.len()).collect();
        let unnamed = total - gained.len() - lost.len();
        (total > 0).then(|| Event::HostAccessChanged {
            gained,
            host_id,
            lost,
            origin: origin.clone(),
            unnamed,
        })
    }
}

impl Access {
    /// Lets somebody use a host or a group.
    pub fn grant(new: NewAccess, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let access = Self {
            id: AccessId::new(now, random),
            expires: new.expires,
            key: new.key,
            login: new.login,
            origin: new.origin,
            revoked: None,
            target: new.target,
            who: new.who,
        };
        let granted = Event::AccessGranted {
            access_id: access.id,
            expires: access.expires,
            key: access.key.fingerprint(),
            login: access.login.clone(),
            origin: access.origin.clone(),
            target: access.target,
            who: access.who.clone(),
        };
        Transition::create(access, vec![granted], now)
    }

    /// Its id.
    pub fn id(&self) -> &AccessId {
        &self.id
    }

    /// The key.
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// The account; without one, that of the group or host.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// What made it so.
    pub fn origin(&self) -> &AccessOrigin {
        &self.origin
    }

    /// Which host or group.
    pub fn target(&self) -> AccessTarget {
        self.target
    }

    /// Who.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked.is_none_or(|at| now < at) && self.expires.is_none_or(|at| now < at)
    }
}

impl Versioned<Access> {
    /// Ends an entry; nothing if it has ended.
    pub fn revoke(&self, origin: &AccessOrigin, now: Timestamp) -> Option<Transition<Access>> {
        if self.value.revoked.is_some() {
            return None;
        }
        let next = Access {
            revoked: Some(now),
            ..self.value.clone()
        };
        let revoked = Event::AccessRevoked {
            access_id: next.id,
            key: next.key.fingerprint(),
            origin: origin.clone(),
            target: next.target,
            who: next.who.clone(),
        };
        Some(self.step(next, vec![revoked], now))
    }
}

impl private::Sealed for Access {}

impl Aggregate for Access {
    const KIND: Kind = Kind::Access;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::new(Self::BY_TARGET, self.target.subject())]
    }
}

impl Access {
    /// The index of entries by what they are for.
    pub(crate) const BY_TARGET: &'static str = "target";
}
