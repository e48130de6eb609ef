//! Has the newest checkpoint cosigned, and keeps what the policy is content with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certlocker_audit::checkpoint::SignedCheckpoint;
use certlocker_audit::files::{Disk, Source};
use certlocker_audit::log::LogError;
use certlocker_audit::note::VerifierKey;
use certlocker_audit::policy::Policy;
use certlocker_audit::tile::CHECKPOINT;
use certlocker_audit::witness::{Round, Witnesses};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::audit::{AuditError, AuditHome, read};
use crate::outside::Outside;

/// How often witnesses are asked, at most.
const PAUSE: Duration = Duration::from_secs(5);

/// The witnesses, ready to be asked.
pub(super) struct Asking {
    home: AuditHome,
    key: VerifierKey,
    outside: Arc<Outside>,
    /// The size of what was cosigned last.
    size: Option<u64>,
    witnesses: Witnesses,
}

impl Asking {
    /// The witnesses of a policy; if there is none, what others cosigned before is not kept.
    pub(super) fn open(
        home: AuditHome,
        policy: Option<&Path>,
        outside: &Outside,
    ) -> Result<Option<Self>, AuditError> {
        let Some(path) = policy else {
            home.forget_witnessed()?;
            return Ok(None);
        };
        let policy = read(path)?.parse::<Policy>();
        let policy = policy.map_err(|error| AuditError::Invalid {
            what: path.display().to_string(),
            why: error.to_string(),
        })?;
        let key = home.verifier()?;
        if !policy.logs().iter().any(|log| log.key == key) {
            return Err(AuditError::Invalid {
                what: path.display().to_string(),
                why: format!("the policy is not for this log, whose key is {key}"),
            });
        }
        Ok(Some(Self {
            home,
            key,
            outside: Arc::new(outside.clone()),
            size: None,
            witnesses: Witnesses::of(policy),
        }))
    }

    /// Asks again and again until it is told to stop. The disk is waited for, so that this has a
    /// thread of its own.
    pub(super) fn start(mut self, stop: CancellationToken) {
        let runtime = Handle::current();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while !stop.is_cancelled() {
                    if let Err(error) = self.round().await {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "witnesses cannot be asked");
                    }
                    let _ = tokio::time::timeout(PAUSE, stop.cancelled()).await;
                }
            });
        });
    }

    async fn round(&mut self) -> Result<(), AuditError> {
        let files: Disk = self.home.files().clone();
        let bytes = files.read(CHECKPOINT).map_err(|source| AuditError::File {
            path: files.path().join(CHECKPOINT),
            source,
        })?;
        let newest = SignedCheckpoint::open(&bytes, &self.key).map_err(LogError::from)?;
        let size = newest.checkpoint().size;
        if size == 0 || self.size == Some(size) {
            return Ok(());
        }
        let http = self.outside.as_ref();
        let round = self.witnesses.ask(&newest, &files, http).await;
        told(&round);
        if round.outcome.is_ok() {
            self.home.keep_witnessed(&round.checkpoint)?;
            self.size = Some(size);
            metrics::gauge!("certlocker_audit_witnessed_size").set(size as f64);
        }
        Ok(())
    }
}

fn told(round: &Round) {
    for (witness, error) in &round.failures {
        let error = error as &dyn std::error::Error;
        tracing::warn!(witness, error, "a witness did not cosign");
    }
    if let Err(error) = &round.outcome {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "the checkpoint is not cosigned as the policy asks");
    }
}
