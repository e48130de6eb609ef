//! A store that fails on demand.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::{
    Changeset, History, Kind, Lease, Leases, Ledger, Query, Record, RecordQuery, Row, Rows,
    Sequence, StoreError, StoredRecord, Subject, Timestamp,
};

/// A store around another that fails chosen commits, before they land or after.
///
/// Commits are counted from 1, and so are those that the other store refuses.
pub struct Flaky<S: ?Sized> {
    chosen: BTreeMap<u64, Fault>,
    commits: AtomicU64,
    drawn: Option<Drawn>,
    inner: Arc<S>,
}

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a write landed, or it did not")]
pub enum Fault {
    /// Nothing was written, and the caller is told so: [`StoreError::Unavailable`].
    Before,
    /// It was written, and the caller is left in doubt: [`StoreError::Indeterminate`].
    After,
}

#[derive(Clone, Copy, Debug)]
struct Drawn {
    one_in: u64,
    seed: u64,
}

impl<S: ?Sized> Flaky<S> {
    /// A store that fails nothing yet.
    pub fn over(inner: Arc<S>) -> Self {
        Self {
            chosen: BTreeMap::new(),
            commits: AtomicU64::new(0),
            drawn: None,
            inner,
        }
    }

    /// Fails this commit.
    pub fn at(mut self, commit: u64, fault: Fault) -> Self {
        self.chosen.insert(commit, fault);
        self
    }

    /// Fails about one in so many commits, in one way or the other; the same ones for one seed.
    pub fn seeded(mut self, seed: u64, one_in: u64) -> Self {
        let one_in = one_in.max(1);
        self.drawn = Some(Drawn { one_in, seed });
        self
    }

    /// How many commits were asked for.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    fn fault(&self, commit: u64) -> Option<Fault> {
        let chosen = self.chosen.get(&commit).copied();
        chosen.or_else(|| self.drawn.and_then(|drawn| drawn.fault(commit)))
    }
}

impl Drawn {
    fn fault(self, commit: u64) -> Option<Fault> {
        let drawn = mixed(self.seed ^ mixed(commit));
        let fault = if drawn >> 63 == 0 {
            Fault::Before
        } else {
            Fault::After
        };
        drawn.is_multiple_of(self.one_in).then_some(fault)
    }
}

/// The finalizer of SplitMix64.
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Ledger + ?Sized> Ledger for Flaky<S> {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        let commit = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let why = || format!("commit {commit} was chosen to fail").into();
        match self.fault(commit) {
            None => self.inner.commit(changes).await,
            Some(Fault::Before) => Err(StoreError::Unavailable(why())),
            Some(Fault::After) => {
                self.inner.commit(changes).await?;
                Err(StoreError::Indeterminate(why()))
            }
        }
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.inner.records(about, after, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: History + ?Sized> History for Flaky<S> {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        self.inner.find_records(query).await
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.inner.stored_records(after, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Rows + ?Sized> Rows for Flaky<S> {
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
        self.inner.row(kind, key).await
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        self.inner.rows(query).await
    }

    async fn count(&self, query: &Query) -> Result<usize, StoreError> {
        self.inner.count(query).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Leases + ?Sized> Leases for Flaky<S> {
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        self.inner.claim_due(kind, now, until, limit).await
    }

    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.inner.claim(kind, key, now, until).await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        self.inner.renew(lease, until).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.inner.release(lease).await
    }

    async fn forget_claims(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.forget_claims(before, limit).await
    }
}

impl<S: ?Sized> fmt::Debug for Flaky<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flaky")
            .field("chosen", &self.chosen)
            .field("commits", &self.commits)
            .field("drawn", &self.drawn)
            .finish_non_exhaustive()
    }
}
