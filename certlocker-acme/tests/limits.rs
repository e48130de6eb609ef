//! What clients may ask for in a time, with a real client against the router in this process.

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use certlocker_acme::{Call, Config, Rate, Registration};
use certlocker_core::{Event, Ledger, Sequence};
use instant_acme::{Account, Error, Identifier, NewAccount, NewOrder};
use support::{BASE, Lab};

fn hourly(most: u32) -> Option<Rate> {
    Some(Rate {
        most: NonZeroU32::new(most).unwrap(),
        within: Duration::from_secs(3600),
    })
}

async fn lab(limit: impl FnOnce(&mut Config)) -> Lab {
    Lab::with(|config| {
        config.registration = Registration::Open;
        limit(config);
    })
    .await
}

async fn register(lab: &Lab) -> Account {
    let new = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(lab.client());
    let directory = format!("{BASE}/directory");
    builder.create(&new, directory, None).await.unwrap().0
}

async fn order(account: &Account, name: &str) -> Result<(), String> {
    let names = [Identifier::Dns(name.to_owned())];
    match account.new_order(&NewOrder::new(&names)).await {
        Ok(_) => Ok(()),
        Err(Error::Api(problem)) => Err(problem.r#type.unwrap()),
        Err(error) => panic!("{error}"),
    }
}

const TOO_MANY: &str = "urn:ietf:params:acme:error:rateLimited";

#[tokio::test]
async fn an_account_that_places_too_many_orders_is_told_to_come_again_and_others_are_not() {
    let lab = lab(|config| config.rate_limits.account_orders = hourly(2)).await;
    let (eager, other) = (register(&lab).await, register(&lab).await);
    assert_eq!(order(&eager, "a.example").await, Ok(()));
    assert_eq!(order(&eager, "b.example").await, Ok(()));
    assert_eq!(order(&eager, "c.example").await, Err(TOO_MANY.to_owned()));
    assert_eq!(order(&other, "c.example").await, Ok(()));
}

#[tokio::test]
async fn asking_again_for_an_untouched_order_is_no_other_order() {
    let lab = lab(|config| config.rate_limits.account_orders = hourly(1)).await;
    let account = register(&lab).await;
    for _ in 0..3 {
        assert_eq!(order(&account, "a.example").await, Ok(()));
    }
}

#[tokio::test]
async fn an_account_that_sends_too_many_requests_is_refused_and_one_record_stands_for_many() {
    let lab = lab(|config| config.rate_limits.account_requests = hourly(1)).await;
    let account = register(&lab).await;
    assert_eq!(order(&account, "a.example").await, Ok(()));
    for _ in 0..3 {
        assert_eq!(order(&account, "b.example").await, Err(TOO_MANY.to_owned()));
    }
    // The record is written beside the answer.
    tokio::task::yield_now().await;
    let records = lab.store.records(None, Sequence::START, 100).await.unwrap();
    let summed = |event: &Event| match event {
        Event::RequestsRefused { count, problem } => Some((*count, problem.clone())),
        _ => None,
    };
    let summed: Vec<_> = records
        .iter()
        .filter_map(|record| summed(&record.event))
        .collect();
    assert_eq!(summed, [(1, "rateLimited".to_owned())]);
}

#[tokio::test]
async fn more_requests_at_a_time_than_there_is_room_for_are_told_to_come_again() {
    let lab = lab(|config| config.max_requests = 0).await;
    let call = Call {
        body: Vec::new(),
        content_type: None,
        method: "GET".to_owned(),
        path_and_query: "/directory".to_owned(),
        peer: None,
        request_id: "1".to_owned(),
        traceparent: None,
    };
    let answer = lab.gateway.answer(call).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains(&("retry-after", "1".to_owned())));
}
