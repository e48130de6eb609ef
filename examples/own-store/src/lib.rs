//! A store from scratch: maps in memory, and a file to which each commit adds one line.
//!
//! It is complete and durable, and small enough to be read before a store is written for another
//! database: `journal` is what is kept, `state` what is found in it, and this file the four
//! traits over both. What it lacks for real use: the file is read whole when it is opened and never
//! made smaller, and a commit waits for the disk on the thread that asked for it.

mod journal;
mod state;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use certlocker_core::{
    Changeset, Direction, History, Kind, Lease, Leases, Ledger, Query, Record, RecordQuery, Row,
    Rows, Sequence, StoreError, StoredRecord, Subject, Timestamp,
};

pub use journal::Disk;
use journal::{Appended, Journal, Line};
use state::State;

/// A store on one file, or on whatever else a [`Disk`] is.
pub struct OwnStore(Mutex<Inner>);

struct Inner {
    journal: Journal,
    state: State,
    /// After a commit of which nothing is known: what the disk says is read before anything else.
    in_doubt: bool,
}

impl OwnStore {
    /// Opens the file at `path`, or makes it. One process has it at a time.
    ///
    /// # Errors
    /// When it cannot be read or written, is in use, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path)?;
        file.try_lock()?;
        // A new file is there after a crash only if its directory was written.
        let directory = path.as_ref().parent();
        let named = directory.filter(|directory| !directory.as_os_str().is_empty());
        File::open(named.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
        Self::on(file)
    }

    /// Opens what is on a disk.
    ///
    /// # Errors
    /// When it cannot be read or written, or is damaged.
    pub fn on(disk: impl Disk + 'static) -> io::Result<Self> {
        let mut journal = Journal::on(Box::new(disk));
        let state = State::of(&journal.read()?);
        Ok(Self(Mutex::new(Inner {
            journal,
            state,
            in_doubt: false,
        })))
    }

    /// The store, in agreement with the disk.
    fn inner(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.in_doubt {
            let lines = inner.journal.read().map_err(unavailable)?;
            inner.state.replay(&lines);
            inner.in_doubt = false;
        }
        Ok(inner)
    }
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl Ledger for OwnStore {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        let inner = &mut *self.inner()?;
        if changes
            .lease()
            .is_some_and(|lease| !inner.state.is_newest(lease))
        {
            return Err(StoreError::Conflict);
        }
        let line = Line::of(&changes, inner.state.head());
        // What is found in memory is what will be on the disk: taken back if it does not get there.
        let Some(before) = inner.state.write(&line) else {
            return Err(StoreError::Conflict);
        };
        match inner.journal.append(&line) {
            Appended::Durably => {}
            Appended::NotAtAll(error) => {
                inner.state.take_back(&line, before);
                return Err(StoreError::Unavailable(Box::new(error)));
            }
            Appended::Perhaps(error) => {
                inner.in_doubt = true;
                return Err(StoreError::Indeterminate(Box::new(error)));
            }
        }
        let first = inner.state.append(&line);
        if let Some(lease) = changes.lease() {
            inner.state.release(lease);
        }
        Ok(first)
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let inner = self.inner()?;
        let places = inner.state.places(about, after).take(limit);
        let read = |place| Record::from_canonical(inner.state.bytes(place));
        Ok(places.map(read).collect::<Result<_, _>>()?)
    }
}

#[async_trait]
impl History for OwnStore {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        let inner = self.inner()?;
        let read = |place| Record::from_canonical(inner.state.bytes(place));
        let places = inner.state.places(query.about.as_ref(), Sequence::START);
        let mut found = places.map(read).collect::<Result<Vec<_>, _>>()?;
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
        let inner = self.inner()?;
        let places = inner.state.places(None, after).take(limit);
        Ok(places.map(|place| inner.state.stored(place)).collect())
    }
}

#[async_trait]
impl Rows for OwnStore {
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
        let row = self.inner()?.state.row(kind, key);
        row.ok_or(StoreError::NotFound)
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let inner = self.inner()?;
        let keys = inner.state.keys(query).into_iter();
        Ok(keys
            .filter_map(|key| inner.state.row(query.kind, &key))
            .collect())
    }

    async fn count(&self, query: &Query) -> Result<usize, StoreError> {
        Ok(self.inner()?.state.keys(query).len())
    }
}

#[async_trait]
impl Leases for OwnStore {
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        let state = &mut self.inner()?.state;
        let due = state.due(kind, now);
        let claimed = due
            .iter()
            .filter_map(|key| state.claim(kind, key, now, until));
        Ok(claimed.take(limit).collect())
    }

    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        Ok(self.inner()?.state.claim(kind, key, now, until))
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.inner()?.state.renew(lease, until))
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.inner()?.state.release(lease);
        Ok(())
    }
}

impl fmt::Debug for OwnStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnStore").finish_non_exhaustive()
    }
}
