//! A tablespace without room: nothing of what is refused is written, the server's words are told, and
//! the store goes on when there is room again.

use std::fs;

use crate::nouns::{account, by, fact};
use crate::scene::{plain, runtime};
use crate::small::{Holds, Small};
use certlocker_core::{Ledger, PostgresStore, Sequence, StoreError};

#[test]
fn a_full_tablespace_is_told_and_the_store_goes_on_when_there_is_room() {
    let Some(small) = Small::new(Holds::Anything) else {
        return;
    };
    runtime().block_on(async {
        let admin = plain(&small.server.url("postgres")).await;
        let make = format!(
            "CREATE TABLESPACE small LOCATION '{}'",
            small.place().display()
        );
        admin.batch_execute(&make).await.unwrap();
        let make = "CREATE DATABASE small TABLESPACE small";
        admin.batch_execute(make).await.unwrap();
        let store = PostgresStore::open(&small.server.url("small")).await;
        let store = store.unwrap();
        store.commit(fact("before")).await.unwrap();

        let filler = small.fill();
        let (mut acknowledged, mut label) = (1_u64, 0);
        // What is there has some room in it.
        let cause = loop {
            label += 1;
            let changes = account(&format!("{label}")).by(&by());
            match store.commit(changes.into()).await {
                Ok(place) => {
                    acknowledged += 1;
                    assert_eq!(place.get(), acknowledged);
                }
                Err(StoreError::Unavailable(cause)) => break cause.to_string(),
                Err(error) => panic!("{error}: {error:?}"),
            }
        };
        eprintln!("{acknowledged} acknowledged, then: {cause}");
        assert!(cause.contains("No space left on device (53100)"), "{cause}");
        let checked = store.check().await.unwrap_err();
        let StoreError::Unavailable(cause) = checked else {
            panic!("{checked:?}");
        };
        assert!(cause.to_string().contains("53100"), "{cause}");
        fs::remove_file(filler).unwrap();

        store.check().await.unwrap();
        store.commit(fact("after")).await.unwrap();
        let records = store.records(None, Sequence::START, usize::MAX).await;
        let places: Vec<u64> = records.unwrap().iter().map(|r| r.sequence.get()).collect();
        assert_eq!(places, (1..=acknowledged + 1).collect::<Vec<_>>());
    });
}
