//! How far something that follows the ledger is behind it.

use std::sync::Arc;
use std::time::Duration;

use certlocker_acme::{Clock, SystemClock};
use certlocker_audit::gate::{Behind, Follower};
use certlocker_audit::sink::{Class, Standing};
use certlocker_core::{Store, StoreError};

use crate::health::Finding;

/// What follows the ledger, as it is shown.
#[derive(Clone)]
pub(super) struct Lag {
    follower: Arc<Follower>,
    store: Arc<dyn Store>,
    strictness: Strictness,
}

/// When the server is not ready.
#[derive(Clone, Copy)]
pub(super) enum Strictness {
    /// When a required follower is late.
    Late,
    /// Then, and while there is a failure.
    Failing,
}

impl Lag {
    pub(super) fn new(
        follower: Arc<Follower>,
        store: Arc<dyn Store>,
        strictness: Strictness,
    ) -> Self {
        Self {
            follower,
            store,
            strictness,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.follower.name()
    }

    /// It has come so far.
    pub(super) fn reached(&self, standing: &Standing) {
        if self.follower.reached(standing) {
            tracing::info!(follower = self.name(), "follows the ledger again");
        }
    }

    /// Says once what is wrong, however often it is tried.
    pub(super) fn failed(&self, error: &(dyn std::error::Error + 'static)) {
        if self.follower.failed(error) {
            let follower = self.name();
            tracing::error!(
                follower,
                error,
                "does not follow the ledger; it is tried again"
            );
        }
    }

    async fn behind(&self) -> Result<(Behind, Duration), StoreError> {
        let behind = self.follower.look(self.store.as_ref()).await?;
        let now = SystemClock::default().now();
        let age = behind.since.map(|since| now.since(since));
        Ok((behind, age.unwrap_or_default()))
    }

    pub(super) async fn check(&self) -> Finding {
        let (behind, age) = self.behind().await.map_err(|error| error.to_string())?;
        let (records, failure) = (behind.records, self.follower.failure());
        let mut found = format!("{records} records behind, the oldest for {age:.1?}");
        if let Some(failure) = &failure {
            found = format!("{found}: {failure}");
        }
        let failing = matches!(self.strictness, Strictness::Failing) && failure.is_some();
        match self.follower.class() {
            Class::Required { deadline } if age > deadline => {
                Err(format!("{found}; {deadline:?} is allowed"))
            }
            _ if failing => Err(found),
            _ => Ok(found),
        }
    }

    pub(super) async fn measure(&self) {
        let name = || self.name().to_owned();
        if let Ok((behind, age)) = self.behind().await {
            metrics::gauge!("certlocker_audit_lag_records", "follower" => name())
                .set(behind.records as f64);
            metrics::gauge!("certlocker_audit_lag_age", "follower" => name())
                .set(age.as_secs_f64());
        }
    }
}
