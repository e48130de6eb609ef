//! How many commits a second, against what the disk alone allows; measured, not judged:
//! `cargo test --release -p certlocker-core --features postgres --test postgres -- --ignored --nocapture speed`

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use certlocker_core::{Ledger, PostgresStore};

use crate::nouns::{by, fact, order};
use crate::scene::{Scene, runtime};

const SPAN: Duration = Duration::from_secs(3);

/// Appends of a page that are each on the disk before the next begins.
fn disk() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut file = File::create(folder.path().join("pages")).unwrap();
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < SPAN {
        file.write_all(&[0; 8192]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

#[derive(Clone, Copy)]
enum Work {
    Facts,
    Orders,
}

async fn write(node: PostgresStore, work: Work, count: Arc<AtomicUsize>, end: Instant) {
    while Instant::now() < end {
        let changes = match work {
            Work::Facts => fact("speed"),
            Work::Orders => order().by(&by()).into(),
        };
        node.commit(changes).await.unwrap();
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn commits(nodes: &[PostgresStore], work: Work, callers: usize) -> f64 {
    let (start, count) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut writers = Vec::new();
    for caller in 0..callers {
        let node = nodes[caller % nodes.len()].clone();
        writers.push(tokio::spawn(write(
            node,
            work,
            Arc::clone(&count),
            start + SPAN,
        )));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

#[test]
#[ignore = "a measurement"]
fn commits_a_second_against_the_disk() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let nodes = [scene.open().await, scene.open().await];
        let admin = scene.client().await;
        let transactions = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
        println!("nodes callers work    commits/s transactions/s  disk/s");
        for (count, work, name) in [
            (1, Work::Facts, "facts"),
            (1, Work::Orders, "orders"),
            (2, Work::Orders, "orders"),
        ] {
            for callers in [1, 4, 16, 64, 256] {
                let disk = disk();
                let before: i64 = admin.query_one(transactions, &[]).await.unwrap().get(0);
                let start = Instant::now();
                let commits = commits(&nodes[..count], work, callers).await;
                // The server counts with a delay of a second at most.
                tokio::time::sleep(Duration::from_millis(1_200)).await;
                let span = start.elapsed().as_secs_f64() - 1.2;
                let after: i64 = admin.query_one(transactions, &[]).await.unwrap().get(0);
                let transactions = (after - before) as f64 / span;
                println!(
                    "{count:5} {callers:7} {name:7} {commits:9.0} {transactions:14.0} {disk:7.0}"
                );
            }
        }
    });
}
