//! What statements are given: columns, each as long as there are rows.

use std::collections::BTreeSet;

use tokio_postgres::types::ToSql;

use super::super::history::ends_a_block;
use super::super::plan::{EntryPlace, Place};
use super::super::text::stored;
use super::Commit;
use crate::change::Lease;
use crate::{Sequence, Version};

/// What one statement is given; nothing if it has no rows.
pub(super) type Given<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Rows by kind and key, in the order in which they are locked.
pub(super) struct Places {
    kinds: Vec<&'static str>,
    keys: Vec<String>,
}

impl Places {
    pub(super) fn of<'a>(places: impl Iterator<Item = &'a Place>) -> Self {
        let places: BTreeSet<&Place> = places.collect();
        let (kinds, keys) = places.into_iter().cloned().unzip();
        Self { kinds, keys }
    }

    pub(super) fn given(&self) -> Given<'_> {
        given([&self.kinds, &self.keys], self.keys.len())
    }
}

/// The rows that leases are about.
pub(super) struct Leases {
    kinds: Vec<String>,
    keys: Vec<String>,
}

/// Where a lease is in its table.
pub(super) fn lease_place(lease: &Lease) -> (String, String) {
    let key = stored(&lease.key).into_owned();
    (lease.kind.as_str().to_owned(), key)
}

impl Leases {
    pub(super) fn of<'a>(leases: impl Iterator<Item = &'a Lease>) -> Self {
        let places: BTreeSet<_> = leases.map(lease_place).collect();
        let (kinds, keys) = places.into_iter().unzip();
        Self { kinds, keys }
    }

    pub(super) fn given(&self) -> Given<'_> {
        given([&self.kinds, &self.keys], self.keys.len())
    }
}

/// Rows as they are to be.
#[derive(Default)]
pub(super) struct Values<'a> {
    kinds: Vec<&'static str>,
    keys: Vec<&'a str>,
    versions: Vec<i64>,
    snapshots: Vec<&'a [u8]>,
}

impl<'a> Values<'a> {
    pub(super) fn of(
        rows: impl Iterator<Item = (&'a Place, Option<&'a (Version, Vec<u8>)>)>,
    ) -> Self {
        let mut values = Self::default();
        for (place, after) in rows {
            let (version, snapshot) = after.map_or((0, &[][..]), |(version, snapshot)| {
                (signed(version.get()), snapshot)
            });
            values.kinds.push(place.0);
            values.keys.push(&place.1);
            values.versions.push(version);
            values.snapshots.push(snapshot);
        }
        values
    }

    pub(super) fn given(&self) -> Given<'_> {
        given(
            [&self.kinds, &self.keys, &self.versions, &self.snapshots],
            self.keys.len(),
        )
    }
}

/// Index entries, in the order in which they are locked.
pub(super) struct Entries<'a> {
    kinds: Vec<&'static str>,
    names: Vec<&'static str>,
    values: Vec<&'a str>,
    keys: Vec<&'a str>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(places: impl Iterator<Item = &'a EntryPlace>) -> Self {
        let places: BTreeSet<&EntryPlace> = places.collect();
        let places = || places.iter();
        Self {
            kinds: places().map(|place| place.kind).collect(),
            names: places().map(|place| place.name).collect(),
            values: places().map(|place| place.value.as_str()).collect(),
            keys: places().map(|place| place.key.as_str()).collect(),
        }
    }

    pub(super) fn given(&self) -> Given<'_> {
        given(
            [&self.kinds, &self.names, &self.values, &self.keys],
            self.keys.len(),
        )
    }
}

/// The records of a transaction, in the order of its changesets.
pub(super) struct Records {
    sequences: Vec<i64>,
    codes: Vec<&'static str>,
    bytes: Vec<Vec<u8>>,
    subjects: Vec<String>,
    places: Vec<i64>,
    before: i64,
    last: i64,
}

impl Records {
    /// The records after `head`, and what each changeset is answered with.
    pub(super) fn of(batch: &[Commit], head: Sequence) -> (Self, Vec<Sequence>) {
        let mut records = Self {
            sequences: Vec::new(),
            codes: Vec::new(),
            bytes: Vec::new(),
            subjects: Vec::new(),
            places: Vec::new(),
            before: signed(head.get()),
            last: signed(head.get()),
        };
        let mut head = head;
        let mut answers = Vec::with_capacity(batch.len());
        for commit in batch {
            let drafts = commit.changes.drafts();
            answers.push(if drafts.is_empty() { head } else { head.next() });
            for draft in drafts {
                head = head.next();
                let place = signed(head.get());
                records.sequences.push(place);
                records.codes.push(draft.code());
                records.bytes.push(draft.at(head));
                for subject in draft.subjects() {
                    records.subjects.push(subject.to_string());
                    records.places.push(place);
                }
            }
        }
        records.last = signed(head.get());
        (records, answers)
    }

    /// The last record, if a block of records became whole.
    pub(super) fn ended_block(&self) -> Given<'_> {
        let ended = ends_a_block(self.before, self.last);
        given([&self.last], usize::from(ended))
    }

    /// With what they are found by, and the new head.
    pub(super) fn appended(&self) -> Given<'_> {
        let Self {
            sequences,
            codes,
            bytes,
            subjects,
            places,
            last,
            ..
        } = self;
        given(
            [sequences, codes, bytes, subjects, places, last],
            sequences.len(),
        )
    }
}

fn given<const COLUMNS: usize>(columns: [&(dyn ToSql + Sync); COLUMNS], rows: usize) -> Given<'_> {
    if rows == 0 {
        return Given::new();
    }
    columns.into()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
