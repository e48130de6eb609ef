//! The store in memory keeps the contract.

fn fresh() -> certlocker_core::conformance::Fresh {
    certlocker_core::conformance::Fresh::new(certlocker_core::MemoryStore::default())
}

certlocker_core::conformance!(fresh);
