//! Takes records to the log, each once and in order.
//!
//! The log is its own cursor: entry `n` is record `n + 1`, so that its size says which record is
//! next, and the checkpoint, which is written last, moves it on.

use std::sync::Arc;

use certlocker_core::{History, RecordQuery, Sequence, StoreError, StoredRecord};

use crate::checkpoint::SignedCheckpoint;
use crate::files::Files;
use crate::leaf::entry_of;
use crate::log::{Log, LogError};
use crate::tile::WIDTH;

/// Takes the records of a ledger to a log.
pub struct Pump<F> {
    history: Arc<dyn History>,
    log: Log<F>,
}

/// How many bundles share a checkpoint at most.
const BUNDLES: u64 = 4;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Whether others wait, as far as one step can tell.
    pub more: bool,
    /// How many records were taken.
    pub taken: usize,
    /// How many entries the log has now.
    pub size: u64,
}

/// Why records did not get to the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PumpError {
    /// A record is missing.
    #[error("record {expected} was expected in the ledger, and {seen} came")]
    Gap {
        /// The place that is next.
        expected: Sequence,
        /// The one that came.
        seen: Sequence,
    },
    /// The log cannot be written; it has to be opened again.
    #[error("the audit log cannot be written")]
    Log(#[from] LogError),
    /// The ledger is shorter than the log.
    #[error(
        "the audit log has {log} entries and the ledger {ledger} records: the database is an older one than the log knows"
    )]
    Rollback {
        /// How many entries the log has.
        log: u64,
        /// The last record.
        ledger: u64,
    },
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
}

impl<F: Files> Pump<F> {
    /// Takes the records of `history` to `log`.
    pub fn new(history: Arc<dyn History>, log: Log<F>) -> Self {
        Self { history, log }
    }

    /// The log, as far as it is written.
    pub fn log(&self) -> &Log<F> {
        &self.log
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        self.log.checkpoint()
    }

    /// Takes the next records, if there are any. The disk is waited for: not to be called where
    /// nothing may block.
    ///
    /// # Errors
    /// [`PumpError`]; after one of the log, it has to be opened again for the pump to go on.
    pub async fn step(&mut self) -> Result<Progress, PumpError> {
        let after = Sequence::new(self.log.size());
        let limit = to_a_full_bundle(self.log.size());
        let records = self.history.stored_records(after, limit).await?;
        if records.is_empty() {
            self.is_not_rolled_back().await?;
        }
        let entries = entries(after, &records)?;
        self.log.append(&entries)?;
        Ok(Progress {
            more: records.len() == limit,
            taken: records.len(),
            size: self.log.size(),
        })
    }

    async fn is_not_rolled_back(&self) -> Result<(), PumpError> {
        let (log, ledger) = (self.log.size(), head(&*self.history).await?.get());
        (log <= ledger)
            .then_some(())
            .ok_or(PumpError::Rollback { log, ledger })
    }
}

impl<F> std::fmt::Debug for Pump<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pump").finish_non_exhaustive()
    }
}

/// The place of the last record of a ledger.
///
/// # Errors
/// Those of the ledger.
pub async fn head(history: &dyn History) -> Result<Sequence, StoreError> {
    let last = history.find_records(&RecordQuery::newest(1)).await?;
    Ok(last
        .last()
        .map_or(Sequence::START, |record| record.sequence))
}

/// How many records one step takes at most: those that end a bundle, so that while more are waiting
/// none is written that is not full.
fn to_a_full_bundle(size: u64) -> usize {
    let limit = BUNDLES * WIDTH - size % WIDTH;
    usize::try_from(limit).expect("a few thousand")
}

fn entries(after: Sequence, records: &[StoredRecord]) -> Result<Vec<Vec<u8>>, PumpError> {
    let mut expected = after;
    let entry = |record: &StoredRecord| {
        expected = expected.next();
        let seen = record.sequence;
        if seen != expected {
            return Err(PumpError::Gap { expected, seen });
        }
        Ok(entry_of(seen, &record.bytes).into_owned())
    };
    records.iter().map(entry).collect()
}
