//! A store behind an open gate keeps the contract of stores.

use std::sync::Arc;

use certlocker_audit::gate::{Gate, Gated};
use certlocker_core::conformance::Fresh;
use certlocker_core::{MemoryStore, Timestamp};

fn fresh() -> Fresh {
    let gate = Gate::new(|| Timestamp::from_seconds(0));
    Fresh::new(Gated::new(MemoryStore::default(), Arc::new(gate)))
}

certlocker_core::conformance!(fresh);
