//! The reference store: what the contract means, in a few maps behind one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{
    By, Direction, History, Leases, Ledger, Query, RecordQuery, Row, Rows, SpentNonce, SpentNonces,
    StoreError, StoredRecord,
};
use crate::change::{DUE, Entry, Lease, Write};
use crate::{Changeset, Expected, Kind, Record, Sequence, Subject, Timestamp, Version};

/// A store in memory: complete, and gone with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rows: BTreeMap<(Kind, String), Stored>,
    /// (kind, index, value, key)
    entries: BTreeSet<(Kind, &'static str, String, String)>,
    records: Vec<Vec<u8>>,
    about: BTreeSet<(Subject, Sequence)>,
    leases: BTreeMap<(Kind, String), Claim>,
    fence: u64,
    spent: BTreeSet<(Timestamp, [u8; 16])>,
}

type Stored = (Version, Vec<u8>);

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
    fn check(&self, lease: Option<&Lease>) -> Result<(), StoreError> {
        match lease {
            Some(lease) if !self.is_newest(lease) => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }

    /// Makes the writes one after the other, and takes them back if one does not fit.
    fn write(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let mut made = Vec::with_capacity(writes.len());
        for write in writes {
            if !self.fits(write) {
                for (write, before) in made.into_iter().rev() {
                    self.take_back(write, before);
                }
                return Err(StoreError::Conflict);
            }
            made.push((write, self.apply(write)));
        }
        Ok(())
    }

    fn fits(&self, write: &Write) -> bool {
        let mut added = write.added.iter();
        self.holds(write) && added.all(|entry| self.is_free(write.kind, entry))
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
        let mut holders = self.entries_with(kind, entry.name, &entry.value, ALL);
        !entry.unique || holders.next().is_none()
    }

    fn entries_with<'a>(
        &'a self,
        kind: Kind,
        name: &'static str,
        value: &str,
        keys: Keys<'_>,
    ) -> Box<dyn DoubleEndedIterator<Item = &'a String> + 'a> {
        let place = |key: &str| (kind, name, value.to_owned(), key.to_owned());
        let range = (keys.0.map(place), keys.1.map(place));
        Box::new(self.entries.range(range).map(|(.., key)| key))
    }

    fn apply(&mut self, write: &Write) -> Option<Stored> {
        let row = (write.kind, write.key.clone());
        for entry in &write.removed {
            self.entries.remove(&indexed(write, entry));
        }
        let added = write.added.iter().map(|entry| indexed(write, entry));
        self.entries.extend(added);
        match &write.snapshot {
            Some(snapshot) => {
                let stored = (write.expected.makes(), snapshot.clone());
                self.rows.insert(row, stored)
            }
            None => self.rows.remove(&row),
        }
    }

    fn take_back(&mut self, write: &Write, before: Option<Stored>) {
        let row = (write.kind, write.key.clone());
        match before {
            Some(stored) => self.rows.insert(row, stored),
            None => self.rows.remove(&row),
        };
        for entry in &write.added {
            self.entries.remove(&indexed(write, entry));
        }
        let removed = write.removed.iter().map(|entry| indexed(write, entry));
        self.entries.extend(removed);
    }

    /// What each of these records is found by.
    fn subjects_of(&self, records: &[Record]) -> BTreeMap<Sequence, Vec<String>> {
        let mut found: BTreeMap<Sequence, Vec<String>> = BTreeMap::new();
        found.extend(records.iter().map(|record| (record.sequence, Vec::new())));
        for (subject, sequence) in &self.about {
            if let Some(subjects) = found.get_mut(sequence) {
                subjects.push(subject.to_string());
                subjects.sort_unstable();
            }
        }
        found
    }

    fn next_sequence(&self) -> Sequence {
        Sequence::new(self.records.len() as u64 + 1)
    }

    fn keys(&self, query: &Query) -> Vec<String> {
        let (from, to) = keys(query);
        let found: Box<dyn DoubleEndedIterator<Item = &String>> = match &query.by {
            By::Key => {
                let place = |key: &str| (query.kind, key.to_owned());
                let rows = self.rows.range((from.map(place), to.map(place)));
                Box::new(rows.map(|((_, key), _)| key))
            }
            By::Entry { name, value } => self.entries_with(query.kind, name, value, (from, to)),
        };
        match query.direction {
            Direction::OldestFirst => found.take(query.limit).cloned().collect(),
            Direction::NewestFirst => found.rev().take(query.limit).cloned().collect(),
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

/// From which key to which.
type Keys<'a> = (Bound<&'a str>, Bound<&'a str>);

/// Greater than every key.
const LAST: &str = "\u{10ffff}";
const ALL: Keys<'_> = (Bound::Included(""), Bound::Excluded(LAST));

fn keys(query: &Query) -> Keys<'_> {
    let Some(after) = query.after.as_deref() else {
        return ALL;
    };
    // A range that ends before it starts is a panic.
    let bound = Bound::Excluded(after.min(LAST));
    match query.direction {
        Direction::OldestFirst => (bound, Bound::Included(LAST)),
        Direction::NewestFirst => (Bound::Included(""), bound),
    }
}

fn indexed(write: &Write, entry: &Entry) -> (Kind, &'static str, String, String) {
    (
        write.kind,
        entry.name,
        entry.value.clone(),
        write.key.clone(),
    )
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        let mut inner = self.inner();
        inner.check(changes.lease())?;
        inner.write(changes.writes())?;
        let first = inner.next_sequence();
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
        let read = |bytes: &Vec<u8>| Record::from_canonical(bytes).map_err(StoreError::from);
        let Some(subject) = about else {
            let records = inner.records.iter().skip(place(after));
            return records.take(limit).map(read).collect();
        };
        let last = (*subject, Sequence::new(u64::MAX));
        let range = (Bound::Excluded((*subject, after)), Bound::Included(last));
        let places = inner.about.range(range).take(limit);
        places
            .filter_map(|(_, sequence)| inner.records.get(place(*sequence) - 1))
            .map(read)
            .collect()
    }
}

#[async_trait]
impl History for MemoryStore {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        let all = self.records(query.about.as_ref(), Sequence::START, usize::MAX);
        let mut found = all.await?;
        found.retain(|record| query.finds(record));
        if query.direction == Direction::NewestFirst {
            found.reverse();
        }
        found.truncate(query.limit);
        Ok(found)
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let all = self.records(None, after, limit).await?;
        let inner = self.inner();
        let mut subjects = inner.subjects_of(&all);
        let stored = all.iter().zip(inner.records.iter().skip(place(after)));
        Ok(stored
            .map(|(record, bytes)| StoredRecord {
                sequence: record.sequence,
                bytes: bytes.clone(),
                code: record.event.code().to_owned(),
                subjects: subjects.remove(&record.sequence).unwrap_or_default(),
            })
            .collect())
    }
}

fn place(after: Sequence) -> usize {
    usize::try_from(after.get()).unwrap_or(usize::MAX)
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

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let newest = inner.is_newest(lease);
        let claim = inner.leases.get_mut(&(lease.kind, lease.key.clone()));
        if let Some(claim) = claim.filter(|_| newest) {
            claim.until = until;
        }
        Ok(newest)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.is_newest(lease) {
            inner.leases.remove(&(lease.kind, lease.key.clone()));
        }
        Ok(())
    }

    async fn forget_claims(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut inner = self.inner();
        let ended = inner.leases.extract_if(.., |_, claim| claim.until < before);
        Ok(ended.take(limit).count())
    }
}

/// What is spent is remembered as long as the store lives: there is one epoch.
const EPOCH: u64 = 1;

#[async_trait]
impl SpentNonces for MemoryStore {
    async fn nonce_epoch(&self) -> Result<u64, StoreError> {
        Ok(EPOCH)
    }

    async fn spend_nonce(&self, nonce: &SpentNonce) -> Result<bool, StoreError> {
        let place = (nonce.until, nonce.number);
        Ok(nonce.epoch == EPOCH && self.inner().spent.insert(place))
    }

    async fn forget_nonces(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let spent = &mut self.inner().spent;
        let mut forgotten = 0;
        while forgotten < limit && spent.first().is_some_and(|(until, _)| *until < before) {
            spent.pop_first();
            forgotten += 1;
        }
        Ok(forgotten)
    }
}
