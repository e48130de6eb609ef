//! Section 6.6: rate limits, as far as there are any: a scoped client's orders in a day.

use std::time::Duration;

use certlocker_core::{Pattern, Scope, Uses};
use serde_json::json;

use crate::harness::{Account, Credential, Key, Subject};

async fn account_with_quota(subject: &Subject, orders_per_day: u32) -> Account {
    let scope = Scope {
        names: vec!["dns:*.example".parse::<Pattern>().unwrap()],
        orders_per_day: Some(orders_per_day),
        ..Scope::default()
    };
    let credential = Credential::new(subject, scope, Uses::Any).await;
    let key = Key::es256();
    let binding = credential.binding(&key, &subject.url("newAccount"));
    let reply = subject
        .register(&key, &json!({"externalAccountBinding": binding}))
        .await;
    Account::new(subject, key, reply.expect(201).location())
}

#[tokio::test]
async fn an_order_beyond_the_limit_is_told_when_to_come_again() {
    let Some(subject) = Subject::lab_only("has a client with a quota").await else {
        return;
    };
    let account = account_with_quota(&subject, 2).await;
    account.order(&["a.example"]).await;
    account.order(&["b.example"]).await;
    let third = json!({"identifiers": [{"type": "dns", "value": "c.example"}]});
    let reply = account.new_order(&third).await.refused(429, "rateLimited");
    let pause: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(pause > 0, "{reply}");
}

#[tokio::test]
async fn a_limit_ends_with_its_day() {
    let Some(subject) = Subject::lab_only("has a client with a quota").await else {
        return;
    };
    let account = account_with_quota(&subject, 1).await;
    account.order(&["a.example"]).await;
    subject.pass(Duration::from_secs(25 * 3600));
    account.order(&["b.example"]).await;
}
