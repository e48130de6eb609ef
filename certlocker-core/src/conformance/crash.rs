//! A process that dies between any two writes, and what it leaves.

use super::Fresh;
use super::fixture::{at, consecutive, order, put};
use super::story::{Telling, story};
use crate::{Aggregate, Kind};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_crash {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { crash $($rest)*:
            a_crash_between_any_two_writes_leaves_what_was_acknowledged,
            what_was_claimed_before_a_crash_is_claimed_again_in_time,
        }
    };
}

pub fn a_crash_between_any_two_writes_leaves_what_was_acknowledged(fresh: &mut Fresh) {
    let mut telling = Telling::new();
    for changes in story() {
        fresh.run(async |store| telling.tell(store, store, &changes).await);
        fresh.crash();
        fresh.run(async |store| {
            telling.agrees(store).await;
            consecutive(store).await;
        });
    }
}

pub fn what_was_claimed_before_a_crash_is_claimed_again_in_time(fresh: &mut Fresh) {
    let key = fresh.run(async |store| {
        let key = put(store, order(at(0))).await.value.key();
        let claimed = store.claim(Kind::Order, &key, at(1), at(10)).await;
        claimed.expect("claims are made").expect("it is free");
        key
    });
    fresh.crash();
    fresh.run(async |store| {
        let claimed = store.claim_due(Kind::Order, at(3_600), at(9_999), 9).await;
        let claimed = claimed.expect("claims are made");
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].key, key);
    });
}
