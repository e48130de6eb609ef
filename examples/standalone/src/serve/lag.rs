//! How far something that follows the ledger is behind it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certlocker_acme::{Clock, SystemClock};
use certlocker_audit::pump::head;
use certlocker_core::{Sequence, Store, StoreError};

use crate::health::Finding;

/// What follows the ledger, as far as it has come.
#[derive(Clone)]
pub(super) struct Lag(Arc<Inner>);

struct Inner {
    failure: Mutex<Option<String>>,
    name: String,
    reached: AtomicU64,
    store: Arc<dyn Store>,
    strictness: Strictness,
}

/// When the server is not ready.
#[derive(Clone, Copy)]
pub(super) enum Strictness {
    /// Never for this.
    BestEffort,
    /// When a record waits for longer.
    Deadline(Duration),
    /// Then, and while there is a failure.
    Strict(Duration),
}

impl Lag {
    pub(super) fn new(
        name: impl Into<String>,
        reached: u64,
        store: Arc<dyn Store>,
        strictness: Strictness,
    ) -> Self {
        Self(Arc::new(Inner {
            failure: Mutex::default(),
            name: name.into(),
            reached: AtomicU64::new(reached),
            store,
            strictness,
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// It has come as far as this record.
    pub(super) fn reached(&self, sequence: u64) {
        self.0.reached.store(sequence, Ordering::Relaxed);
    }

    pub(super) fn recovered(&self) {
        if self.failure().take().is_some() {
            tracing::info!(follower = self.0.name, "follows the ledger again");
        }
    }

    /// Says once what is wrong, however often it is tried.
    pub(super) fn failed(&self, error: &dyn std::error::Error) {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let text: Vec<String> = causes.map(ToString::to_string).collect();
        let text = text.join(": ");
        let mut failure = self.failure();
        if failure.as_ref() != Some(&text) {
            let follower = self.0.name.as_str();
            tracing::error!(
                follower,
                error = text,
                "does not follow the ledger; it is tried again"
            );
        }
        *failure = Some(text);
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records it does not have, and how old the oldest of them is.
    async fn behind(&self) -> Result<(u64, Duration), StoreError> {
        let reached = Sequence::new(self.0.reached.load(Ordering::Relaxed));
        let last = head(self.0.store.as_ref()).await?;
        let next = self.0.store.records(None, reached, 1).await?;
        let now = SystemClock::default().now();
        let age = next.first().map(|record| now.since(record.time));
        let records = last.get().saturating_sub(reached.get());
        Ok((records, age.unwrap_or_default()))
    }

    pub(super) async fn check(&self) -> Finding {
        let (records, age) = self.behind().await.map_err(|error| error.to_string())?;
        let failure = self.failure().clone();
        let mut found = format!("{records} records behind, the oldest for {age:.1?}");
        if let Some(failure) = &failure {
            found = format!("{found}: {failure}");
        }
        let (limit, failing) = match self.0.strictness {
            Strictness::BestEffort => (Duration::MAX, false),
            Strictness::Deadline(limit) => (limit, false),
            Strictness::Strict(limit) => (limit, failure.is_some()),
        };
        match age > limit {
            true => Err(format!("{found}; {limit:?} is allowed")),
            false if failing => Err(found),
            false => Ok(found),
        }
    }

    pub(super) async fn measure(&self) {
        let name = || self.0.name.clone();
        if let Ok((records, age)) = self.behind().await {
            metrics::gauge!("certlocker_audit_lag_records", "follower" => name())
                .set(records as f64);
            metrics::gauge!("certlocker_audit_lag_age", "follower" => name())
                .set(age.as_secs_f64());
        }
    }
}
