//! Keeps the audit log beside the ledger, and watches how far behind it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certlocker_acme::{Clock, SystemClock};
use certlocker_audit::files::Disk;
use certlocker_audit::log::Log;
use certlocker_audit::note::SigningKey;
use certlocker_audit::pump::{Pump, PumpError, head};
use certlocker_core::{Actor, Attribution, Component, Sequence, Store, StoreError, Trigger};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::assemble::Opened;
use crate::audit::{AuditError, AuditHome, signing_key};
use crate::config::BaseUrl;
use crate::health::Finding;
use crate::home::Home;

/// How soon after a commit the log has it, at most, when nothing else is to be done. What is
/// committed meanwhile shares a checkpoint, and its writes to the disk.
const PAUSE: Duration = Duration::from_millis(200);
/// How long after a failure the log is opened again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// So many records at once are a sign that more are waiting.
const MANY: usize = 1_000;

/// The log, ready to be kept.
pub(super) struct Keeper {
    files: Disk,
    key: SigningKey,
    pump: Pump<Disk>,
    watch: Watch,
}

/// How the log stands.
#[derive(Clone)]
pub(super) struct Watch {
    failure: Arc<Mutex<Option<String>>>,
    limit: Duration,
    size: Arc<AtomicU64>,
    store: Arc<dyn Store>,
}

/// Opens the log in the data directory, or begins one.
pub(super) async fn open(
    opened: &Opened,
    home: &Home,
    public: &BaseUrl,
    clock: &SystemClock,
    limit: Duration,
) -> Result<Keeper, ServeError> {
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let name = format!("{}{}/audit", public.authority(), public.path());
    let (store, secrets) = (opened.store.as_ref(), opened.secrets.as_ref());
    let key = signing_key(store, secrets, &name, &by, clock.now()).await?;
    home.write_audit_key(&key.verifier().to_string())?;
    let files = AuditHome::of(home).files().clone();
    let log = Log::open(files.clone(), key.clone()).map_err(AuditError::Log)?;
    let watch = Watch {
        failure: Arc::default(),
        limit,
        size: Arc::new(AtomicU64::new(log.size())),
        store: opened.store.clone(),
    };
    Ok(Keeper {
        files,
        key,
        pump: Pump::new(opened.store.clone(), log),
        watch,
    })
}

impl Keeper {
    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Takes records to the log until it is told to stop, and then those that are left.
    pub(super) fn start(self, stop: CancellationToken) -> JoinHandle<()> {
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(self.run(stop)))
    }

    async fn run(mut self, stop: CancellationToken) {
        loop {
            let stopping = stop.is_cancelled();
            let step = self.pump.step().await;
            let (taken, pause) = match &step {
                Ok(progress) if progress.taken >= MANY => (true, Duration::ZERO),
                Ok(progress) => (progress.taken > 0, PAUSE),
                Err(_) => (false, PAUSE_AFTER_FAILURE),
            };
            self.watch.took(&step, self.pump.log().size());
            if step.is_err() {
                self.open_again();
            }
            if stopping && !taken {
                return;
            }
            let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        }
    }

    /// What is on the disk after a failure is known once it is read.
    fn open_again(&mut self) {
        match Log::open(self.files.clone(), self.key.clone()) {
            Ok(log) => self.pump = Pump::new(self.watch.store.clone(), log),
            Err(error) => self.watch.failed(&error),
        }
    }
}

impl Watch {
    fn took(&self, step: &Result<certlocker_audit::pump::Progress, PumpError>, size: u64) {
        self.size.store(size, Ordering::Relaxed);
        match step {
            Ok(_) => *self.failure() = None,
            Err(error) => self.failed(error),
        }
    }

    fn failed(&self, error: &dyn std::error::Error) {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let text: Vec<String> = causes.map(ToString::to_string).collect();
        let text = text.join(": ");
        let mut failure = self.failure();
        if failure.as_ref() != Some(&text) {
            tracing::error!(
                error = text,
                "the audit log was not written; it is tried again"
            );
        }
        *failure = Some(text);
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records are not in the log, and how old the oldest of them is.
    async fn lag(&self) -> Result<(u64, Duration), StoreError> {
        let size = Sequence::new(self.size.load(Ordering::Relaxed));
        let last = head(self.store.as_ref()).await?;
        let next = self.store.records(None, size, 1).await?;
        let now = SystemClock::default().now();
        let age = next.first().map(|record| now.since(record.time));
        let records = last.get().saturating_sub(size.get());
        Ok((records, age.unwrap_or_default()))
    }

    /// The log is ready if it has no failure and what it does not have yet is young.
    pub(super) async fn check(&self) -> Finding {
        if let Some(failure) = self.failure().clone() {
            return Err(failure);
        }
        let (records, age) = self.lag().await.map_err(|error| error.to_string())?;
        let found = format!("{records} records behind, the oldest for {age:.1?}");
        if age > self.limit {
            return Err(format!("{found}; {:?} is allowed", self.limit));
        }
        Ok(found)
    }

    pub(super) async fn measure(&self) {
        let size = self.size.load(Ordering::Relaxed);
        gauge("certlocker_audit_log_entries", size as f64);
        if let Ok((records, age)) = self.lag().await {
            gauge("certlocker_audit_lag_records", records as f64);
            gauge("certlocker_audit_lag_age", age.as_secs_f64());
        }
    }
}

fn gauge(name: &'static str, value: f64) {
    metrics::gauge!(name).set(value);
}
