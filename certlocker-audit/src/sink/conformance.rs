//! The contract of a sink as tests that any sink can be held to: `sink_conformance!(fresh)`, beside
//! a function that makes a [`Fresh`] one.
//!
//! The list of the cases is not covered by semantic versioning.

use std::sync::Arc;

use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Fact, History, Ledger, MemoryStore, Record,
    RecordQuery, Timestamp, Trigger,
};

use super::AuditSink;

/// A sink to be tested, and what arrived behind it.
pub struct Fresh {
    /// The sink.
    sink: Arc<dyn AuditSink>,
    received: Box<dyn Fn() -> Vec<Vec<u8>>>,
    run: fn(std::pin::Pin<Box<dyn Future<Output = ()> + '_>>),
}

impl Fresh {
    /// A sink, what has arrived at the other end so far, one line for each record, and what runs a
    /// future to its end.
    pub fn new(
        sink: Arc<dyn AuditSink>,
        received: impl Fn() -> Vec<Vec<u8>> + 'static,
        run: fn(std::pin::Pin<Box<dyn Future<Output = ()> + '_>>),
    ) -> Self {
        Self {
            sink,
            received: Box::new(received),
            run,
        }
    }

    fn deliver(&self, records: &[Record]) {
        (self.run)(Box::pin(async {
            let delivered = self.sink.deliver(records).await;
            delivered.expect("a sink that nothing is wrong with takes records");
        }));
    }
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// Expands to one test for each case; see [the module](mod@crate::sink::conformance).
#[macro_export]
macro_rules! sink_conformance {
    ($fresh:path) => {
        $crate::sink_conformance!($fresh:
            records_arrive_whole_and_in_order,
            records_that_come_again_are_told_by_their_sequence,
            text_of_any_kind_stays_within_its_record,
            no_records_are_no_message,
        );
    };
    ($fresh:path: $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::sink::conformance::$case(&$fresh());
            }
        )*
    };
}

/// Records as a ledger has them, with these details.
pub fn records(details: &[&str]) -> Vec<Record> {
    let (store, at) = (
        MemoryStore::default(),
        Timestamp::from_seconds(1_700_000_000),
    );
    let account = AccountId::first_at(at);
    let by = Attribution::new(Actor::Account(account), Trigger::Request("r".to_owned()));
    // The store in memory never waits.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for detail in details {
        let fact = Fact::request_refused(account, None, "new-order", "malformed", detail, at);
        let written = std::pin::pin!(store.commit(Changeset::fact(&fact, &by))).poll(&mut context);
        assert!(matches!(written, std::task::Poll::Ready(Ok(_))));
    }
    let query = RecordQuery::oldest(details.len());
    let found = std::pin::pin!(store.find_records(&query)).poll(&mut context);
    match found {
        std::task::Poll::Ready(Ok(records)) => records,
        _ => Vec::new(),
    }
}

fn lines(records: &[Record]) -> Vec<Vec<u8>> {
    records.iter().map(Record::to_canonical).collect()
}

#[doc(hidden)]
pub fn records_arrive_whole_and_in_order(fresh: &Fresh) {
    let all = records(&["a"; 500]);
    for part in all.chunks(77) {
        fresh.deliver(part);
    }
    assert_eq!((fresh.received)(), lines(&all));
}

#[doc(hidden)]
pub fn records_that_come_again_are_told_by_their_sequence(fresh: &Fresh) {
    let all = records(&["a"; 9]);
    fresh.deliver(&all[..6]);
    fresh.deliver(&all[3..]);
    let mut received = (fresh.received)();
    received.dedup();
    received.sort_by_key(|line| Record::from_canonical(line).expect("a record").sequence);
    received.dedup();
    assert_eq!(received, lines(&all));
}

#[doc(hidden)]
pub fn text_of_any_kind_stays_within_its_record(fresh: &Fresh) {
    let long = "x".repeat(1_500);
    let details = [
        "\r\n\n12 <14>1",
        "\0\u{1}\u{7f}\u{2028}",
        "\u{1f512} \"]\\",
        &long,
    ];
    let all = records(&details);
    fresh.deliver(&all);
    assert_eq!((fresh.received)(), lines(&all));
}

#[doc(hidden)]
pub fn no_records_are_no_message(fresh: &Fresh) {
    fresh.deliver(&[]);
    assert!((fresh.received)().is_empty());
    let all = records(&["a"]);
    fresh.deliver(&all);
    assert_eq!((fresh.received)(), lines(&all));
}
