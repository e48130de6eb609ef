//! Writes that fail at every place of a longer story, workers that die, and a clock that goes back.

use super::faults::{agree, next_of};
use super::fixture::{
    Indexed, account, armed, at, by, codes, consecutive, history, is_conflict, names, order,
    placed, proven, put, random, request,
};
use super::story::{Telling, story};
use super::{Fault, Flaky, Fresh, Tested};
use crate::{
    AccountId, Aggregate, Changeset, Fact, Kind, Lease, NewOrder, OrderStore, Page, RecordQuery,
    Sequence, Timestamp,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_hostile {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { hostile $($rest)*:
            a_story_goes_on_after_each_write_that_failed_before_it_landed,
            a_story_goes_on_after_each_write_that_failed_after_it_landed,
            a_story_goes_on_after_writes_that_failed_at_random,
            a_worker_that_dies_between_any_two_writes_is_followed_by_another,
            a_clock_that_goes_back_gives_no_row_to_two,
            a_claim_that_ends_before_it_begins_holds_nobody_up,
            a_claim_renewed_to_an_earlier_time_ends_then,
            what_is_due_goes_by_the_time_that_is_asked_with,
            a_due_time_that_moves_back_is_found_where_it_is_now,
            records_keep_the_order_of_their_commits_whatever_the_clock_says,
            a_row_of_an_earlier_clock_takes_its_place_among_the_keys,
        }
    };
}

async fn told(
    fresh: &Fresh,
    store: &dyn Tested,
    failing: impl Fn(Flaky<dyn Tested>, u64) -> Flaky<dyn Tested>,
) {
    let mut telling = Telling::new();
    for (number, changes) in (1..).zip(story()) {
        let flaky = failing(Flaky::over(fresh.store()), number);
        telling.tell(store, &flaky, &changes).await;
    }
    telling.agrees(store).await;
    consecutive(store).await;
}

pub fn a_story_goes_on_after_each_write_that_failed_before_it_landed(fresh: &Fresh) {
    fresh.run(async |store: &dyn Tested| {
        told(fresh, store, |flaky, _| flaky.at(1, Fault::Before)).await;
    });
}

pub fn a_story_goes_on_after_each_write_that_failed_after_it_landed(fresh: &Fresh) {
    fresh.run(async |store: &dyn Tested| {
        told(fresh, store, |flaky, _| flaky.at(1, Fault::After)).await;
    });
}

pub fn a_story_goes_on_after_writes_that_failed_at_random(fresh: &Fresh) {
    fresh.run(async |store: &dyn Tested| {
        told(fresh, store, |flaky, number| flaky.seeded(number, 2)).await;
    });
}

async fn claimed(store: &dyn Tested, key: &str, now: i64, until: i64) -> Option<Lease> {
    let claimed = store.claim(Kind::Order, key, at(now), at(until)).await;
    claimed.expect("claims are made")
}

pub fn a_worker_that_dies_between_any_two_writes_is_followed_by_another(fresh: &Fresh) {
    fresh.run(async |store| {
        let placed = put(store, order(at(0))).await;
        let (id, key) = (*placed.value.id(), placed.value.key());
        let mut now = 0;
        while let Some(changes) = next_of(&store.order(&id).await.expect("it is there")) {
            // It claims the row, decides, and is gone; another takes the row over in time.
            let dead = claimed(store, &key, now, now + 10)
                .await
                .expect("it is free");
            assert_eq!(claimed(store, &key, now + 9, now + 20).await, None);
            let heir = claimed(store, &key, now + 10, now + 20)
                .await
                .expect("it is free");
            let late = changes.clone().under(dead.clone());
            is_conflict(&store.commit(late.clone()).await);
            let written = store.commit(changes.under(heir)).await;
            written.expect("it is written");
            is_conflict(&store.commit(late).await);
            assert!(
                !store
                    .renew(&dead, at(now + 99))
                    .await
                    .expect("claims are renewed")
            );
            now += 20;
        }
        agree(store, &id).await;
    });
}

pub fn a_clock_that_goes_back_gives_no_row_to_two(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = put(store, order(at(0))).await;
        let key = order.value.key();
        let first = claimed(store, &key, 100, 110).await.expect("it is free");
        assert_eq!(
            claimed(store, &key, 50, 60).await,
            None,
            "the clock went back"
        );
        let due = store.claim_due(Kind::Order, at(50), at(60), 9).await;
        assert!(due.expect("claims are made").is_empty());
        let second = claimed(store, &key, 110, 120)
            .await
            .expect("its time is over");
        assert!(second.fence > first.fence);
        assert_eq!(
            claimed(store, &key, 50, 999).await,
            None,
            "it went back again"
        );
        let change = |lease| {
            Changeset::of(armed(&order, at(1)).expect("it is pending").by(&by())).under(lease)
        };
        is_conflict(&store.commit(change(first)).await);
        store.commit(change(second)).await.expect("it is written");
    });
}

pub fn a_claim_that_ends_before_it_begins_holds_nobody_up(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = put(store, order(at(0))).await.value.key();
        let ended = claimed(store, &key, 100, 50).await.expect("it is free");
        let next = claimed(store, &key, 100, 200).await.expect("it has ended");
        assert!(next.fence > ended.fence);
        assert!(
            !store
                .renew(&ended, at(300))
                .await
                .expect("claims are renewed")
        );
    });
}

pub fn a_claim_renewed_to_an_earlier_time_ends_then(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = put(store, order(at(0))).await.value.key();
        let lease = claimed(store, &key, 1, 100).await.expect("it is free");
        assert!(
            store
                .renew(&lease, at(10))
                .await
                .expect("claims are renewed")
        );
        assert_eq!(claimed(store, &key, 9, 100).await, None);
        let next = claimed(store, &key, 10, 100).await.expect("it has ended");
        assert!(next.fence > lease.fence);
    });
}

async fn due(store: &dyn Tested, now: Timestamp) -> Vec<String> {
    let claimed = store.claim_due(Kind::Order, now, now, usize::MAX).await;
    let claimed = claimed.expect("claims are made").into_iter();
    claimed.map(|lease| lease.key).collect()
}

pub fn what_is_due_goes_by_the_time_that_is_asked_with(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = put(store, order(at(0))).await.value.key();
        for _ in 0..2 {
            assert_eq!(due(store, at(3_600)).await, std::slice::from_ref(&key));
            assert!(
                due(store, at(3_599)).await.is_empty(),
                "the clock went back"
            );
            assert!(due(store, at(-9_999)).await.is_empty());
        }
    });
}

pub fn a_due_time_that_moves_back_is_found_where_it_is_now(fresh: &Fresh) {
    fresh.run(async |store| {
        let (mut indexed, placed) = (Indexed::default(), put(store, order(at(1_000))).await);
        indexed.agrees(store, &placed).await;
        // What is armed is due at once, and that was long before it was placed.
        let armed = put(store, armed(&placed, at(-500)).expect("it is pending")).await;
        indexed.agrees(store, &armed).await;
        let before = armed.value.due().expect("it is not final");
        assert!(before < at(1_000), "{before}");
        assert_eq!(due(store, at(0)).await, [armed.value.key()]);
        let proven = put(store, proven(&armed, at(-900))).await;
        indexed.agrees(store, &proven).await;
        assert!(due(store, at(0)).await.is_empty());
    });
}

pub fn records_keep_the_order_of_their_commits_whatever_the_clock_says(fresh: &Fresh) {
    fresh.run(async |store| {
        let seconds = [50, 40, 40, -7_000_000, 60];
        for second in seconds {
            let fact = Fact::server_started("1", at(second));
            let written = store.commit(Changeset::fact(&fact, &by())).await;
            written.expect("it is written");
        }
        let all = history(store, None).await;
        let times: Vec<Timestamp> = all.iter().map(|record| record.time).collect();
        assert_eq!(times, seconds.map(at));
        consecutive(store).await;
        let mut newest = RecordQuery::newest(2);
        newest.after = Some(Sequence::new(5));
        let found = store
            .find_records(&newest)
            .await
            .expect("a query is answered");
        assert_eq!(found, [all[3].clone(), all[2].clone()]);
        let since = RecordQuery {
            since: Some(at(45)),
            ..RecordQuery::oldest(9)
        };
        let found = store
            .find_records(&since)
            .await
            .expect("a query is answered");
        assert_eq!(found, [all[0].clone(), all[4].clone()]);
    });
}

pub fn a_row_of_an_earlier_clock_takes_its_place_among_the_keys(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        let place = async |second| {
            let new = NewOrder {
                expires: at(second + 3_600),
                ..request(*account.value.id(), names(1))
            };
            put(store, placed(new, at(second))).await.value.key()
        };
        let (second, third, first) = (place(10).await, place(20).await, place(-10).await);
        let read = async |page| {
            let orders = store.orders_of_account(account.value.id(), page).await;
            let orders = orders.expect("orders are read").into_iter();
            orders.map(|order| order.value.key()).collect::<Vec<_>>()
        };
        let all = [first.clone(), second.clone(), third.clone()];
        assert_eq!(read(Page::oldest(9)).await, all);
        assert_eq!(read(Page::oldest(9).after(Some(first))).await, all[1..]);
        assert_eq!(read(Page::newest(1).after(Some(second))).await, all[..1]);
        let ids = (
            AccountId::new(at(-10), &mut random),
            AccountId::new(at(10), &mut random),
        );
        assert!(ids.0.to_string() < ids.1.to_string());
        assert_eq!(codes(&history(store, None).await).len(), 4);
    });
}
