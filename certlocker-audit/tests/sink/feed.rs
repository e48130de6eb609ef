use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use certlocker_audit::files::Disk;
use certlocker_audit::sink::{AuditSink, Class, Feed, FeedError, SinkError};
use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Fact, Ledger, MemoryStore, Record, Timestamp, Trigger,
};
use pollster::block_on;

/// Takes records, and while it is told to, says afterwards that it did not.
#[derive(Debug, Default)]
struct Doubtful {
    failing: AtomicBool,
    taken: Mutex<Vec<u64>>,
}

#[async_trait]
impl AuditSink for Doubtful {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        let places = records.iter().map(|record| record.sequence.get());
        self.taken.lock().unwrap().extend(places);
        match self.failing.load(Ordering::SeqCst) {
            true => Err(SinkError::new("out of order")),
            false => Ok(()),
        }
    }
}

fn ledger(records: usize) -> Arc<MemoryStore> {
    let (store, at) = (
        MemoryStore::default(),
        Timestamp::from_seconds(1_700_000_000),
    );
    let by = Attribution::new(Actor::Account(AccountId::first_at(at)), Trigger::Command);
    for _ in 0..records {
        let fact = Fact::server_started("1", at);
        block_on(store.commit(Changeset::fact(&fact, &by))).unwrap();
    }
    Arc::new(store)
}

fn feed(store: &Arc<MemoryStore>, sink: &Arc<Doubtful>, files: &Disk) -> Feed<Disk> {
    let class = Class::BestEffort;
    Feed::open(
        "doubtful",
        class,
        store.clone(),
        sink.clone(),
        files.clone(),
    )
    .unwrap()
}

#[test]
fn each_record_comes_at_least_once_and_the_cursor_moves_only_when_it_did() {
    let directory = tempfile::tempdir().unwrap();
    let (store, sink, files) = (
        ledger(300),
        Arc::new(Doubtful::default()),
        Disk::at(directory.path()),
    );
    let mut first = feed(&store, &sink, &files);
    sink.failing.store(true, Ordering::SeqCst);
    let error = block_on(first.step()).unwrap_err();
    assert!(matches!(error, FeedError::Sink(_)), "{error}");
    assert_eq!(first.delivered().get(), 0);
    sink.failing.store(false, Ordering::SeqCst);
    assert_eq!(block_on(first.step()).unwrap().taken, 256);
    drop(first);
    let mut again = feed(&store, &sink, &files);
    assert_eq!(again.delivered().get(), 256);
    assert_eq!(block_on(again.step()).unwrap().delivered.get(), 300);
    assert_eq!(block_on(again.step()).unwrap().taken, 0);
    let taken = sink.taken.lock().unwrap().clone();
    let expected: Vec<u64> = (1..=256).chain(1..=300).collect();
    assert_eq!(taken, expected);
}

#[test]
fn a_cursor_that_does_not_read_is_not_taken_for_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("doubtful.cursor"), "x").unwrap();
    let (store, sink, files) = (
        ledger(1),
        Arc::new(Doubtful::default()),
        Disk::at(directory.path()),
    );
    let opened = Feed::open("doubtful", Class::BestEffort, store, sink, files);
    assert!(matches!(opened, Err(FeedError::Cursor { .. })));
}
