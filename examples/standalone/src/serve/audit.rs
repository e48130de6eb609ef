//! Keeps the audit log beside the ledger, and watches how far behind it is.

use std::sync::Arc;
use std::time::Duration;

use certlocker_acme::{Clock, SystemClock};
use certlocker_audit::files::Disk;
use certlocker_audit::gate::Follower;
use certlocker_audit::log::Log;
use certlocker_audit::note::SigningKey;
use certlocker_audit::pump::Pump;
use certlocker_audit::sink::{Class, Standing};
use certlocker_core::{Actor, Attribution, Component, Sequence, Store, Trigger};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use super::lag::{Lag, Strictness};
use crate::assemble::Opened;
use crate::audit::{AuditError, AuditHome, signing_key};
use crate::config::BaseUrl;
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
    key: Arc<SigningKey>,
    pump: Pump<Disk>,
    store: Arc<dyn Store>,
    lag: Lag,
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
    let key = Arc::new(signing_key(store, secrets, &name, &by, clock.now()).await?);
    home.write_audit_key(&key.verifier().to_string())?;
    let files = AuditHome::of(home).files().clone();
    let log = Log::open(files.clone(), key.clone()).map_err(AuditError::Log)?;
    let store = opened.store.clone();
    let class = Class::Required { deadline: limit };
    let follower = Follower::new("audit-log", class, Sequence::new(log.size()));
    let lag = Lag::new(Arc::new(follower), store.clone(), Strictness::Failing);
    Ok(Keeper {
        files,
        key,
        pump: Pump::new(store.clone(), log),
        lag,
        store,
    })
}

impl Keeper {
    pub(super) fn lag(&self) -> Lag {
        self.lag.clone()
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
            match &step {
                Ok(progress) => self.lag.reached(&Standing {
                    delivered: Sequence::new(progress.size),
                    taken: progress.taken,
                    waiting: None,
                }),
                Err(error) => {
                    self.lag.failed(error);
                    self.open_again();
                }
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
            Ok(log) => self.pump = Pump::new(self.store.clone(), log),
            Err(error) => self.lag.failed(&error),
        }
    }
}
