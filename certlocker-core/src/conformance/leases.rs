//! Claims on rows, and commits under them.

use super::fixture::{armed, at, by, consecutive, history, is_conflict, order, placed, put};
use super::{Fresh, Tested};
use crate::{Aggregate, Changeset, Kind, Lease, Order, OrderStore, Timestamp, Versioned};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_leases {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { leases $($rest)*:
            a_claimed_row_is_not_claimed_again_before_its_time,
            what_is_due_is_claimed_and_nothing_else,
            what_is_due_first_is_claimed_first_up_to_the_limit,
            what_is_no_longer_due_is_not_claimed,
            each_claim_of_a_row_has_a_larger_fence,
            a_renewed_claim_lasts_until_its_new_time,
            an_old_claim_is_not_renewed,
            a_released_row_can_be_claimed,
            an_old_claim_releases_nothing,
            a_commit_under_a_claim_ends_it,
            a_commit_under_an_old_claim_conflicts_and_writes_nothing,
            a_claim_serves_one_commit,
            a_conflict_leaves_the_claim,
            claims_that_ended_are_forgotten_and_no_others,
        }
    };
}

async fn placed_at(store: &dyn Tested, second: i64) -> Versioned<Order> {
    put(store, order(at(second))).await
}

async fn claim(store: &dyn Tested, key: &str, now: Timestamp, until: Timestamp) -> Option<Lease> {
    let claimed = store.claim(Kind::Order, key, now, until).await;
    claimed.expect("claims are made")
}

async fn due(store: &dyn Tested, now: Timestamp, limit: usize) -> Vec<Lease> {
    let claimed = store.claim_due(Kind::Order, now, at(100_000), limit).await;
    claimed.expect("claims are made")
}

fn change(order: &Versioned<Order>) -> Changeset {
    armed(order, at(1)).expect("it is pending").by(&by()).into()
}

pub fn a_claimed_row_is_not_claimed_again_before_its_time(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = placed_at(store, 0).await.value.key();
        let first = claim(store, &key, at(1), at(10)).await.expect("it is free");
        assert_eq!((first.kind, &first.key), (Kind::Order, &key));
        assert_eq!(claim(store, &key, at(9), at(20)).await, None);
        let claimed = store.claim_due(Kind::Order, at(9), at(9), 9).await;
        assert!(claimed.expect("claims are made").is_empty());
        assert!(claim(store, &key, at(10), at(20)).await.is_some());
    });
}

pub fn what_is_due_is_claimed_and_nothing_else(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        put(store, super::fixture::account("a", None)).await;
        assert!(due(store, at(3_599), 9).await.is_empty());
        assert!(
            claim(store, &order.value.key(), at(0), at(1))
                .await
                .is_some()
        );
        let claimed = due(store, at(3_600), 9).await;
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].key, order.value.key());
        let others = store
            .claim_due(Kind::Account, at(9_999), at(9_999), 9)
            .await;
        assert!(others.expect("claims are made").is_empty());
    });
}

pub fn what_is_due_first_is_claimed_first_up_to_the_limit(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = crate::AccountId::new(at(0), &mut super::fixture::random);
        let mut keys = Vec::new();
        for expires in [50, 10, 40, 20, 30] {
            let new = super::fixture::request(account, super::fixture::names(1));
            let new = crate::NewOrder {
                expires: at(expires),
                ..new
            };
            keys.push(put(store, placed(new, at(0))).await.value.key());
        }
        let keys_of = |leases: Vec<Lease>| {
            leases
                .into_iter()
                .map(|lease| lease.key)
                .collect::<Vec<_>>()
        };
        let wanted = |places: &[usize]| {
            places
                .iter()
                .map(|place| keys[*place].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(keys_of(due(store, at(45), 3).await), wanted(&[1, 3, 4]));
        assert_eq!(keys_of(due(store, at(45), 3).await), wanted(&[2]));
        assert_eq!(keys_of(due(store, at(50), usize::MAX).await), wanted(&[0]));
    });
}

pub fn what_is_no_longer_due_is_not_claimed(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        put(store, order.expire(at(3_600)).expect("its time is up")).await;
        assert!(due(store, at(9_999), 9).await.is_empty());
    });
}

pub fn each_claim_of_a_row_has_a_larger_fence(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = placed_at(store, 0).await.value.key();
        let mut last = 0;
        for second in 1..5 {
            let lease = claim(store, &key, at(second), at(second + 1))
                .await
                .expect("it is free");
            assert!(lease.fence > last, "{} after {last}", lease.fence);
            last = lease.fence;
        }
        let lease = claim(store, &key, at(9), at(10)).await.expect("it is free");
        store.release(&lease).await.expect("it is released");
        let next = claim(store, &key, at(9), at(10)).await.expect("it is free");
        assert!(
            next.fence > lease.fence,
            "a released claim gave its fence away"
        );
    });
}

async fn renew(store: &dyn Tested, lease: &Lease, until: Timestamp) -> bool {
    let renewed = store.renew(lease, until).await;
    renewed.expect("claims are renewed")
}

pub fn a_renewed_claim_lasts_until_its_new_time(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        let key = order.value.key();
        let lease = claim(store, &key, at(1), at(10)).await.expect("it is free");
        assert!(renew(store, &lease, at(20)).await);
        assert_eq!(claim(store, &key, at(19), at(99)).await, None);
        let change = change(&order).under(lease);
        store.commit(change).await.expect("it is written");
    });
}

pub fn an_old_claim_is_not_renewed(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        let key = order.value.key();
        let old = claim(store, &key, at(1), at(2)).await.expect("it is free");
        let new = claim(store, &key, at(2), at(10)).await.expect("it is free");
        assert!(!renew(store, &old, at(99)).await);
        let change = change(&order).under(new.clone());
        store.commit(change).await.expect("it is written");
        assert!(!renew(store, &new, at(99)).await, "the commit ended it");
        let next = claim(store, &key, at(10), at(20))
            .await
            .expect("it is free");
        store.release(&next).await.expect("it is released");
        assert!(!renew(store, &next, at(99)).await, "it was given up");
    });
}

pub fn a_released_row_can_be_claimed(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = placed_at(store, 0).await.value.key();
        let lease = claim(store, &key, at(1), at(100))
            .await
            .expect("it is free");
        store.release(&lease).await.expect("it is released");
        assert!(claim(store, &key, at(2), at(100)).await.is_some());
    });
}

pub fn an_old_claim_releases_nothing(fresh: &Fresh) {
    fresh.run(async |store| {
        let key = placed_at(store, 0).await.value.key();
        let old = claim(store, &key, at(1), at(2)).await.expect("it is free");
        claim(store, &key, at(2), at(100))
            .await
            .expect("it is free");
        store.release(&old).await.expect("nothing happens");
        assert_eq!(claim(store, &key, at(3), at(100)).await, None);
    });
}

pub fn a_commit_under_a_claim_ends_it(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        let key = order.value.key();
        let lease = claim(store, &key, at(1), at(100))
            .await
            .expect("it is free");
        store
            .commit(change(&order).under(lease))
            .await
            .expect("it is written");
        assert!(claim(store, &key, at(2), at(100)).await.is_some());
    });
}

pub fn a_commit_under_an_old_claim_conflicts_and_writes_nothing(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        let key = order.value.key();
        let old = claim(store, &key, at(1), at(2)).await.expect("it is free");
        let new = claim(store, &key, at(2), at(100))
            .await
            .expect("it is free");
        let before = history(store, None).await;
        is_conflict(&store.commit(change(&order).under(old)).await);
        assert_eq!(history(store, None).await, before);
        assert_eq!(
            store.order(order.value.id()).await.expect("it is there"),
            order
        );
        store
            .commit(change(&order).under(new))
            .await
            .expect("it is written");
        consecutive(store).await;
    });
}

pub fn a_claim_serves_one_commit(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        let lease = claim(store, &order.value.key(), at(1), at(100))
            .await
            .expect("it is free");
        store
            .commit(change(&order).under(lease.clone()))
            .await
            .expect("it is written");
        let order = store.order(order.value.id()).await.expect("it is there");
        let next = super::fixture::proven(&order, at(2)).by(&by());
        is_conflict(&store.commit(Changeset::of(next).under(lease)).await);
    });
}

pub fn a_conflict_leaves_the_claim(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = placed_at(store, 0).await;
        let key = order.value.key();
        let lease = claim(store, &key, at(1), at(100))
            .await
            .expect("it is free");
        let stale = change(&order);
        let order = put(store, armed(&order, at(1)).expect("it is pending")).await;
        is_conflict(&store.commit(stale.under(lease.clone())).await);
        assert_eq!(claim(store, &key, at(2), at(100)).await, None);
        let next = super::fixture::proven(&order, at(2)).by(&by());
        store
            .commit(Changeset::of(next).under(lease))
            .await
            .expect("it is written");
    });
}

pub fn claims_that_ended_are_forgotten_and_no_others(fresh: &Fresh) {
    fresh.run(async |store| {
        let mut last = 0;
        for until in [10, 20, 30, 40] {
            let order = placed_at(store, 0).await;
            let key = order.value.key();
            let lease = claim(store, &key, at(1), at(until)).await;
            last = lease.expect("it is free").fence;
        }
        let order = placed_at(store, 0).await;
        let key = order.value.key();
        let held = claim(store, &key, at(1), at(50)).await.expect("it is free");
        for (before, limit, gone) in [(9, 9, 0), (41, 3, 3), (50, 9, 1), (50, 9, 0)] {
            let forgotten = store.forget_claims(at(before), limit).await;
            assert_eq!(forgotten.expect("claims are forgotten"), gone, "{before}");
        }
        assert_eq!(claim(store, &key, at(49), at(99)).await, None);
        let change = change(&order).under(held);
        store.commit(change).await.expect("its claim is there");
        let next = claim(store, &key, at(60), at(99))
            .await
            .expect("it is free");
        assert!(next.fence > last, "a forgotten claim gave its fence away");
    });
}
