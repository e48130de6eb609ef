//! A store in one SQLite database.

mod backup;
mod claims;
#[cfg(feature = "postgres")]
mod copy;
mod history;
mod reader;
mod schema;
mod sql;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::{History, Leases, Ledger, Query, RecordQuery, Row, Rows, StoreError, StoredRecord};
use crate::change::Lease;
use crate::{Changeset, Kind, Record, Sequence, Subject, Timestamp};
use claims::Claims;
#[cfg(feature = "postgres")]
pub(super) use copy::{make, take_apart};
use reader::Readers;
use writer::Writer;

/// A store in one SQLite database, durable across a loss of power.
///
/// One thread writes: it takes what is queued and commits it in one transaction, so that many
/// callers share one write to the disk. Reads run on the caller's thread, on one of a few
/// connections: a read by index takes microseconds, less than it takes to hand it to another
/// thread, and as nothing waits while it holds a connection, a caller waits for one no longer than
/// such a read takes. A read of a great many records is better done on a thread that may block.
///
/// Several processes may write to one database. Claims ([`Leases`]) live in the memory of the
/// process, so that one process only may be at work on what falls due.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    claims: Arc<Claims>,
    path: PathBuf,
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database at `path`; makes it, readable to its owner only, if there is none, and
    /// brings an older one up to date.
    ///
    /// # Errors
    /// [`SqliteError`]: what is there is no database of ours, or is from a newer release, or cannot
    /// be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SqliteError> {
        let path = path.as_ref().to_path_buf();
        let connection = schema::open(&path)?;
        let claims = Arc::new(Claims::default());
        Ok(Self(Arc::new(Inner {
            readers: Readers::of(path.clone()),
            writer: Writer::start(connection, &path, Arc::clone(&claims))?,
            claims,
            path,
        })))
    }

    /// Writes what is queued and lets the database go; whatever is asked of the store afterwards
    /// is answered with [`StoreError::Unavailable`]. Dropping the last handle does the same.
    pub fn close(&self) {
        self.0.close();
    }

    /// Copies the database, as it is at one moment, to a file that does not exist yet; writers do
    /// not wait for it. The copy is checked before it gets its name.
    ///
    /// # Errors
    /// [`SqliteError`]: the file exists, or the copy could not be written, or is damaged. Nothing
    /// is left behind then.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<(), SqliteError> {
        backup::copy(&self.0.path, to.as_ref()).await
    }

    /// Whether the database takes writes now. After a failed commit this writes, because only a
    /// write shows that the disk has recovered.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the cause.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.0.writer.check().await
    }
}

impl Inner {
    fn close(&self) {
        self.writer.close();
        self.readers.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.0.path).finish()
    }
}

/// Why a database could not be opened or copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The copy does not pass SQLite's own check.
    #[error("the copy {copy} is damaged, and so the database may be: {found}")]
    Damaged {
        /// The copy.
        copy: PathBuf,
        /// What the check found first.
        found: String,
    },
    /// There is something where the copy should go.
    #[error("{0} exists: a copy is written to a new file only")]
    Exists(PathBuf),
    /// It belongs to another program.
    #[error(
        "{path} is a SQLite database of another program: the application id {expected} was expected, and {found} is there"
    )]
    Foreign {
        /// Ours.
        expected: i32,
        /// What is there.
        found: i32,
        /// The file.
        path: PathBuf,
    },
    /// A newer release was here.
    #[error(
        "{path} has schema version {found}, and this release knows versions up to {known}: run the release that wrote it, or restore the backup from before the update"
    )]
    Newer {
        /// The version that is there.
        found: u32,
        /// The newest that is known here.
        known: u32,
        /// The file.
        path: PathBuf,
    },
    /// It is no database.
    #[error("{0} is not a SQLite database")]
    NotADatabase(PathBuf),
    /// It cannot be read or written.
    #[error("{path} cannot be used as a database")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SqliteError {
    pub(super) fn unusable(
        path: &Path,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unusable {
            path: path.to_path_buf(),
            source: source.into(),
        }
    }
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        self.0.writer.commit(changes).await
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let read = |connection: &_| sql::records(connection, about, after, limit);
        let bytes = self.0.readers.read(read)?;
        let records = bytes.iter().map(|bytes| Record::from_canonical(bytes));
        Ok(records.collect::<Result<_, _>>()?)
    }
}

#[async_trait]
impl History for SqliteStore {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        let read = |connection: &_| history::find(connection, query);
        let bytes = self.0.readers.read(read)?;
        let records = bytes.iter().map(|bytes| Record::from_canonical(bytes));
        Ok(records.collect::<Result<_, _>>()?)
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let read = |connection: &_| history::stored(connection, after, limit);
        self.0.readers.read(read)
    }
}

#[async_trait]
impl Rows for SqliteStore {
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
        let row = self
            .0
            .readers
            .read(|connection| sql::row(connection, kind, key))?;
        row.ok_or(StoreError::NotFound)
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        self.0
            .readers
            .read(|connection| sql::rows(connection, query))
    }

    async fn count(&self, query: &Query) -> Result<usize, StoreError> {
        self.0
            .readers
            .read(|connection| sql::count(connection, query))
    }
}

#[async_trait]
impl Leases for SqliteStore {
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        // The claims are locked before the rows are read: a commit ends its claim after it became
        // visible, so that what looks unclaimed here is read as that commit left it.
        let mut claims = self.0.claims.lock();
        self.0.readers.read(|connection| {
            sql::due(connection, kind, now, |keys| {
                claims.take(kind, keys, now, until, limit)
            })
        })
    }

    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        Ok(self.0.claims.lock().claim(kind, key, now, until))
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.claims.lock().renew(lease, until))
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.0.claims.lock().release(lease);
        Ok(())
    }
}
