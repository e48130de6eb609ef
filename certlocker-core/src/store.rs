//! The contract between CertLocker and storage.

#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod copy;
#[cfg(all(test, any(feature = "postgres", feature = "sqlite")))]
mod earlier;
mod endpoints;
mod find;
mod history;
mod hosts;
mod memory;
mod people;
#[cfg(feature = "postgres")]
mod postgres;
mod reads;
mod spent;
#[cfg(feature = "sqlite")]
mod sqlite;
mod tokens;
mod unavailable;

use async_trait::async_trait;

use crate::change::{Corrupt, Lease};
use crate::{Changeset, Kind, Record, Sequence, Subject, Timestamp, Version};

#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use copy::CopyError;
pub use endpoints::EndpointStore;
#[cfg(feature = "conformance")]
pub(crate) use find::entry;
pub use find::{By, Direction, Page, Query};
pub use history::{History, RecordQuery, StoredRecord};
pub use hosts::{HostStore, ImportStore};
pub use memory::MemoryStore;
pub use people::PersonStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresError, PostgresStore};
pub use reads::{
    AccountStore, AuthorityStore, CertificateStore, ClientStore, OrderStore, SecretRows,
};
pub use spent::{SpentNonce, SpentNonces};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteError, SqliteStore};
pub use tokens::TokenStore;
pub use unavailable::AuditUnavailable;

/// Where changes and their records go, and where records come from.
///
/// # Contract
/// - **Atomic.** All writes of a changeset and all its records become visible together, or none.
/// - **Guarded.** If any write does not find what it expects, or a unique entry is taken by
///   another row, or the lease is no longer the newest of its row, the answer is
///   [`StoreError::Conflict`] and nothing is written, no record either.
/// - **In turn.** The writes of a changeset are made one after the other: each has to find what it
///   expects as those before it leave it, so a row may be changed twice, and a unique entry that
///   one row gives up may be taken by the next.
/// - **Ordered.** Records get consecutive [`Sequence`]s from 1, in the order of the commits: a
///   reader that has seen one never later finds another before it.
/// - **Durable.** What was acknowledged survives a crash of the process, and of the machine if the
///   implementation says that it is durable.
/// - A clone of a store, and another handle to it, is the same store.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes a changeset; the answer is the place of its first record, or of the last record
    /// before it if it has none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: read again and decide again. [`StoreError::Unavailable`]: nothing
    /// was written. [`StoreError::Indeterminate`]: perhaps written, read before doing it again.
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError>;

    /// At most `limit` records after `after`, oldest first; with a subject, those about it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], and [`StoreError::Corrupt`] for a record that does not read.
    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;
}

/// Rows as they were written, found by key or by index entry.
///
/// Whoever implements this gets [`AccountStore`], [`AuthorityStore`], [`OrderStore`], [`CertificateStore`],
/// [`ClientStore`], [`EndpointStore`], [`HostStore`], [`ImportStore`], [`PersonStore`], [`SecretRows`] and, with
/// [`Ledger`], [`TokenStore`] with it. A store with tables of its own may implement those
/// instead.
#[async_trait]
pub trait Rows: Send + Sync {
    /// The row under a key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, [`StoreError::Unavailable`].
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError>;

    /// The rows that a query finds, in the order of their keys; no more than it asks for. The cost
    /// depends on how many are asked for, not on how many there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError>;

    /// How many rows a query finds, up to its limit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn count(&self, query: &Query) -> Result<usize, StoreError>;
}

/// One row of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every store")]
pub struct Row {
    /// Its key.
    pub key: String,
    /// The bytes that were written.
    pub snapshot: Vec<u8>,
    /// How often it was written.
    pub version: Version,
}

/// Claims on rows that have something due, so that one process works on each.
///
/// A claim lasts until its time, until it is released, or until a commit under it. Claims are
/// operational: they carry no record, and need not survive a restart where one process alone works
/// on a store. Each claim of a row has a larger fence than the one before, so that a process that
/// slept past its claim cannot commit under it once another has claimed the row.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Claims up to `limit` rows whose due time is not after `now` and that nobody has claimed,
    /// those due first first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError>;

    /// Claims this row unless somebody has, whether anything is due or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError>;

    /// Lets a claim last until another time; false if it is not the newest, or has ended.
    ///
    /// Whoever renews in time keeps the row, however long the work takes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError>;

    /// Gives a claim up; nothing if it is not the newest.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Forgets claims that ended before `before`, up to `limit`: those of processes that died, on
    /// rows that nobody has claimed since. The answer is how many there were. No commit is made
    /// under them any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn forget_claims(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// Everything that the gateway and the inventory need of a store.
pub trait Store:
    Ledger
    + History
    + Leases
    + AccountStore
    + AuthorityStore
    + CertificateStore
    + ClientStore
    + EndpointStore
    + HostStore
    + ImportStore
    + OrderStore
    + SecretRows
    + TokenStore
    + PersonStore
{
}

impl<S> Store for S where
    S: Ledger
        + History
        + Leases
        + AccountStore
        + AuthorityStore
        + CertificateStore
        + ClientStore
        + EndpointStore
        + HostStore
        + ImportStore
        + OrderStore
        + SecretRows
        + TokenStore
        + PersonStore
        + ?Sized
{
}

/// Why a store could not do what was asked, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[allow(clippy::exhaustive_enums, reason = "a caller has to handle every case")]
pub enum StoreError {
    /// There is nothing under this key.
    #[error("not found")]
    NotFound,
    /// Somebody else wrote first: read again and decide again.
    #[error("changed since it was read")]
    Conflict,
    /// The store cannot be used now; nothing was written.
    #[error("the store is unavailable; nothing was written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store broke off; it may have written.
    #[error("the store broke off; read again to see whether it was written")]
    Indeterminate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored does not read.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}
