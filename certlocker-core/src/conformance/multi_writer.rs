//! Several threads at one store.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::fixture::{account, at, by, client, consecutive, order, put};
use super::{Fresh, Tested};
use crate::{AccountId, AccountStore, Changeset, Fact, Kind, Lease, Sequence, StoreError, Version};

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

/// Adds one contact, however often somebody else is faster: in vain no more often than others
/// succeed, but for a store that takes a rival's failure for a conflict.
async fn add(store: &dyn Tested, id: &AccountId, contact: String) {
    for _ in 0..10 * THREADS * TIMES {
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
    panic!("every update conflicts");
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
                if some.is_empty() || mine.len() > count {
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

/// Reads as long as somebody writes, and once more; answers with how many records there are.
async fn polled(store: &dyn Tested, writing: &AtomicUsize) -> u64 {
    let mut after = Sequence::START;
    loop {
        let last = writing.load(Ordering::SeqCst) == 0;
        let page = store.records(None, after, usize::MAX).await;
        for record in page.expect("records are read") {
            assert_eq!(
                record.sequence,
                after.next(),
                "a record came after a later one was seen"
            );
            after = record.sequence;
        }
        assert!(after.get().is_multiple_of(2), "half a changeset was seen");
        if last {
            return after.get();
        }
        thread::yield_now();
    }
}

/// Counts down even if its thread panics, so that nobody waits for it.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub fn a_reader_beside_writers_skips_no_record(fresh: &Fresh) {
    let writers = THREADS - 1;
    let writing = AtomicUsize::new(writers);
    let write = async |store: &dyn Tested| {
        let _done = Done(&writing);
        for _ in 0..TIMES {
            store.commit(pair()).await.expect("it is written");
        }
    };
    together(|thread| {
        if thread > 0 {
            return fresh.run(write);
        }
        let seen = fresh.run(async |store| polled(store, &writing).await);
        assert_eq!(seen, 2 * (TIMES * writers) as u64);
    });
}
