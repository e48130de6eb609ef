//! The store in SQLite keeps the contract.

use certlocker_core::SqliteStore;
use certlocker_core::conformance::Fresh;

fn fresh() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("certlocker.sqlite");
    let open = move || SqliteStore::open(&path).unwrap();
    Fresh::new(open()).reopening(open).keeping(directory)
}

certlocker_core::conformance!(fresh, durable);
