//! Two processes' worth of stores on one database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certlocker_core::{
    Aggregate, Changeset, Kind, Leases, Ledger, PostgresStore, Sequence, SpentNonce, SpentNonces,
    StoreError,
};

use crate::nouns::{account, at, by, fact};
use crate::scene::{Scene, runtime};

const WRITERS: usize = 16;
const TIMES: usize = 25;

#[test]
fn a_reader_sees_every_record_in_its_place_while_two_nodes_write() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let writing = Arc::new(AtomicUsize::new(2 * WRITERS));
        for _ in 0..2 {
            let node = scene.open().await;
            for writer in 0..WRITERS {
                tokio::spawn(write(node.clone(), writer, Arc::clone(&writing)));
            }
        }
        let reader = scene.open().await;
        let mut after = Sequence::START;
        loop {
            let last = writing.load(Ordering::SeqCst) == 0;
            for record in reader.records(None, after, 1_000).await.unwrap() {
                assert_eq!(record.sequence, after.next(), "one was skipped");
                after = record.sequence;
            }
            if last {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(after.get() as usize, 2 * WRITERS * TIMES);
    });
}

async fn write(node: PostgresStore, writer: usize, writing: Arc<AtomicUsize>) {
    for time in 0..TIMES {
        let changes = fact(&format!("{writer}-{time}"));
        node.commit(changes).await.unwrap();
    }
    writing.fetch_sub(1, Ordering::SeqCst);
}

#[test]
fn a_holder_that_slept_past_its_claim_cannot_commit_once_another_node_has_it() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let (slept, awake) = (scene.open().await, scene.open().await);
        let creation = account("a").by(&by());
        let made = creation.after();
        slept.commit(creation.into()).await.unwrap();
        let key = made.value.id().to_string();
        let old = slept.claim(Kind::Account, &key, at(1), at(61)).await;
        let old = old.unwrap().expect("it is free");
        let held = awake.claim(Kind::Account, &key, at(60), at(120)).await;
        assert_eq!(held.unwrap(), None);
        let new = awake.claim(Kind::Account, &key, at(61), at(120)).await;
        let new = new.unwrap().expect("its time is over");
        let change = || Changeset::of(made.set_contacts(Vec::new(), at(62)).by(&by()));
        let answer = slept.commit(change().under(old)).await;
        assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
        awake.commit(change().under(new)).await.unwrap();
    });
}

#[test]
fn nodes_that_change_the_same_rows_in_opposite_order_both_go_on() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let nodes = [scene.open().await, scene.open().await];
        let made: Vec<_> = ["a", "b"]
            .iter()
            .map(|name| account(name).by(&by()))
            .collect();
        let rows: Vec<_> = made.iter().map(certlocker_core::Change::after).collect();
        for change in made {
            nodes[0].commit(change.into()).await.unwrap();
        }
        let mut won = 0;
        for round in 0..20 {
            let label = |place: usize| vec![format!("mailto:{round}-{place}@example.com")];
            let current = read(&nodes[0], &rows).await;
            let change = |place: usize, by_node: usize| {
                current[place].set_contacts(label(by_node), at(1)).by(&by())
            };
            let forth = Changeset::of(change(0, 0)).and(change(1, 0));
            let back = Changeset::of(change(1, 1)).and(change(0, 1));
            let (one, other) = tokio::join!(nodes[0].commit(forth), nodes[1].commit(back));
            won += [&one, &other]
                .iter()
                .filter(|answer| answer.is_ok())
                .count();
            let refused = |answer: &Result<_, _>| matches!(answer, Err(StoreError::Conflict));
            assert!(
                one.is_ok() != other.is_ok() && (refused(&one) || refused(&other)),
                "{one:?} {other:?}"
            );
        }
        assert_eq!(won, 20);
    });
}

async fn read(
    node: &PostgresStore,
    rows: &[certlocker_core::Versioned<certlocker_core::Account>],
) -> Vec<certlocker_core::Versioned<certlocker_core::Account>> {
    let mut found = Vec::new();
    for row in rows {
        let account = certlocker_core::AccountStore::account(node, row.value.id()).await;
        found.push(account.unwrap());
    }
    found
}

#[test]
fn what_is_due_goes_to_one_of_two_nodes() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let nodes = [scene.open().await, scene.open().await];
        let mut placed = BTreeSet::new();
        for _ in 0..40 {
            let order = crate::nouns::order().by(&by());
            placed.insert(order.after().value.key());
            nodes[0].commit(order.into()).await.unwrap();
        }
        let claims = nodes.map(|node| tokio::spawn(claim_all(node)));
        let mut claimed = Vec::new();
        for node in claims {
            claimed.extend(node.await.unwrap());
        }
        assert_eq!(claimed.len(), placed.len());
        assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), placed);
    });
}

async fn claim_all(node: PostgresStore) -> Vec<String> {
    let mut mine = Vec::new();
    loop {
        let some = node.claim_due(Kind::Order, at(9_999), at(99_999), 3).await;
        let some = some.unwrap();
        if some.is_empty() {
            return mine;
        }
        mine.extend(some.into_iter().map(|lease| lease.key));
    }
}

#[test]
fn a_nonce_is_spent_once_whoever_asks() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let nodes = [scene.open().await, scene.open().await];
        let epoch = nodes[0].nonce_epoch().await.unwrap();
        assert_eq!(nodes[1].nonce_epoch().await.unwrap(), epoch);
        let nonce = |second: u8| SpentNonce {
            epoch,
            number: [second; 16],
            until: at(second.into()),
        };
        for second in 0..10 {
            let spend = |place: usize| {
                let (node, nonce) = (nodes[place % 2].clone(), nonce(second));
                tokio::spawn(async move { node.spend_nonce(&nonce).await.unwrap() })
            };
            let racing: Vec<_> = (0..16).map(spend).collect();
            let mut won = 0;
            for spent in racing {
                won += usize::from(spent.await.unwrap());
            }
            assert_eq!(won, 1);
        }
        assert_eq!(nodes[0].forget_nonces(at(8), 5).await.unwrap(), 5);
        assert_eq!(nodes[1].forget_nonces(at(8), 99).await.unwrap(), 3);
        assert!(!nodes[0].spend_nonce(&nonce(9)).await.unwrap());
    });
}
