//! What placing an order and reading a page of an account's orders cost, among a thousand orders
//! and among a million. All are the account's own, which is the worst for its list.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Component, Identifier, Ledger, NewOrder, Order,
    OrderStore, Page, SqliteStore, Timestamp, Trigger,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rusqlite::Connection;
use tokio::runtime::Runtime;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const PAGE: usize = 50;

fn account() -> AccountId {
    AccountId::first_at(NOW)
}

/// A new order, with its record: what one request commits.
fn change() -> Changeset {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut random = fastrand::Rng::with_seed(number);
    let new = NewOrder {
        account: account(),
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

/// A database with so many orders, entered past the store: all have the snapshot of one.
fn filled(path: &Path, orders: u32) -> SqliteStore {
    let store = SqliteStore::open(path).unwrap();
    let change = change();
    let snapshot = change.writes()[0].snapshot.clone().unwrap();
    let connection = Connection::open(path).unwrap();
    let numbers = format!(
        "PRAGMA cache_size = -262144; CREATE TEMP VIEW n AS WITH RECURSIVE n (i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {orders}) SELECT i FROM n; BEGIN"
    );
    connection.execute_batch(&numbers).unwrap();
    let rows = "INSERT INTO row (kind, key, version, snapshot) \
        SELECT 'order', printf('%026d', i), 1, ? FROM n";
    connection.execute(rows, [snapshot]).unwrap();
    for name in ["account", "listed", "open"] {
        let entries = "INSERT INTO entry (kind, name, value, key, single) \
            SELECT 'order', ?, ?, printf('%026d', i), 0 FROM n";
        let given = (name, account().to_string());
        connection.execute(entries, given).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    store
}

fn store_growth(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let mut group = criterion.benchmark_group("store_growth");
    group.sample_size(20);
    for orders in [1_000, 1_000_000] {
        let store = filled(&folder.path().join(format!("{orders}.sqlite")), orders);
        group.bench_function(BenchmarkId::new("new_order", orders), |bencher| {
            bencher.iter(|| runtime.block_on(store.commit(change())).unwrap());
        });
        group.bench_function(BenchmarkId::new("orders_list", orders), |bencher| {
            let middle = Some(format!("{:026}", orders / 2));
            bencher.iter(|| {
                let page = Page::oldest(PAGE).after(middle.clone());
                runtime
                    .block_on(store.listed_orders(&account(), page))
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, store_growth);
criterion_main!(benches);
