//! Every case of the conformance suite.

use certlocker_core::conformance::Fresh;
use certlocker_core::{MemoryStore, PostgresStore};

use crate::scene::{Scene, runtime};

fn fresh() -> Fresh {
    let Some(scene) = Scene::new() else {
        // The test was left out, and has said so.
        let store = MemoryStore::default();
        let same = store.clone();
        return Fresh::new(store).reopening(move || same.clone());
    };
    let url = scene.url.clone();
    let open = move || runtime().block_on(PostgresStore::open(&url)).unwrap();
    Fresh::new(open())
        .reopening(open)
        .running(|work| runtime().block_on(work))
        .keeping(scene)
}

certlocker_core::conformance!(fresh, durable);
