//! A write-ahead log without room: the server gives up, and has everything that was acknowledged when
//! it is started again with room.

use std::fs;

use certlocker_core::{Event, Ledger, PostgresStore, Record, Sequence, StoreError};
use sha2::{Digest, Sha256};

use crate::nouns::fact;
use crate::scene::runtime;
use crate::small::{Holds, Small};

/// How many commits are tried once one has failed.
const MORE: usize = 20;
/// A new segment is needed long before.
const MOST: usize = 5_000;

/// A label as long as a few pages, which does not compress.
fn label(number: usize) -> String {
    let drawn = (0..500).map(|part| Sha256::digest(format!("{number}.{part}")));
    let long = drawn.map(|drawn| drawn.iter().map(|byte| format!("{byte:02x}")).collect());
    format!("{number} {}", long.collect::<Vec<String>>().join(""))
}

fn number(record: &Record) -> usize {
    let Event::ServerStarted { version, .. } = &record.event else {
        panic!("nothing else was written: {record:?}");
    };
    let number = version.split(' ').next();
    number.and_then(|number| number.parse().ok()).unwrap()
}

/// What became of commits, by their numbers.
#[derive(Debug, Default)]
struct Said {
    acknowledged: Vec<usize>,
    doubted: Vec<usize>,
    refused: Vec<usize>,
    causes: Vec<String>,
}

impl Said {
    async fn commit(&mut self, store: &PostgresStore, number: usize) {
        let (list, cause) = match store.commit(fact(&label(number))).await {
            Ok(_) => (&mut self.acknowledged, None),
            Err(StoreError::Indeterminate(cause)) => (&mut self.doubted, Some(cause)),
            Err(StoreError::Unavailable(cause)) => (&mut self.refused, Some(cause)),
            Err(error) => panic!("{error}: {error:?}"),
        };
        list.push(number);
        self.causes.extend(cause.map(|cause| cause.to_string()));
    }
}

#[test]
fn a_full_write_ahead_log_loses_nothing_that_was_acknowledged() {
    let Some(small) = Small::new(Holds::Wal) else {
        return;
    };
    runtime().block_on(async {
        let url = small.server.url("postgres");
        let store = PostgresStore::open(&url).await.unwrap();
        let filler = small.fill();
        let mut said = Said::default();
        let mut next = 0..MOST;
        while said.causes.is_empty() {
            let number = next.next().expect("the log has no room for so many");
            said.commit(&store, number).await;
        }
        for number in next.by_ref().take(MORE) {
            said.commit(&store, number).await;
        }
        said.causes.dedup();
        eprintln!(
            "{} acknowledged, {} refused, {} in doubt: {:?}",
            said.acknowledged.len(),
            said.refused.len(),
            said.doubted.len(),
            said.causes
        );
        assert!(small.server.log().contains("No space left on device"));
        assert!(store.check().await.is_err());

        fs::remove_file(filler).unwrap();
        small.server.control(&["-w", "-m", "immediate", "restart"]);
        store.check().await.unwrap();
        said.commit(&store, MOST).await;
        let records = store.records(None, Sequence::START, usize::MAX).await;
        let records = records.unwrap();
        let places = records.iter().map(|record| record.sequence.get());
        assert!(places.eq(1..=records.len() as u64), "a gap");
        let mut found: Vec<usize> = records.iter().map(number).collect();
        found.retain(|number| !said.doubted.contains(number));
        assert_eq!(found, said.acknowledged);
    });
}
