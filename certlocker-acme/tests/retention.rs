//! Orders that ended long ago go, whatever stands before them.

mod support;

use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Component, Identifier, Ledger, NewOrder, Order,
    OrderStore, Page, Timestamp, Trigger,
};
use support::Lab;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_600_000_000 + seconds)
}

/// An order placed at one time; with another, it expires then.
async fn placed(lab: &Lab, created: i64, ended: Option<i64>) -> String {
    let new = NewOrder {
        account: AccountId::first_at(at(0)),
        client: None,
        expires: at(ended.unwrap_or(1_000_000)),
        identifiers: vec![Identifier::dns("a.example").unwrap()],
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let random = &mut |bytes: &mut [u8]| bytes.fill(u8::try_from(created).unwrap());
    let order = Order::create(new, None, random, at(created))
        .unwrap()
        .by(&by);
    let (id, pending) = (*order.after().value.id(), order.after());
    let mut changes = Changeset::of(order);
    if let Some(ended) = ended {
        changes = changes.and(pending.expire(at(ended)).unwrap().by(&by));
    }
    lab.store.commit(changes).await.unwrap();
    id.to_string()
}

#[tokio::test]
async fn orders_that_are_as_old_and_stay_hold_up_nothing() {
    let lab = Lab::open().await;
    let mut stay = Vec::new();
    for created in 0..3 {
        stay.push(placed(&lab, created, None).await);
        stay.push(placed(&lab, 10 + created, Some(999)).await);
        placed(&lab, 20 + created, Some(50)).await;
    }
    stay.push(placed(&lab, 100, Some(101)).await);
    let remove = async |limit| {
        lab.gateway
            .remove_ended_orders(at(100), limit)
            .await
            .unwrap()
    };
    assert_eq!(remove(2).await, 2);
    assert_eq!(remove(2).await, 1);
    assert_eq!(remove(2).await, 0);
    let left = lab.store.orders(Page::oldest(99)).await.unwrap();
    let left: Vec<String> = left
        .iter()
        .map(|order| order.value.id().to_string())
        .collect();
    stay.sort_unstable();
    assert_eq!(left, stay);
}
