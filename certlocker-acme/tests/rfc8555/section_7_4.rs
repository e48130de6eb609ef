//! Section 7.4: placing orders.

use std::time::Duration;

use certlocker_core::Timestamp;
use serde_json::{Value, json};

use crate::harness::{
    Account, Csr, Leaf, Reply, Subject, authorization_urls, host, instant, placed,
};

async fn order_for(account: &Account, kind: &str, value: &str) -> Reply {
    let identifier = json!({"type": kind, "value": value});
    account
        .new_order(&json!({"identifiers": [identifier]}))
        .await
}

#[tokio::test]
async fn an_order_is_created_at_a_place_of_its_own() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (one, other) = (
        account.order(&["a.example"]).await,
        account.order(&["b.example"]).await,
    );
    assert_ne!(one.url, other.url);
    assert_eq!(account.reread(&one).await.body, one.body);
}

#[tokio::test]
async fn one_name_spelled_twice_is_one_identifier_in_lower_case() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account
        .order(&["EX.example", "ex.example", "eX.Example"])
        .await;
    let identifiers = &order.body["identifiers"];
    assert_eq!(
        *identifiers,
        json!([{"type": "dns", "value": "ex.example"}])
    );
    assert_eq!(authorization_urls(&order.body).len(), 1);
}

#[tokio::test]
async fn a_name_and_the_wildcard_above_it_are_two_authorizations() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example", "*.a.example"]).await;
    assert_eq!(authorization_urls(&order.body).len(), 2);
}

#[tokio::test]
async fn what_is_no_host_name_is_refused() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (label, name) = ("a".repeat(64), ["a".repeat(62).as_str(); 5].join("."));
    for value in [
        "",
        ".",
        "a.example.",
        ".a.example",
        "a..example",
        &format!("{label}.example"),
        &name,
        "a_b.example",
        "-a.example",
        "a-.example",
        "a b.example",
        "b\u{fc}cher.example",
        "xn--0.example",
        "*",
        "*.*.a.example",
        "a.*.example",
        "a*.example",
        "*.",
        "192.0.2.1",
        "a.example:443",
        "https://a.example",
        "a.example\u{0}.other.example",
    ] {
        let reply = order_for(&account, "dns", value).await;
        let kind = reply.problem();
        let known = ["malformed", "rejectedIdentifier"].contains(&kind.as_str());
        assert!(
            known && (400..500).contains(&reply.status),
            "{value:?}: {reply}"
        );
    }
}

#[tokio::test]
async fn a_name_in_a_label_form_is_a_name() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["xn--bcher-kva.example"]).await;
    assert_eq!(
        order.body["identifiers"][0]["value"],
        "xn--bcher-kva.example"
    );
}

#[tokio::test]
async fn an_identifier_of_a_type_that_is_not_supported_is_said_to_be() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for kind in ["email", "DNS", "", "permanent-identifier"] {
        order_for(&account, kind, "a.example")
            .await
            .refused(400, "unsupportedIdentifier");
    }
}

#[tokio::test]
async fn an_order_names_something() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for payload in [
        json!({}),
        json!({"identifiers": []}),
        json!({"identifiers": null}),
        json!({"identifiers": {"type": "dns", "value": "a.example"}}),
        json!({"identifiers": [{"type": "dns"}]}),
        json!({"identifiers": [{"value": "a.example"}]}),
        json!({"identifiers": [{"type": "dns", "value": ["a.example"]}]}),
        json!({"identifiers": ["a.example"]}),
    ] {
        account.new_order(&payload).await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn an_order_for_more_names_than_are_allowed_is_refused() {
    let Some(subject) =
        Subject::configured("limits names", |config| config.max_identifiers = 3).await
    else {
        return;
    };
    let account = subject.account().await;
    account
        .order(&["a.example", "b.example", "c.example"])
        .await;
    let names: Vec<Value> = (0..4)
        .map(|n| json!({"type": "dns", "value": format!("{n}.example")}))
        .collect();
    account
        .new_order(&json!({"identifiers": names}))
        .await
        .refused(400, "malformed");
}

#[tokio::test]
async fn dates_that_are_asked_for_are_shown_and_kept_to_the_second() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (begin, end) = (
        instant(Duration::from_secs(3600)),
        instant(Duration::from_secs(9 * 86_400)),
    );
    let payload = json!({
        "identifiers": [{"type": "dns", "value": host("a")}],
        "notBefore": begin.text(), "notAfter": end.text(),
    });
    let order = placed(account.new_order(&payload).await);
    assert_eq!(order.body["notBefore"], begin.text());
    assert_eq!(order.body["notAfter"], end.text());
    account.prove(&order).await;
    let issued = account.issue_with(&order, Csr::new(&[host("a")])).await;
    assert_eq!(
        Leaf::parse(&issued.leaf).validity(),
        [begin.seconds(), end.seconds()]
    );
}

async fn refused_dates(dates: Value) {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let mut payload = json!({"identifiers": [{"type": "dns", "value": "a.example"}]});
    payload
        .as_object_mut()
        .unwrap()
        .extend(dates.as_object().unwrap().clone());
    let reply = account.new_order(&payload).await;
    assert!((400..500).contains(&reply.status), "{dates}: {reply}");
}

#[tokio::test]
async fn dates_that_cannot_be_kept_are_refused() {
    let in_days = |days: u64| instant(Duration::from_secs(days * 86_400)).text();
    for dates in [
        json!({"notAfter": "2020-01-01T00:00:00Z"}),
        json!({"notBefore": in_days(2), "notAfter": in_days(1)}),
        json!({"notBefore": in_days(1), "notAfter": in_days(1)}),
        json!({"notAfter": in_days(40_000)}),
        json!({"notBefore": in_days(40_000)}),
    ] {
        refused_dates(dates).await;
    }
}

#[tokio::test]
async fn dates_that_do_not_read_are_refused() {
    for text in [
        "tomorrow",
        "",
        "2030-02-30T00:00:00Z",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "1893456000",
    ] {
        refused_dates(json!({"notAfter": text})).await;
        refused_dates(json!({"notBefore": text})).await;
    }
    refused_dates(json!({"notAfter": 1_893_456_000})).await;
}

#[tokio::test]
async fn a_part_of_a_second_is_not_rounded_in_silence() {
    let text = instant(Duration::from_secs(86_400)).text();
    refused_dates(json!({"notAfter": text.replace('Z', ".5Z")})).await;
}

#[tokio::test]
async fn the_offset_of_a_date_is_read() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let end = instant(Duration::from_secs(86_400)).text();
    let shifted = instant(Duration::from_secs(86_400 + 2 * 3600))
        .text()
        .replace('Z', "+02:00");
    let payload =
        json!({"identifiers": [{"type": "dns", "value": "a.example"}], "notAfter": shifted});
    let order = placed(account.new_order(&payload).await);
    let shown = Timestamp::parse(order.body["notAfter"].as_str().unwrap()).unwrap();
    assert_eq!(shown.to_rfc3339_seconds(), end);
}

#[tokio::test]
async fn a_request_that_is_repeated_finds_the_order_that_nobody_touched() {
    let Some(subject) = Subject::lab_only("gives an untouched order again").await else {
        return;
    };
    let account = subject.account().await;
    let first = account.order(&["a.example", "b.example"]).await;
    assert_eq!(
        account.order(&["b.example", "a.example"]).await.url,
        first.url
    );
    assert_ne!(account.order(&["a.example"]).await.url, first.url);
    let other = subject.account().await;
    assert_ne!(
        other.order(&["a.example", "b.example"]).await.url,
        first.url
    );
    account.prove(&first).await;
    assert_ne!(
        account.order(&["a.example", "b.example"]).await.url,
        first.url
    );
}

#[tokio::test]
async fn members_of_an_order_that_nobody_knows_are_ignored() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let payload = json!({
        "identifiers": [{"type": "dns", "value": "a.example", "x": 1}],
        "resource": "new-order", "status": "valid", "certificate": "https://other.example",
    });
    let order = placed(account.new_order(&payload).await);
    assert_eq!(order.status(), "pending");
    assert!(order.body["certificate"].is_null(), "{}", order.body);
}
