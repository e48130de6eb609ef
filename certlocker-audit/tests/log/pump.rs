//! Records become entries, each once, whatever fails in between; the ledger is held against them.

use std::sync::Arc;

use async_trait::async_trait;
use certlocker_audit::log::{Log, LogError};
use certlocker_audit::pump::{Pump, PumpError};
use certlocker_audit::verify::{Kind, Known, Report, verify_store, verify_tiles};
use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Fact, History, Ledger, MemoryStore, Record,
    RecordQuery, Sequence, StoreError, StoredRecord, Timestamp, Trigger,
};
use pollster::block_on;

use crate::support::{Done, Fault, Ram, key};

fn ledger(records: i64) -> Arc<MemoryStore> {
    let store = MemoryStore::default();
    write(&store, records);
    Arc::new(store)
}

fn write(store: &MemoryStore, records: i64) {
    let account = AccountId::first_at(Timestamp::from_seconds(1_700_000_000));
    let by = Attribution::new(Actor::Account(account), Trigger::Request("r".to_owned()));
    for second in 0..records {
        let at = Timestamp::from_seconds(1_700_000_000 + second);
        let fact = Fact::request_refused(account, None, "new-order", "malformed", "x", at);
        block_on(store.commit(Changeset::fact(&fact, &by))).unwrap();
    }
}

fn pumped(store: &Arc<MemoryStore>, files: &Ram) -> Result<(), PumpError> {
    let mut pump = Pump::new(store.clone(), Log::open(files.clone(), key())?);
    while block_on(pump.step())?.taken > 0 {}
    Ok(())
}

#[test]
fn every_record_is_an_entry_once_and_in_order() {
    let (store, files) = (ledger(1_500), Ram::default());
    pumped(&store, &files).unwrap();
    write(&store, 3);
    pumped(&store, &files).unwrap();
    let report = verify_tiles(&files, key().verifier(), &Known::default());
    assert!(report.is_good() && report.looked_at == 1_503, "{report:?}");
    assert!(verified(&*store, &files).is_good());
}

#[test]
fn a_failure_at_any_step_leaves_a_log_that_is_taken_up_where_it_is() {
    for change in 1.. {
        let (store, files) = (ledger(3), Ram::default());
        files.fail(Fault {
            change,
            done: Done::Half,
            error: 28,
        });
        let undisturbed = pumped(&store, &files).is_ok();
        files.recover();
        pumped(&store, &files).unwrap();
        assert!(verified(&*store, &files).is_good(), "step {change}");
        if undisturbed {
            return assert!(change > 10, "there were {change} steps only");
        }
    }
}

#[test]
fn a_database_older_than_the_log_is_refused() {
    let files = Ram::default();
    pumped(&ledger(9), &files).unwrap();
    let error = pumped(&ledger(8), &files).unwrap_err();
    assert!(
        matches!(error, PumpError::Rollback { log: 9, ledger: 8 }),
        "{error}"
    );
    let report = verified(&*ledger(8), &files);
    assert_eq!(report.findings[0].kind, Kind::Truncated);
    assert_eq!(report.findings[0].index, Some(8));
}

fn verified(history: &dyn History, files: &Ram) -> Report {
    block_on(verify_store(
        history,
        &MemoryStore::default(),
        files,
        key().verifier(),
        &Known::default(),
    ))
    .unwrap()
}

/// A ledger that somebody has been at.
struct Tampered(Arc<MemoryStore>, Tamper);

type Tamper = fn(&mut Vec<StoredRecord>);

#[async_trait]
impl History for Tampered {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        self.0.find_records(query).await
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let mut records = self.0.stored_records(Sequence::START, usize::MAX).await?;
        self.1(&mut records);
        records.retain(|record| record.sequence > after);
        records.truncate(limit);
        Ok(records)
    }
}

#[test]
fn the_first_record_that_is_wrong_is_named() {
    let files = Ram::default();
    let store = ledger(300);
    pumped(&store, &files).unwrap();
    let cases: [(Tamper, Kind, u64); 7] = [
        (
            |records| records[270].bytes = changed(&records[270], "new-order", "new-nonce"),
            Kind::Entry,
            270,
        ),
        (|records| records[5].bytes.push(b' '), Kind::Record, 5),
        (
            |records| records[6].bytes = changed(&records[6], "request:r", "a-whim"),
            Kind::Record,
            6,
        ),
        (|records| drop(records.remove(7)), Kind::Gap, 7),
        (|records| records.truncate(299), Kind::Truncated, 299),
        (
            |records| records[8].code = "CLA120I".to_owned(),
            Kind::Index,
            8,
        ),
        (|records| records[9].subjects.clear(), Kind::Index, 9),
    ];
    for (tamper, kind, index) in cases {
        let report = verified(&Tampered(store.clone(), tamper), &files);
        let first = &report.findings[0];
        assert_eq!((first.kind, first.index), (kind, Some(index)), "{first}");
    }
}

fn changed(record: &StoredRecord, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(record.bytes.clone()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replace(from, to).into_bytes()
}

#[test]
fn a_pump_whose_log_failed_says_so_until_it_is_opened_again() {
    let (store, files) = (ledger(3), Ram::default());
    let mut pump = Pump::new(store, Log::open(files.clone(), key()).unwrap());
    files.fail(Fault {
        change: 1,
        done: Done::Nothing,
        error: 5,
    });
    block_on(pump.step()).unwrap_err();
    files.recover();
    let error = block_on(pump.step()).unwrap_err();
    assert!(matches!(error, PumpError::Log(LogError::Failed)), "{error}");
}
