//! Every case of the conformance suite.

use std::sync::Arc;

use certlocker_core::PostgresStore;
use certlocker_core::conformance::{Broken, Fresh, Outage};

use crate::full::FullDisk;
use crate::proxy::{Cut, Proxy};
use crate::scene::{Scene, runtime};

fn fresh() -> Fresh {
    let Some(scene) = Scene::new() else {
        return Fresh::left_out("there is no PostgreSQL here");
    };
    let admin = scene.server.url("postgres");
    let proxy = runtime().block_on(Proxy::start(scene.server.port(), admin));
    let proxy = Arc::new(proxy);
    let url = scene.through(&proxy);
    let open = move || runtime().block_on(PostgresStore::open(&url)).unwrap();
    Fresh::new(open())
        .reopening(open.clone())
        // All that a dead process leaves is what it has committed.
        .crashing(open)
        .breaking(broken(scene.url.clone(), proxy))
        .running(|work| runtime().block_on(work))
        .keeping(scene)
}

fn broken(url: String, proxy: Arc<Proxy>) -> impl Fn(Outage, u32) -> Broken + Send + Sync {
    move |outage, step| {
        let cut = match outage {
            Outage::StatementLost => Cut::Before,
            Outage::AnswerLost => Cut::After,
            _ => return FullDisk::at(&url, step),
        };
        proxy.arm(cut, usize::try_from(step).unwrap());
        let (armed, disarmed) = (Arc::clone(&proxy), Arc::clone(&proxy));
        let disarm = move || {
            disarmed.sprung();
        };
        Broken::new(move || armed.sprung(), disarm)
    }
}

certlocker_core::conformance!(fresh, durable, crash, disk_full, cut);
