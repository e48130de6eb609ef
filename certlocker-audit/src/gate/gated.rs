//! A store that changes nothing while the gate is closed.

use std::sync::Arc;

use async_trait::async_trait;
use certlocker_core::{
    Changeset, History, Kind, Lease, Leases, Ledger, Query, Record, RecordQuery, Row, Rows,
    Sequence, StoreError, StoredRecord, Subject, Timestamp,
};

use super::Gate;

/// A store behind a [`Gate`].
///
/// While the gate is closed nothing is committed, nothing that is due is given out, and nothing
/// can be claimed: work that could not be recorded is not begun, stays due, and goes on once the
/// gate opens. What was read before can be read.
#[derive(Clone, Debug)]
pub struct Gated<S> {
    gate: Arc<Gate>,
    store: S,
}

impl<S> Gated<S> {
    /// `store`, behind `gate`.
    pub fn new(store: S, gate: Arc<Gate>) -> Self {
        Self { gate, store }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Ledger> Ledger for Gated<S> {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        self.gate.admit()?;
        self.store.commit(changes).await
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.records(about, after, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Leases> Leases for Gated<S> {
    async fn claim_due(
        &self,
        kind: Kind,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        match self.gate.admit() {
            Ok(()) => self.store.claim_due(kind, now, until, limit).await,
            Err(_closed) => Ok(Vec::new()),
        }
    }

    async fn claim(
        &self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.gate.admit()?;
        self.store.claim(kind, key, now, until).await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        self.store.renew(lease, until).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.store.release(lease).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: History> History for Gated<S> {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        self.store.find_records(query).await
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.store.stored_records(after, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Rows> Rows for Gated<S> {
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
        self.store.row(kind, key).await
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        self.store.rows(query).await
    }

    async fn count(&self, query: &Query) -> Result<usize, StoreError> {
        self.store.count(query).await
    }
}
