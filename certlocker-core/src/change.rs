//! A change and its record: one value, so that they are one write.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::record::{Draft, json};
use crate::{Actor, Attribution, Component, Event, Fact, Timestamp, Trigger};

/// The kinds of aggregate that stores keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// [`Access`](crate::host::Access).
    Access,
    /// [`Account`](crate::Account).
    Account,
    /// [`Authority`](crate::Authority).
    Authority,
    /// [`Certificate`](crate::Certificate).
    Certificate,
    /// [`Client`](crate::Client).
    Client,
    /// [`Credential`](crate::import::Credential).
    Credential,
    /// [`Group`](crate::host::Group).
    Group,
    /// [`Host`](crate::host::Host).
    Host,
    /// [`Batch`](crate::import::Batch).
    ImportBatch,
    /// [`Plan`](crate::import::Plan).
    ImportPlan,
    /// [`Order`](crate::Order).
    Order,
    /// [`Person`](crate::Person).
    Person,
    /// [`Sealed`](crate::Sealed).
    Secret,
    /// [`Session`](crate::Session).
    Session,
    /// [`SshAuthority`](crate::SshAuthority).
    SshAuthority,
    /// [`Token`](crate::Token).
    Token,
    /// [`TokenUse`](crate::TokenUse).
    TokenUse,
}

impl Kind {
    /// Its name in a store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Account => "account",
            Self::Authority => "authority",
            Self::Certificate => "certificate",
            Self::Client => "client",
            Self::Credential => "credential",
            Self::Group => "group",
            Self::Host => "host",
            Self::ImportBatch => "import_batch",
            Self::ImportPlan => "import_plan",
            Self::Order => "order",
            Self::Person => "person",
            Self::Secret => "secret",
            Self::Session => "session",
            Self::SshAuthority => "ssh-authority",
            Self::Token => "token",
            Self::TokenUse => "token-use",
        }
    }
}

/// How often an aggregate has been written; the first write makes version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(u64);

impl Version {
    /// The version with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a store must still hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a store has to handle every case")]
pub enum Expected {
    /// Nothing under this key.
    Absent,
    /// This version.
    At(Version),
}

impl Expected {
    /// The version that the write makes.
    pub fn makes(self) -> Version {
        match self {
            Self::Absent => Version(1),
            Self::At(Version(number)) => Version(number + 1),
        }
    }
}

/// An aggregate as it was read, with the version that a change of it expects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every store")]
pub struct Versioned<T> {
    /// The aggregate.
    pub value: T,
    /// Its version.
    pub version: Version,
}

/// By what an aggregate is found besides its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Entry {
    /// The name of the index.
    pub name: &'static str,
    /// The value there.
    pub value: String,
    /// Whether one aggregate of the kind at most may have this value.
    pub unique: bool,
}

impl Entry {
    pub(crate) fn new(name: &'static str, value: impl fmt::Display) -> Self {
        Self {
            name,
            value: value.to_string(),
            unique: false,
        }
    }

    pub(crate) fn unique(name: &'static str, value: impl fmt::Display) -> Self {
        Self {
            name,
            value: value.to_string(),
            unique: true,
        }
    }
}

/// The name of the index whose value is the time when something has to be done about the aggregate.
pub const DUE: &str = "due";

/// Something that is written as a whole, under one version.
///
/// Implemented by core's own nouns only.
pub trait Aggregate: Clone + Serialize + DeserializeOwned + private::Sealed {
    /// Its kind.
    const KIND: Kind;

    /// The key under which it is stored.
    fn key(&self) -> String;

    /// By what else it is found.
    fn entries(&self) -> Vec<Entry>;

    /// Reads it from what a store kept.
    fn restore(snapshot: &[u8]) -> Result<Self, Corrupt> {
        let Snapshot { v, value } = serde_json::from_slice::<Snapshot<Self>>(snapshot)
            .map_err(|error| Corrupt::new(Self::KIND.as_str(), &error))?;
        if v != SNAPSHOT_VERSION {
            return Err(Corrupt::new(
                Self::KIND.as_str(),
                &format!("snapshot version {v} is not known here, {SNAPSHOT_VERSION} is"),
            ));
        }
        Ok(value)
    }
}

pub(crate) mod private {
    #[allow(unreachable_pub, unnameable_types, reason = "seals a public trait")]
    pub trait Sealed {}
}

const SNAPSHOT_VERSION: u8 = 1;

struct Snapshot<T> {
    v: u8,
    value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Snapshot<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (v, value) = Deserialize::deserialize(from)?;
        Ok(Self { v, value })
    }
}

fn snapshot<T: Aggregate>(value: &T) -> Vec<u8> {
    json(&(SNAPSHOT_VERSION, value))
}

/// Stored bytes that do not read as what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored {what} cannot be read: {why}")]
pub struct Corrupt {
    what: &'static str,
    why: String,
}

impl Corrupt {
    /// What could not be read, and why.
    pub fn new(what: &'static str, why: &dyn fmt::Display) -> Self {
        Self {
            what,
            why: why.to_string(),
        }
    }
}

/// The next state of one aggregate, with the events that explain it; made by core's own nouns only.
///
/// ```compile_fail,E0451
/// use certlocker_core::{Client, Transition};
/// fn forge(client: Client) -> Transition<Client> {
///     Transition { next: client, ..unimplemented!() }
/// }
/// ```
///
/// Nothing is written without naming who does it:
///
/// ```compile_fail,E0308
/// use certlocker_core::{Changeset, Client, Transition};
/// fn anonymous(transition: Transition<Client>) -> Changeset {
///     Changeset::of(transition)
/// }
/// ```
#[must_use = "a transition does nothing until it is committed"]
#[derive(Clone, Debug)]
pub struct Transition<T> {
    expected: Expected,
    before: Vec<Entry>,
    next: T,
    fate: Fate,
    events: Vec<Event>,
    at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Removed,
}

impl<T: Aggregate> Transition<T> {
    pub(crate) fn create(next: T, events: Vec<Event>, at: Timestamp) -> Self {
        Self {
            expected: Expected::Absent,
            before: Vec::new(),
            next,
            fate: Fate::Kept,
            events,
            at,
        }
    }

    /// What it would lead to.
    pub fn next(&self) -> &T {
        &self.next
    }

    /// Names who does it; only then can it be committed.
    pub fn by(self, attribution: &Attribution) -> Change<T> {
        let drafts = self
            .events
            .iter()
            .map(|event| Draft::new(event, self.at, attribution))
            .collect();
        let after = match self.fate {
            Fate::Kept => self.next.entries(),
            Fate::Removed => Vec::new(),
        };
        let write = Write {
            kind: T::KIND,
            key: self.next.key(),
            expected: self.expected,
            snapshot: (self.fate == Fate::Kept).then(|| snapshot(&self.next)),
            removed: difference(&self.before, &after),
            added: difference(&after, &self.before),
        };
        Change {
            next: self.next,
            write,
            drafts,
        }
    }
}

impl<T: Aggregate> Transition<T> {
    /// A change of an operational row, which has no record and so nobody who did it.
    pub(crate) fn without_record(self) -> Change<T> {
        debug_assert!(self.events.is_empty(), "events are recorded");
        self.by(&Attribution::new(
            Actor::Server(Component::Caretaker),
            Trigger::Due,
        ))
    }
}

fn difference(of: &[Entry], without: &[Entry]) -> Vec<Entry> {
    of.iter()
        .filter(|entry| !without.contains(entry))
        .cloned()
        .collect()
}

impl<T: Aggregate> Versioned<T> {
    pub(crate) fn step(&self, next: T, events: Vec<Event>, at: Timestamp) -> Transition<T> {
        let (expected, before) = (Expected::At(self.version), self.value.entries());
        Transition {
            expected,
            before,
            next,
            fate: Fate::Kept,
            events,
            at,
        }
    }

    pub(crate) fn removal(&self, events: Vec<Event>, at: Timestamp) -> Transition<T> {
        let (expected, before) = (Expected::At(self.version), self.value.entries());
        Transition {
            expected,
            before,
            next: self.value.clone(),
            fate: Fate::Removed,
            events,
            at,
        }
    }
}

/// A transition with its actor: ready to be committed.
#[must_use = "a change does nothing until it is committed"]
#[derive(Clone, Debug)]
pub struct Change<T> {
    next: T,
    write: Write,
    drafts: Vec<Draft>,
}

impl<T> Change<T> {
    /// The aggregate as it will be once this is committed.
    pub fn after(&self) -> Versioned<T>
    where
        T: Clone,
    {
        Versioned {
            value: self.next.clone(),
            version: self.write.expected.makes(),
        }
    }
}

/// What one row of a store becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Write {
    /// The kind of the row.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// What must still be there.
    pub expected: Expected,
    /// The bytes to keep; none removes the row.
    pub snapshot: Option<Vec<u8>>,
    /// Index entries that go; each was added by the version that is expected.
    pub removed: Vec<Entry>,
    /// Index entries that come.
    pub added: Vec<Entry>,
}

/// A claim to be the only one at work on a row, until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every store")]
pub struct Lease {
    /// The kind of the row.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// Grows with every lease of the row: a commit under an older one is a conflict.
    pub fence: u64,
}

/// One or more changes that are written together with all their records, or not at all.
#[must_use = "a changeset does nothing until it is committed"]
#[derive(Clone, Debug)]
pub struct Changeset {
    writes: Vec<Write>,
    drafts: Vec<Draft>,
    lease: Option<Lease>,
}

impl Changeset {
    /// Just this change.
    pub fn of<T>(change: Change<T>) -> Self {
        Self {
            writes: vec![change.write],
            drafts: change.drafts,
            lease: None,
        }
    }

    /// Just this fact.
    pub fn fact(fact: &Fact, attribution: &Attribution) -> Self {
        Self {
            writes: Vec::new(),
            drafts: vec![fact.draft(attribution)],
            lease: None,
        }
    }

    /// With this change as well.
    pub fn and<T>(mut self, change: Change<T>) -> Self {
        self.writes.push(change.write);
        self.drafts.extend(change.drafts);
        self
    }

    /// With this fact as well.
    pub fn and_fact(mut self, fact: &Fact, attribution: &Attribution) -> Self {
        self.drafts.push(fact.draft(attribution));
        self
    }

    /// With everything of another changeset as well; a lease of either holds for both.
    pub fn merge(mut self, other: Self) -> Self {
        self.writes.extend(other.writes);
        self.drafts.extend(other.drafts);
        self.lease = self.lease.or(other.lease);
        self
    }

    /// Only while this lease is the newest of its row; the commit ends it.
    pub fn under(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The rows to write.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The records to append, in this order.
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// The lease it depends on.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }
}

impl<T> From<Change<T>> for Changeset {
    fn from(change: Change<T>) -> Self {
        Self::of(change)
    }
}
