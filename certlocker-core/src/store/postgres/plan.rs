//! What a changeset comes to: what has to hold before it, and what is different after it.

use std::collections::{BTreeMap, BTreeSet};

use super::text::stored;
use crate::change::{Entry, Lease, Write};
use crate::{Changeset, Expected, Kind, Version};

/// The net effect of writes that are made one after the other.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) lease: Option<Lease>,
    /// In the order in which their locks are taken.
    pub(super) rows: BTreeMap<Place, Becomes>,
    /// Index entries that go; true for a unique one.
    pub(super) left: BTreeMap<EntryPlace, bool>,
    /// Index entries that come; true for a unique one.
    pub(super) entered: BTreeMap<EntryPlace, bool>,
}

/// Kind and key.
pub(super) type Place = (&'static str, String);

/// An index entry as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryPlace {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) key: String,
}

impl EntryPlace {
    fn of(write: &Write, entry: &Entry) -> Self {
        Self {
            kind: write.kind.as_str(),
            name: entry.name,
            value: stored(&entry.value).into_owned(),
            key: stored(&write.key).into_owned(),
        }
    }

    fn shares_its_value_with(&self, other: &Self) -> bool {
        (self.kind, self.name, &self.value) == (other.kind, other.name, &other.value)
    }
}

/// One row before and after.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Becomes {
    pub(super) expected: Expected,
    pub(super) after: Option<(Version, Vec<u8>)>,
}

impl Becomes {
    pub(super) fn is_new(&self) -> bool {
        self.expected == Expected::Absent
    }
}

/// What two changesets of one transaction may not both be about.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Touched {
    Lease(Kind, String),
    Row(Place),
    Unique(&'static str, &'static str, String),
}

impl Plan {
    /// None if the writes contradict each other, whatever is stored.
    pub(super) fn of(changes: &Changeset) -> Option<Self> {
        let mut plan = Self {
            lease: changes.lease().cloned(),
            ..Self::default()
        };
        for write in changes.writes() {
            plan.write(write)?;
            for entry in &write.removed {
                plan.leave(EntryPlace::of(write, entry), entry.unique)?;
            }
            for entry in &write.added {
                plan.enter(EntryPlace::of(write, entry), entry.unique)?;
            }
        }
        Some(plan)
    }

    fn write(&mut self, write: &Write) -> Option<()> {
        let place = (write.kind.as_str(), stored(&write.key).into_owned());
        let snapshot = write.snapshot.clone();
        let after = snapshot.map(|snapshot| (write.expected.makes(), snapshot));
        let Some(row) = self.rows.get_mut(&place) else {
            let expected = write.expected;
            self.rows.insert(place, Becomes { expected, after });
            return Some(());
        };
        let found = row.after.as_ref();
        let found = found.map_or(Expected::Absent, |(version, _)| Expected::At(*version));
        (found == write.expected).then(|| row.after = after)
    }

    fn leave(&mut self, place: EntryPlace, unique: bool) -> Option<()> {
        if self.entered.remove(&place).is_some() {
            return Some(());
        }
        // Whoever entered it did so while this row still had it.
        let taken = unique && self.holder(&place).is_some();
        self.left.insert(place, unique);
        (!taken).then_some(())
    }

    fn enter(&mut self, place: EntryPlace, unique: bool) -> Option<()> {
        let taken = unique && self.holder(&place).is_some();
        self.entered.insert(place, unique);
        (!taken).then_some(())
    }

    fn holder(&self, place: &EntryPlace) -> Option<&EntryPlace> {
        let first = EntryPlace {
            key: String::new(),
            ..place.clone()
        };
        let mut entered = self.entered.range(first..).map(|(place, _)| place);
        entered
            .next()
            .filter(|entered| entered.shares_its_value_with(place))
    }

    /// What it depends on, and what depends on it.
    pub(super) fn touched(&self) -> Vec<Touched> {
        let rows = self.rows.keys().cloned().map(Touched::Row);
        let lease = self.lease.iter();
        let lease = lease.map(|lease| Touched::Lease(lease.kind, lease.key.clone()));
        let entries = self.left.iter().chain(&self.entered);
        let unique = entries.filter(|(_, unique)| **unique);
        let unique = unique.map(|(at, _)| (at.kind, at.name, at.value.clone()));
        let unique: BTreeSet<_> = unique.collect();
        let unique = unique.into_iter();
        let unique = unique.map(|(kind, name, value)| Touched::Unique(kind, name, value));
        rows.chain(lease).chain(unique).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Account, AccountKey, Actor, Attribution, Component, NewAccount, Thumbprint, Timestamp,
        Trigger, Versioned,
    };

    fn by() -> Attribution {
        Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
    }

    fn key(byte: u8) -> AccountKey {
        AccountKey {
            jwk: String::new(),
            thumbprint: Thumbprint::new([byte; 32]),
        }
    }

    fn account(byte: u8) -> crate::Change<Account> {
        let new = NewAccount {
            client: None,
            contacts: Vec::new(),
            external_binding: None,
            key: key(byte),
            terms_agreed: None,
        };
        let random = &mut |bytes: &mut [u8]| bytes.fill(byte);
        Account::create(new, random, Timestamp::from_seconds(0)).by(&by())
    }

    fn with_key(account: &Versioned<Account>, byte: u8) -> crate::Change<Account> {
        let now = Timestamp::from_seconds(1);
        account.change_key(key(byte), now).by(&by())
    }

    #[test]
    fn a_row_that_is_changed_twice_is_written_once() {
        let made = account(1);
        let moved = with_key(&made.after(), 2);
        let plan = Plan::of(&Changeset::of(made).and(moved)).unwrap();
        let row = plan.rows.values().next().unwrap();
        assert!(row.is_new());
        let version = row.after.as_ref().map(|(version, _)| *version);
        assert_eq!((plan.rows.len(), version), (1, Some(Version::new(2))));
        assert!(plan.left.is_empty());
        assert_eq!(plan.entered.values().filter(|unique| **unique).count(), 1);
    }

    #[test]
    fn a_unique_entry_is_taken_after_it_was_given_up_and_not_before() {
        let held = account(1).after();
        let (gives, takes) = (|| with_key(&held, 2), || account(1));
        assert!(
            Plan::of(&Changeset::of(gives()).and(takes())).is_none(),
            "same row"
        );
        let other = || {
            let mut taker = account(3);
            taker = with_key(&taker.after(), 1);
            taker
        };
        assert!(Plan::of(&Changeset::of(gives()).and(other())).is_some());
        assert!(Plan::of(&Changeset::of(other()).and(gives())).is_none());
    }

    #[test]
    fn changesets_about_the_same_row_or_the_same_unique_entry_touch_each_other() {
        let touched = |change| Plan::of(&Changeset::of(change)).unwrap().touched();
        let held = account(1).after();
        let (one, other) = (touched(with_key(&held, 2)), touched(account(2)));
        assert!(one.iter().any(|thing| other.contains(thing)));
        let far = touched(account(3));
        assert!(!one.iter().any(|thing| far.contains(thing)));
    }
}
