//! A store that is slow with what a job commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use certlocker_core::{
    Changeset, History, Kind, Lease, Leases, Ledger, MemoryStore, Query, Record, RecordQuery, Row,
    Rows, Sequence, StoreError, StoredRecord, Subject, Timestamp,
};
use tokio::sync::Notify;

/// Once told to, holds the next commit of a job back until a request commits something, and then
/// lets the job go first.
#[derive(Clone, Default)]
pub struct Late {
    inner: MemoryStore,
    is_late: Arc<AtomicBool>,
    job_is_done: Arc<Notify>,
    request_came: Arc<Notify>,
}

impl Late {
    pub fn be_late(&self) {
        self.is_late.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Ledger for Late {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        if !self.is_late.load(Ordering::SeqCst) {
            return self.inner.commit(changes).await;
        }
        if changes.lease().is_some() {
            self.request_came.notified().await;
            let committed = self.inner.commit(changes).await;
            self.job_is_done.notify_one();
            return committed;
        }
        self.is_late.store(false, Ordering::SeqCst);
        self.request_came.notify_one();
        self.job_is_done.notified().await;
        self.inner.commit(changes).await
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

#[async_trait]
impl History for Late {
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

#[async_trait]
impl Rows for Late {
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

#[async_trait]
impl Leases for Late {
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
}
