//! What follows the ledger: the audit log, sinks, witnesses.

use std::sync::Arc;

use certlocker_acme::SystemClock;
use certlocker_audit::gate::Gate;
use certlocker_core::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use super::audit::{self, Keeper};
use super::lag::Lag;
use super::sinks::{Fed, Sinks, look};
use super::witnesses::Asking;
use crate::assemble::Opened;
use crate::audit::AuditHome;
use crate::config::{BaseUrl, Settings};
use crate::home::Home;
use crate::outside::Outside;

/// All of them, ready to follow.
pub(super) struct Followers {
    gate: Arc<Gate>,
    keeper: Keeper,
    sinks: Sinks,
    store: Arc<dyn Store>,
    witnesses: Option<Asking>,
}

/// All of them, following.
pub(super) struct Following {
    pump: JoinHandle<()>,
    sinks: Fed,
}

impl Followers {
    pub(super) async fn open(
        opened: &Opened,
        home: &Home,
        public: &BaseUrl,
        clock: &SystemClock,
        settings: &Settings,
    ) -> Result<Self, ServeError> {
        let keeper = audit::open(opened, home, public, clock, settings.audit_lag).await?;
        let host = public.host().value();
        let outside = Outside::trusting(settings.audit_ca_file.as_deref())?;
        let policy = settings.audit_policy.as_deref();
        Ok(Self {
            gate: opened.gate.clone(),
            keeper,
            sinks: Sinks::open(opened, home, &host, &settings.audit_sink, &outside)?,
            store: opened.store.clone(),
            witnesses: Asking::open(AuditHome::of(home), policy, &outside)?,
        })
    }

    /// How far behind each is.
    pub(super) fn lags(&self) -> Vec<Lag> {
        std::iter::once(self.keeper.lag())
            .chain(self.sinks.lags())
            .collect()
    }

    /// Follows until it is told to stop.
    pub(super) fn start(self, stop: &CancellationToken) -> Following {
        if let Some(witnesses) = self.witnesses {
            witnesses.start(stop.clone());
        }
        tokio::spawn(look(self.gate, self.store, stop.clone()));
        Following {
            pump: self.keeper.start(stop.clone()),
            sinks: self.sinks.start(stop),
        }
    }
}

impl Following {
    /// Waits, not for long, until what was written last is where it has to be.
    pub(super) async fn end(self) {
        if self.pump.await.is_err() {
            tracing::warn!("the audit log was not written to its end");
        }
        self.sinks.end().await;
    }
}
