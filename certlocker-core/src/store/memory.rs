//! The reference store: what the contract means, in a few maps behind one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{By, Direction, Leases, Ledger, Query, Row, Rows, StoreError};
use crate::change::{DUE, Entry, Lease, Write};
use crate::{Changeset, Expected, Kind, Record, Sequence, Subject, Timestamp, Version};

/// A store in memory: complete, and gone with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rows: BTreeMap<(Kind, String), (Version, Vec<u8>)>,
    /// (kind, index, value, key)
    entries: BTreeSet<(Kind, &'static str, String, String)>,
    records: Vec<Vec<u8>>,
    about: BTreeSet<(Subject, Sequence)>,
    leases: BTreeMap<(Kind, String), Claim>,
    fence: u64,
}

#[derive(Debug)]
struct Claim {
    fence: u64,
    until: Timestamp,
}

impl MemoryStore {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn check(&self, changes: &Changeset) -> Result<(), StoreError> {
        if changes.lease().is_some_and(|lease| !self.is_newest(lease)) {
            return Err(StoreError::Conflict);
        }
        let fits = |write: &Write| {
            self.holds(write)
                && write
                    .added
                    .iter()
                    .all(|entry| self.is_free(write.kind, entry))
        };
        if changes.writes().iter().all(fits) {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    fn is_newest(&self, lease: &Lease) -> bool {
        self.leases
            .get(&(lease.kind, lease.key.clone()))
            .is_some_and(|claim| claim.fence == lease.fence)
    }

    fn holds(&self, write: &Write) -> bool {
        let found = self
            .rows
            .get(&(write.kind, write.key.clone()))
            .map(|(version, _)| *version);
        match write.expected {
            Expected::Absent => found.is_none(),
            Expected::At(version) => found == Some(version),
        }
    }

    fn is_free(&self, kind: Kind, entry: &Entry) -> bool {
        !entry.unique
            || self
                .entries_with(kind, entry.name, &entry.value)
                .next()
                .is_none()
    }

    fn entries_with<'a>(
        &'a self,
        kind: Kind,
        name: &'static str,
        value: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a String> {
        let from = (kind, name, value.to_owned(), String::new());
        self.entries
            .range(from..)
            .take_while(move |(k, n, v, _)| *k == kind && *n == name && v == value)
            .map(|(.., key)| key)
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn apply(&mut self, write: &Write) {
        let row = (write.kind, write.key.clone());
        match &write.snapshot {
            Some(snapshot) => self
                .rows
                .insert(row, (write.expected.makes(), snapshot.clone())),
            None => self.rows.remove(&row),
        };
        let indexed = |entry: &Entry| {
            (
                write.kind,
                entry.name,
                entry.value.clone(),
                write.key.clone(),
            )
        };
        for entry in &write.removed {
            self.entries.remove(&indexed(entry));
        }
        self.entries.extend(write.added.iter().map(indexed));
    }

    fn next_sequence(&self) -> Sequence {
        Sequence::new(self.records.len() as u64 + 1)
    }

    fn keys(&self, query: &Query) -> Vec<String> {
        let keys: Vec<String> = match &query.by {
            By::Key => {
                let rows = self.rows.range((query.kind, String::new())..);
                rows.take_while(|((kind, _), _)| *kind == query.kind)
                    .map(|((_, key), _)| key.clone())
                    .collect()
            }
            By::Entry { name, value } => self
                .entries_with(query.kind, name, value)
                .cloned()
                .collect(),
        };
        let after = query.after.as_deref();
        match query.direction {
            Direction::OldestFirst => keys
                .into_iter()
                .filter(|key| after.is_none_or(|after| key.as_str() > after))
                .take(query.limit)
                .collect(),
            Direction::NewestFirst => keys
                .into_iter()
                .rev()
                .filter(|key| after.is_none_or(|after| key.as_str() < after))
                .take(query.limit)
                .collect(),
        }
    }

    fn is_claimed(&self, kind: Kind, key: &str, now: Timestamp) -> bool {
        self.leases
            .get(&(kind, key.to_owned()))
            .is_some_and(|claim| claim.until > now)
    }

    fn claim(&mut self, kind: Kind, key: &str, until: Timestamp) -> Lease {
        self.fence += 1;
        self.leases.insert(
            (kind, key.to_owned()),
            Claim {
                fence: self.fence,
                until,
            },
        );
        Lease {
            kind,
            key: key.to_owned(),
            fence: self.fence,
        }
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        let mut inner = self.inner();
        inner.check(&changes)?;
        let first = inner.next_sequence();
        changes.writes().iter().for_each(|write| inner.apply(write));
        for draft in changes.drafts() {
            let sequence = inner.next_sequence();
            inner
                .about
                .extend(draft.subjects().iter().map(|subject| (*subject, sequence)));
            inner.records.push(draft.at(sequence));
        }
        if let Some(lease) = changes.lease() {
            inner.leases.remove(&(lease.kind, lease.key.clone()));
        }
        Ok(if changes.drafts().is_empty() {
            Sequence::new(first.get() - 1)
        } else {
            first
        })
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let inner = self.inner();
        let read = |sequence: Sequence| {
            let place = usize::try_from(sequence.get() - 1).unwrap_or(usize::MAX);
            inner
                .records
                .get(place)
                .map(|bytes| Record::from_canonical(bytes).map_err(StoreError::from))
        };
        match about {
            None => (after.get() + 1..)
                .map_while(|number| read(Sequence::new(number)))
                .take(limit)
                .collect(),
            Some(subject) => {
                let last = (*subject, Sequence::new(u64::MAX));
                let places = inner
                    .about
                    .range((Bound::Excluded((*subject, after)), Bound::Included(last)));
                places
                    .filter_map(|(_, sequence)| read(*sequence))
                    .take(limit)
                    .collect()
            }
        }
    }
}

#[async_trait]
impl Rows for MemoryStore {
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
        let inner = self.inner();
        let (version, snapshot) = inner
            .rows
            .get(&(kind, key.to_owned()))
            .ok_or(StoreError::NotFound)?;
        Ok(Row {
            key: key.to_owned(),
            snapshot: snapshot.clone(),
            version: *version,
        })
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let inner = self.inner();
        let row = |key: String| {
            let (version, snapshot) = inner.rows.get(&(query.kind, key.clone()))?;
            Some(Row {
                key,
                snapshot: snapshot.clone(),
                version: *version,
            })
        };
        Ok(inner.keys(query).into_iter().filter_map(row).collect())
    }

    async fn count(&self, query: &Query) -> Result<usize, StoreError> {
        Ok(self.inner().keys(query).len())
    }
}

#[async_trait]
impl Leases for MemoryStore {
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        let mut inner = self.inner();
        let due = inner
            .entries
            .range((kind, DUE, String::new(), String::new())..);
        let keys: Vec<String> = due
            .take_while(|(k, name, at, _)| *k == kind && *name == DUE && *at <= now.to_string())
            .map(|(.., key)| key.clone())
            .filter(|key| !inner.is_claimed(kind, key, now))
            .take(limit)
            .collect();
        Ok(keys
            .iter()
            .map(|key| inner.claim(kind, key, until))
            .collect())
    }

    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let mut inner = self.inner();
        let claimed = inner.is_claimed(kind, key, now);
        Ok((!claimed).then(|| inner.claim(kind, key, until)))
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.is_newest(lease) {
            inner.leases.remove(&(lease.kind, lease.key.clone()));
        }
        Ok(())
    }
}
