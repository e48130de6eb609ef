//! What is found in the journal: rows, entries, records, and the claims of this process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use certlocker_core::{
    By, DUE, Direction, Kind, Lease, Query, Row, Sequence, StoredRecord, Subject, Timestamp,
    Version,
};

use crate::journal::{Found, Line, Recorded, Written};

#[derive(Default)]
pub(crate) struct State {
    /// By kind and key.
    rows: BTreeMap<(String, String), Stored>,
    /// Kind, name, value, key.
    entries: BTreeSet<[String; 4]>,
    records: Vec<StoredRecord>,
    about: BTreeMap<String, Vec<Sequence>>,
    /// They need not survive: one process alone works on the file.
    claims: HashMap<(Kind, String), Claim>,
    fence: u64,
}

#[derive(Clone)]
struct Stored {
    version: u64,
    snapshot: Vec<u8>,
}

struct Claim {
    fence: u64,
    until: Timestamp,
}

/// The rows as they were before the writes of a line, in their order.
pub(crate) struct Before(Vec<Option<Stored>>);

impl State {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let mut state = Self::default();
        state.replay(lines);
        state
    }

    /// Becomes what the lines say; claims stay.
    pub(crate) fn replay(&mut self, lines: &[Line]) {
        self.rows.clear();
        self.entries.clear();
        self.records.clear();
        self.about.clear();
        for line in lines {
            for write in &line.writes {
                self.make(write);
            }
            self.append(line);
        }
    }

    /// Makes the writes one after the other; none, if one does not find what it expects.
    pub(crate) fn write(&mut self, line: &Line) -> Option<Before> {
        let mut before = Before(Vec::new());
        for write in &line.writes {
            if !self.fits(write) {
                self.take_back(line, before);
                return None;
            }
            before.0.push(self.make(write));
        }
        Some(before)
    }

    fn fits(&self, write: &Written) -> bool {
        let row = self.rows.get(&(write.kind.clone(), write.key.clone()));
        let version = row.map_or(0, |row| row.version);
        let mut unique = write.added.iter().filter(|entry| entry.unique);
        version == write.expected
            && unique.all(|entry| self.keys_with(&write.kind, entry, ALL).next().is_none())
    }

    fn make(&mut self, write: &Written) -> Option<Stored> {
        for entry in &write.removed {
            self.entries.remove(&indexed(write, entry));
        }
        let added = write.added.iter().map(|entry| indexed(write, entry));
        self.entries.extend(added);
        let place = (write.kind.clone(), write.key.clone());
        let Some(snapshot) = write.snapshot() else {
            return self.rows.remove(&place);
        };
        let version = write.version;
        self.rows.insert(place, Stored { version, snapshot })
    }

    /// Undoes writes, the last of them first.
    pub(crate) fn take_back(&mut self, line: &Line, before: Before) {
        for (write, before) in line.writes.iter().zip(before.0).rev() {
            let place = (write.kind.clone(), write.key.clone());
            match before {
                Some(row) => self.rows.insert(place, row),
                None => self.rows.remove(&place),
            };
            for entry in &write.added {
                self.entries.remove(&indexed(write, entry));
            }
            let removed = write.removed.iter().map(|entry| indexed(write, entry));
            self.entries.extend(removed);
        }
    }

    /// Appends the records of a line; the place of the first, or of the last before it.
    pub(crate) fn append(&mut self, line: &Line) -> Sequence {
        let head = self.head();
        for record in &line.records {
            self.record(record);
        }
        match line.records.is_empty() {
            true => head,
            false => head.next(),
        }
    }

    fn record(&mut self, record: &Recorded) {
        let sequence = self.head().next();
        let mut subjects = record.subjects.clone();
        subjects.sort_unstable();
        subjects.dedup();
        for subject in &subjects {
            self.about
                .entry(subject.clone())
                .or_default()
                .push(sequence);
        }
        self.records.push(StoredRecord {
            sequence,
            bytes: record.bytes(),
            code: record.code.clone(),
            subjects,
        });
    }

    /// The place of the last record.
    pub(crate) fn head(&self) -> Sequence {
        Sequence::new(self.records.len() as u64)
    }

    /// The places of records after one, of those about something if that is said.
    pub(crate) fn places(
        &self,
        about: Option<&Subject>,
        after: Sequence,
    ) -> Box<dyn Iterator<Item = Sequence> + '_> {
        let Some(subject) = about else {
            let last = self.head().get();
            let first = after.get().min(last) + 1;
            return Box::new((first..=last).map(Sequence::new));
        };
        let places = self.about.get(&subject.to_string());
        let places = places.map(Vec::as_slice).unwrap_or_default();
        let first = places.partition_point(|place| *place <= after);
        Box::new(places[first..].iter().copied())
    }

    pub(crate) fn bytes(&self, place: Sequence) -> &[u8] {
        &self.records[index(place)].bytes
    }

    pub(crate) fn stored(&self, place: Sequence) -> StoredRecord {
        self.records[index(place)].clone()
    }

    pub(crate) fn row(&self, kind: Kind, key: &str) -> Option<Row> {
        let row = self.rows.get(&(kind.as_str().to_owned(), key.to_owned()))?;
        Some(Row {
            key: key.to_owned(),
            snapshot: row.snapshot.clone(),
            version: Version::new(row.version),
        })
    }

    pub(crate) fn keys(&self, query: &Query) -> Vec<String> {
        let (kind, bounds) = (query.kind.as_str(), bounds(query));
        let keys: Box<dyn DoubleEndedIterator<Item = &String>> = match &query.by {
            By::Key => {
                let place = |key: &str| (kind.to_owned(), key.to_owned());
                let range = (bounds.0.map(place), bounds.1.map(place));
                Box::new(self.rows.range(range).map(|((_, key), _)| key))
            }
            By::Entry { name, value } => {
                let entry = Found {
                    name: (*name).to_owned(),
                    value: value.clone(),
                    unique: false,
                };
                Box::new(self.keys_with(kind, &entry, bounds))
            }
        };
        match query.direction {
            Direction::OldestFirst => keys.take(query.limit).cloned().collect(),
            Direction::NewestFirst => keys.rev().take(query.limit).cloned().collect(),
        }
    }

    fn keys_with(
        &self,
        kind: &str,
        entry: &Found,
        bounds: Bounds<'_>,
    ) -> impl DoubleEndedIterator<Item = &String> + use<'_> {
        let place = |key: &str| {
            let texts = [kind, &entry.name, &entry.value, key];
            texts.map(ToOwned::to_owned)
        };
        let range = (bounds.0.map(place), bounds.1.map(place));
        self.entries.range(range).map(|[.., key]| key)
    }

    /// What is due, what is due first first.
    pub(crate) fn due(&self, kind: Kind, now: Timestamp) -> Vec<String> {
        let from = [kind.as_str(), DUE, "", ""].map(ToOwned::to_owned);
        let due = self.entries.range(from..);
        let now = now.to_string();
        let due =
            due.take_while(|[of, name, at, _]| of == kind.as_str() && name == DUE && *at <= now);
        due.map(|[.., key]| key.clone()).collect()
    }

    pub(crate) fn claim(
        &mut self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Option<Lease> {
        let (place, key) = ((kind, key.to_owned()), key.to_owned());
        if self
            .claims
            .get(&place)
            .is_some_and(|claim| claim.until > now)
        {
            return None;
        }
        self.fence += 1;
        let fence = self.fence;
        self.claims.insert(place, Claim { fence, until });
        Some(Lease { kind, key, fence })
    }

    fn newest(&mut self, lease: &Lease) -> Option<&mut Claim> {
        let claim = self.claims.get_mut(&(lease.kind, lease.key.clone()));
        claim.filter(|claim| claim.fence == lease.fence)
    }

    pub(crate) fn is_newest(&mut self, lease: &Lease) -> bool {
        self.newest(lease).is_some()
    }

    pub(crate) fn renew(&mut self, lease: &Lease, until: Timestamp) -> bool {
        let newest = self.newest(lease);
        newest.map(|claim| claim.until = until).is_some()
    }

    pub(crate) fn release(&mut self, lease: &Lease) {
        if self.is_newest(lease) {
            self.claims.remove(&(lease.kind, lease.key.clone()));
        }
    }
}

fn index(place: Sequence) -> usize {
    usize::try_from(place.get()).map_or(usize::MAX, |place| place - 1)
}

fn indexed(write: &Written, entry: &Found) -> [String; 4] {
    let texts = [&write.kind, &entry.name, &entry.value, &write.key];
    texts.map(Clone::clone)
}

/// From which key to which.
type Bounds<'a> = (Bound<&'a str>, Bound<&'a str>);

/// Greater than every key.
const LAST: &str = "\u{10ffff}";
const ALL: Bounds<'_> = (Bound::Included(""), Bound::Excluded(LAST));

fn bounds(query: &Query) -> Bounds<'_> {
    let Some(after) = query.after.as_deref() else {
        return ALL;
    };
    // A range that ends before it starts is a panic.
    let after = Bound::Excluded(after.min(LAST));
    match query.direction {
        Direction::OldestFirst => (after, Bound::Included(LAST)),
        Direction::NewestFirst => (Bound::Included(""), after),
    }
}
