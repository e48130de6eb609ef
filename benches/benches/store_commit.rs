//! What a commit costs, alone and with others at the same time: many callers share one write to
//! the disk. The database is below the build's own folder, because a temporary one may be in memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Component, Identifier, Ledger, MemoryStore, NewOrder,
    Order, SqliteStore, Timestamp, Trigger,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// A new order, with its record: what one request commits.
fn change() -> Changeset {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut random = fastrand::Rng::with_seed(number);
    let new = NewOrder {
        account: AccountId::first_at(NOW),
        client: None,
        expires: NOW.after(Duration::from_secs(86_400)),
        identifiers: vec![Identifier::dns(&format!("n{number}.load.example")).unwrap()],
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let now = NOW.after(Duration::from_millis(number));
    let created = Order::create(new, None, &mut |bytes| random.fill(bytes), now);
    Changeset::of(created.unwrap().by(&by))
}

/// So many commits in all, by so many callers.
async fn commits(store: &Arc<dyn Ledger>, callers: u64, count: u64) {
    let each = count.div_ceil(callers);
    let call = |store: Arc<dyn Ledger>| async move {
        for _ in 0..each {
            store.commit(change()).await.unwrap();
        }
    };
    let running: Vec<_> = (0..callers)
        .map(|_| tokio::spawn(call(Arc::clone(store))))
        .collect();
    for caller in running {
        caller.await.unwrap();
    }
}

fn store_commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let sqlite = SqliteStore::open(folder.path().join("certlocker.sqlite")).unwrap();
    let stores: [(&str, Arc<dyn Ledger>); 2] = [
        ("memory", Arc::new(MemoryStore::default())),
        ("sqlite", Arc::new(sqlite)),
    ];
    let mut group = criterion.benchmark_group("store_commit");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    for (name, store) in &stores {
        for callers in [1, 8, 64] {
            group.bench_function(BenchmarkId::new(*name, callers), |bencher| {
                bencher.iter_custom(|count| {
                    let begun = Instant::now();
                    runtime.block_on(commits(store, callers, count));
                    // Of the last round some callers make one more than was asked for.
                    let made = count.div_ceil(callers) * callers;
                    begun.elapsed().mul_f64(count as f64 / made as f64)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, store_commit);
criterion_main!(benches);
