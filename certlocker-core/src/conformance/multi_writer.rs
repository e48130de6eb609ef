//! Several threads at one store.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::fixture::{account, at, by, client, consecutive, order, put};
use super::{Fresh, Tested};
use crate::{
    AccountId, AccountStore, Changeset, Fact, Kind, Lease, Ledger, Sequence, StoreError, Version,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_multi_writer {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { multi_writer $($rest)*:
            updates_from_several_threads_are_all_there,
            a_unique_name_goes_to_one_of_many,
            each_due_row_goes_to_one_of_many,
            a_reader_beside_writers_skips_no_record,
        }
    };
}

const THREADS: usize = 6;
const TIMES: usize = 15;

/// Runs the same on each thread, told its number, and gathers what they answer.
fn together<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let start = |number| scope.spawn(move || work(number));
        let running: Vec<_> = (0..THREADS).map(start).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended
            .map(|ended| ended.expect("the thread comes to its end"))
            .collect()
    })
}

/// Adds one contact, however often somebody else is faster.
async fn add(store: &dyn Tested, id: &AccountId, contact: String) {
    loop {
        let account = store.account(id).await.expect("it is there");
        let mut contacts = account.value.contacts().to_vec();
        contacts.push(contact.clone());
        let change = account.set_contacts(contacts, at(1)).by(&by());
        match store.commit(change.into()).await {
            Ok(_) => return,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("an update is written or conflicts: {error}"),
        }
    }
}

pub fn updates_from_several_threads_are_all_there(fresh: &Fresh) {
    let start = fresh.run(async |store| put(store, account("a", None)).await);
    let id = start.value.id();
    together(|thread| {
        fresh.run(async |store| {
            for time in 0..TIMES {
                add(store, id, format!("mailto:{thread}-{time}@example.com")).await;
            }
        });
    });
    fresh.run(async |store| {
        let account = store.account(id).await.expect("it is there");
        let contacts: BTreeSet<&String> = account.value.contacts().iter().collect();
        assert_eq!(
            contacts.len(),
            start.value.contacts().len() + THREADS * TIMES
        );
        assert_eq!(account.version, Version::new(1 + (THREADS * TIMES) as u64));
        consecutive(store).await;
    });
}

pub fn a_unique_name_goes_to_one_of_many(fresh: &Fresh) {
    for round in 0..TIMES {
        let answers = together(|_| {
            let change = client(&round.to_string()).by(&by());
            fresh.run(async |store| store.commit(change.into()).await)
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "one thread has the name");
        for answer in lost {
            super::fixture::is_conflict(&answer);
        }
    }
}

pub fn each_due_row_goes_to_one_of_many(fresh: &Fresh) {
    let count = 60;
    fresh.run(async |store| {
        for _ in 0..count {
            put(store, order(at(0))).await;
        }
    });
    let claimed = together(|_| {
        fresh.run(async |store| {
            let mut mine: Vec<Lease> = Vec::new();
            loop {
                let some = store.claim_due(Kind::Order, at(3_600), at(9_999), 4).await;
                let some = some.expect("claims are made");
                if some.is_empty() {
                    return mine;
                }
                mine.extend(some);
            }
        })
    });
    let claimed: Vec<String> = claimed
        .into_iter()
        .flatten()
        .map(|lease| lease.key)
        .collect();
    assert_eq!(claimed.len(), count);
    assert_eq!(
        claimed.iter().collect::<BTreeSet<_>>().len(),
        count,
        "a row was claimed twice"
    );
}

/// Two records that belong together.
fn pair() -> Changeset {
    let fact = |version| Fact::server_started(version, at(0));
    Changeset::fact(&fact("first"), &by()).and_fact(&fact("second"), &by())
}

async fn polled(store: &dyn Tested, all: u64) {
    let mut after = Sequence::START;
    while after.get() < all {
        let page = store
            .records(None, after, usize::MAX)
            .await
            .expect("records are read");
        for record in &page {
            assert_eq!(
                record.sequence,
                after.next(),
                "a record came after a later one was seen"
            );
            after = record.sequence;
        }
        assert!(after.get().is_multiple_of(2), "half a changeset was seen");
        thread::yield_now();
    }
}

pub fn a_reader_beside_writers_skips_no_record(fresh: &Fresh) {
    let turn = AtomicUsize::new(0);
    together(|_| match turn.fetch_add(1, Ordering::SeqCst) {
        0 => fresh.run(async |store| polled(store, 2 * (TIMES * (THREADS - 1)) as u64).await),
        _ => fresh.run(async |store| {
            for _ in 0..TIMES {
                Ledger::commit(store, pair()).await.expect("it is written");
            }
        }),
    });
}
