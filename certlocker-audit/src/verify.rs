//! Checks a log or a ledger offline, and names the first thing that is wrong.

mod report;
mod secrets;
mod store;
mod tiles;
mod trail;

use crate::checkpoint::SignedCheckpoint;

pub use report::{Finding, Kind, Report};
pub use store::verify_store;
pub use tiles::verify_tiles;

/// What is known from elsewhere.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Known {
    /// Checkpoints that were kept elsewhere: the log has to have each of them in it.
    pub anchors: Vec<SignedCheckpoint>,
    /// Entries below this index may have been removed, by a policy that the auditor knows.
    pub minimum: u64,
}

impl Known {
    /// Nothing but these checkpoints.
    pub fn anchors(anchors: Vec<SignedCheckpoint>) -> Self {
        Self {
            anchors,
            minimum: 0,
        }
    }
}
