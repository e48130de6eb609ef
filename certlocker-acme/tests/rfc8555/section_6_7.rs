//! Section 6.7: errors as problem documents, and what concerns single identifiers.

use std::time::Duration;

use certlocker_core::{Failure, FailureKind, Outcome};
use serde_json::{Value, json};

use crate::harness::{Reply, Request, Subject};

const ACME: &str = "urn:ietf:params:acme:error:";

fn assert_is_problem(reply: &Reply) {
    assert_eq!(reply.media_type(), "application/problem+json", "{reply}");
    let json = reply.json();
    assert_eq!(json["status"], reply.status, "{reply}");
    assert!(json["type"].as_str().unwrap().starts_with(ACME), "{reply}");
    assert!(!json["detail"].as_str().unwrap().is_empty(), "{reply}");
}

#[tokio::test]
async fn every_error_is_a_problem_document_with_its_own_status() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for reply in [
        account
            .new_order(&json!({"identifiers": 7}))
            .await
            .expect(400),
        account
            .post(&account.url, &json!({"contact": ["tel:1"]}))
            .await
            .expect(400),
        account
            .read(&subject.beside("no-such-resource"))
            .await
            .expect(404),
        subject.request("GET", &account.url).await.expect(405),
        subject
            .wire
            .exchange(Request::new("POST", &account.url))
            .await
            .expect(415),
    ] {
        assert_is_problem(&reply);
    }
}

async fn refused_names(names: &[(&str, &str)]) -> Reply {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let identifiers: Value = names
        .iter()
        .map(|(kind, value)| json!({"type": kind, "value": value}))
        .collect();
    account
        .new_order(&json!({"identifiers": identifiers}))
        .await
}

#[tokio::test]
async fn an_order_with_several_bad_names_says_which_are_bad_and_why() {
    let reply = refused_names(&[
        ("dns", "good.example"),
        ("dns", "bad_name.example"),
        ("telnet", "a.example"),
    ]);
    let json = reply.await.json();
    let subproblems = json["subproblems"].as_array().expect("subproblems");
    assert_eq!(subproblems.len(), 2, "{json}");
    let kinds: Vec<&Value> = subproblems.iter().map(|one| &one["type"]).collect();
    assert!(
        kinds.contains(&&json!(format!("{ACME}malformed"))),
        "{json}"
    );
    assert!(
        kinds.contains(&&json!(format!("{ACME}unsupportedIdentifier"))),
        "{json}"
    );
}

#[tokio::test]
async fn an_identifier_stands_in_subproblems_only_and_is_one_that_was_sent() {
    let reply = refused_names(&[("dns", "bad_name.example"), ("dns", "good.example")]).await;
    let json = reply.json();
    assert_eq!(json["identifier"], Value::Null, "{json}");
    for subproblem in json["subproblems"].as_array().into_iter().flatten() {
        let identifier = &subproblem["identifier"];
        let sent = json!({"type": "dns", "value": "bad_name.example"});
        assert!(identifier.is_null() || *identifier == sent, "{json}");
    }
}

#[tokio::test]
async fn problems_of_several_kinds_are_compound() {
    let reply = refused_names(&[("dns", "bad_name.example"), ("telnet", "a.example")]).await;
    let kind = reply.problem();
    assert!(
        ["compound", "malformed"].contains(&kind.as_str()),
        "{reply}"
    );
}

#[tokio::test]
async fn an_order_in_which_several_names_failed_says_which() {
    let Some(subject) = Subject::lab_only("scripts no answer").await else {
        return;
    };
    let account = subject.account().await;
    let names = ["a.example", "b.example"];
    for name in names {
        let silent = Failure::new(FailureKind::Connection, "nobody answered");
        subject.script(name, Outcome::NoAnswer(silent));
    }
    let order = account.order(&names).await;
    account.prove_at_once(&order).await;
    subject.pass(Duration::from_secs(60));
    let order = account.prove_at_once(&order).await;
    let error = &order.body["error"];
    assert_eq!(error["type"], format!("{ACME}compound"), "{}", order.body);
    let subproblems = error["subproblems"].as_array().unwrap().iter();
    let mut named: Vec<&Value> = subproblems.map(|one| &one["identifier"]["value"]).collect();
    named.sort_by_key(|name| name.to_string());
    assert_eq!(named, names, "{error}");
}

#[tokio::test]
async fn the_error_of_an_order_and_of_a_challenge_is_a_problem_too() {
    let Some(subject) = Subject::lab_only("scripts a wrong answer").await else {
        return;
    };
    let account = subject.account().await;
    let wrong = Failure::new(FailureKind::IncorrectResponse, "scripted");
    subject.script("a.example", Outcome::Wrong(wrong));
    let order = account.order(&["a.example"]).await;
    account.prove(&order).await;
    let order = account.reread(&order).await;
    let authorization = account.read(&order.authorization()).await.json();
    for error in [
        &order.body["error"],
        &authorization["challenges"][0]["error"],
    ] {
        assert_eq!(error["type"], format!("{ACME}incorrectResponse"), "{error}");
        assert!(
            error["detail"].as_str().unwrap().contains("scripted"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_detail_does_not_give_back_what_could_not_be_read() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (long, control) = ("x".repeat(20_000), "a\u{7}\u{1b}[31m.example");
    for value in [long.as_str(), control] {
        let order = json!({"identifiers": [{"type": "dns", "value": value}]});
        let detail = account.new_order(&order).await.detail();
        assert!(
            detail.len() < 2_000 && !detail.contains('\u{1b}'),
            "{detail:?}"
        );
    }
}
