//! A connection that breaks at any statement of a commit: what is answered is what is stored.

use certlocker_core::{
    Account, AccountStore, Changeset, Kind, Leases, Ledger, PostgresStore, Sequence, StoreError,
    Subject, Versioned,
};

use crate::nouns::{account, at, by, key};
use crate::proxy::{Cut, Proxy};
use crate::scene::{Scene, runtime};

/// A changeset that has something of everything: a new row, a changed one, entries that come and
/// go, a lease.
async fn changes(store: &PostgresStore, label: &str) -> (Changeset, [Versioned<Account>; 2]) {
    let old = account(&format!("{label} before")).by(&by());
    let before = old.after();
    store.commit(old.into()).await.unwrap();
    let place = before.value.id().to_string();
    let lease = store.claim(Kind::Account, &place, at(1), at(2)).await;
    let changed = before.change_key(key(&format!("{label} after")), at(1));
    let (changed, made) = (changed.by(&by()), account(label).by(&by()));
    let after = [changed.after(), made.after()];
    let lease = lease.unwrap().expect("it is free");
    (Changeset::of(changed).and(made).under(lease), after)
}

/// Whether all of it is there; half of it must never be.
async fn landed(store: &PostgresStore, after: &[Versioned<Account>; 2]) -> bool {
    let mut seen = Vec::new();
    for account in after {
        let row = store.account(account.value.id()).await;
        seen.push(row.is_ok_and(|row| row.version == account.version));
        let key = &account.value.key().thumbprint;
        let found = store.account_by_key(key).await.unwrap();
        seen.push(found.as_ref() == Some(account));
        let about = Subject::Account(*account.value.id());
        let records = store.records(Some(&about), Sequence::START, 9).await;
        seen.push(records.unwrap().len() as u64 == account.version.get());
    }
    let place = after[0].value.id().to_string();
    let held = store.claim(Kind::Account, &place, at(1), at(2));
    seen.push(held.await.unwrap().is_some());
    assert!(
        seen.iter().all(|one| *one == seen[0]),
        "half a changeset: {seen:?}"
    );
    seen[0]
}

/// What each way of breaking off was answered with, one letter for each statement.
async fn answers(store: &PostgresStore, proxy: &Proxy, cut: Cut) -> String {
    let mut letters = String::new();
    for statement in 1.. {
        let (changes, after) = changes(store, &format!("{cut:?} {statement}")).await;
        proxy.arm(cut, statement);
        let answer = store.commit(changes).await;
        let sprung = proxy.sprung();
        let (letter, truth) = match answer {
            Ok(_) => ('w', Some(true)),
            Err(StoreError::Unavailable(_)) => ('n', Some(false)),
            Err(StoreError::Indeterminate(_)) => ('?', None),
            Err(error) => panic!("{cut:?} at {statement}: {error}"),
        };
        let landed = landed(store, &after).await;
        assert_eq!(
            landed,
            truth.unwrap_or(landed),
            "{cut:?} at {statement}: answered {letter}"
        );
        if !sprung {
            break;
        }
        letters.push(letter);
    }
    letters
}

#[test]
fn a_connection_cut_at_any_statement_is_answered_with_the_truth() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let admin = scene.server.url("postgres");
        let proxy = Proxy::start(scene.server.port(), admin).await;
        let store = PostgresStore::open(&scene.through(&proxy)).await.unwrap();
        // What breaks off before the commit is sent is done again over another connection; what the
        // server has told before it came to the commit is no doubt either.
        for (cut, expected) in [
            (Cut::Before, "wwwwwwwwww??"),
            (Cut::After, "wwwwwwwwww??"),
            (Cut::Terminated, "wwwwwwwwwww?"),
        ] {
            assert_eq!(answers(&store, &proxy, cut).await, expected, "{cut:?}");
        }
    });
}
