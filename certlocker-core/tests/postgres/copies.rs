//! Copies of a database in use, put back into a database of either kind.

use std::collections::BTreeSet;
use std::path::Path;

use certlocker_core::{
    Account, Changeset, Client, CopyError, Kind, Leases, Ledger, NewClient, Order, Page,
    PostgresStore, Record, RecordQuery, Scope, SecretId, Sequence, SqliteStore, Store,
    StoredRecord, Uses, Versioned,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::nouns::{account, at, by, fact, order, random};
use crate::scene::{Scene, runtime};

/// What a copy has to have, as far as it can be asked for.
#[derive(Debug, PartialEq)]
struct Whole {
    accounts: Vec<Versioned<Account>>,
    clients: Vec<Option<Versioned<Client>>>,
    orders: Vec<Versioned<Order>>,
    records: Vec<StoredRecord>,
    found: Vec<Record>,
}

/// A name that is hard to keep.
const NAMES: [&str; 2] = ["a\0b\u{1}", "ä%'"];

async fn whole(store: &impl Store) -> Whole {
    let all = || Page::oldest(usize::MAX);
    let mut by_us = RecordQuery::newest(usize::MAX);
    by_us.actor = Some(by().actor);
    by_us.since = Some(at(0));
    let mut clients = Vec::new();
    for name in NAMES {
        clients.push(store.client_by_name(name).await.unwrap());
    }
    Whole {
        accounts: store.accounts(all()).await.unwrap(),
        clients,
        orders: store.orders(all()).await.unwrap(),
        records: store
            .stored_records(Sequence::START, usize::MAX)
            .await
            .unwrap(),
        found: store.find_records(&by_us).await.unwrap(),
    }
}

fn client(name: &str) -> Changeset {
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(at(0)),
        name: name.to_owned(),
        proof_reuse: false,
        quirks: BTreeSet::new(),
        scope: Scope::default(),
        uses: Uses::Any,
    };
    Client::create(new, &mut random, at(0)).by(&by()).into()
}

/// Something of everything: what was changed, what is gone, texts that are hard to keep.
async fn furnish(store: &impl Store) {
    for name in NAMES {
        store.commit(client(name)).await.unwrap();
    }
    let made = account("moves").by(&by());
    let before = made.after();
    store.commit(made.into()).await.unwrap();
    let moved = before.change_key(crate::nouns::key("moved"), at(1));
    store.commit(moved.by(&by()).into()).await.unwrap();
    let placed = order().by(&by());
    let ended = placed.after().expire(at(3_600)).unwrap().by(&by());
    let gone = ended.after().remove(at(9_999), at(9_999)).unwrap();
    let all = Changeset::of(placed).and(ended).and(gone.by(&by()));
    store.commit(all).await.unwrap();
    store.commit(order().by(&by()).into()).await.unwrap();
    store.commit(fact("here")).await.unwrap();
}

/// Writes until it is told to stop: an order with a fact each time, in one changeset.
fn writing(store: &PostgresStore, stop: &watch::Receiver<bool>) -> JoinHandle<()> {
    let (store, stop) = (store.clone(), stop.clone());
    tokio::spawn(async move {
        while !*stop.borrow() {
            let change = Changeset::of(order().by(&by())).merge(fact("beside"));
            store.commit(change).await.unwrap();
        }
    })
}

/// That the records follow each other, read, and tell of as many orders as there are.
fn is_of_one_moment(copy: &Whole) {
    let mut placed = 0;
    for (place, stored) in (1..).zip(&copy.records) {
        let record = Record::from_canonical(&stored.bytes).unwrap();
        assert_eq!(
            (stored.sequence, record.sequence.get()),
            (record.sequence, place)
        );
        assert_eq!(record.to_canonical(), stored.bytes);
        placed += usize::from(record.event.name() == "order.created");
        placed -= usize::from(record.event.name() == "order.removed");
    }
    assert_eq!(copy.orders.len(), placed);
    assert_eq!(copy.found.len(), copy.records.len());
}

fn copied(from: &Path) -> SqliteStore {
    let store = SqliteStore::open(from).unwrap();
    runtime().block_on(async { is_of_one_moment(&whole(&store).await) });
    store
}

#[test]
fn a_copy_made_under_load_is_of_one_moment_and_can_be_put_back() {
    let (Some(scene), Some(other)) = (Scene::new(), Scene::new()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let before = runtime().block_on(async {
        let store = scene.open().await;
        furnish(&store).await;
        let (end, stop) = watch::channel(false);
        let writers: Vec<_> = (0..8).map(|_| writing(&store, &stop)).collect();
        let mut before = store.commit(fact("before")).await.unwrap();
        while before.get() < 1_500 {
            before = store.commit(fact("before")).await.unwrap();
        }
        store.backup(&copy).await.unwrap();
        let after = store.commit(fact("after")).await.unwrap();
        assert!(after.get() > before.get() + 1, "nobody wrote meanwhile");
        end.send(true).unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        before
    });
    let copy_of_it = whole_of(&copied(&copy));
    assert!(copy_of_it.records.len() as u64 >= before.get());
    runtime().block_on(async {
        let store = other.open().await;
        let last = store.restore(&copy).await.unwrap();
        assert_eq!(last.get(), copy_of_it.records.len() as u64);
        assert_eq!(whole(&store).await, copy_of_it);
        let next = store.commit(fact("next")).await.unwrap();
        assert_eq!(next, last.next());
        let claimed = store.claim_due(Kind::Order, at(3_600), at(9_999), 1).await;
        assert_eq!(claimed.unwrap().len(), 1);
    });
}

fn whole_of(store: &SqliteStore) -> Whole {
    runtime().block_on(whole(store))
}

#[test]
fn what_moves_from_sqlite_to_postgresql_and_back_is_the_same() {
    let Some(scene) = Scene::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let first = SqliteStore::open(place("first")).unwrap();
    runtime().block_on(async {
        furnish(&first).await;
        first.backup(place("out")).await.unwrap();
        let store = scene.open().await;
        store.restore(place("out")).await.unwrap();
        assert_eq!(whole(&store).await, whole(&first).await);
        store.backup(place("back")).await.unwrap();
    });
    assert_eq!(whole_of(&copied(&place("back"))), whole_of(&first));
}

#[test]
fn a_database_in_use_is_not_restored_into() {
    let Some(scene) = Scene::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    runtime().block_on(async {
        let store = scene.open().await;
        store.commit(fact("here")).await.unwrap();
        store.backup(&copy).await.unwrap();
        let refusal = store.restore(&copy).await.unwrap_err();
        assert!(
            matches!(refusal, CopyError::NotEmpty { records: 1, .. }),
            "{refusal}"
        );
        let again = store.backup(&copy).await.unwrap_err().to_string();
        assert!(again.contains("new file only"), "{again}");
        assert_eq!(whole(&store).await.records.len(), 1);
    });
}

#[test]
fn a_copy_with_a_record_missing_is_refused_and_nothing_of_it_is_there() {
    let Some(scene) = Scene::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    runtime().block_on(async {
        let damaged = SqliteStore::open(&path).unwrap();
        furnish(&damaged).await;
        damaged.close();
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.execute_batch(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER record_stays; \
            DELETE FROM record WHERE sequence = 4",
        )
        .unwrap();
        drop(raw);
        let store = scene.open().await;
        let refusal = store.restore(&path).await.unwrap_err();
        let CopyError::Gap { expected, found } = &refusal else {
            panic!("{refusal}");
        };
        assert_eq!((expected.get(), found.get()), (4, 5));
        assert!(whole(&store).await.orders.is_empty());
        assert_eq!(store.commit(fact("first")).await.unwrap(), Sequence::new(1));
    });
}
