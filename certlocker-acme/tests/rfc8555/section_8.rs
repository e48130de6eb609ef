//! Section 8: validation, as far as it shows in the protocol.

use std::sync::Arc;
use std::time::Duration;

use certlocker_acme::{Config, Parts};
use certlocker_core::{Failure, FailureKind, Outcome};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::{
    Account, Held, Key, Order, Recorder, Reply, Subject, authorization_urls, challenge, host,
};

async fn pending(account: &Account, name: &str) -> (Order, String) {
    let order = account.order(&[name]).await;
    let body = account.read(&order.authorization()).await.json();
    let challenge = challenge(&body, "http-01").unwrap();
    (order, challenge["url"].as_str().unwrap().to_owned())
}

fn silent() -> Outcome {
    Outcome::NoAnswer(Failure::new(FailureKind::Connection, "nobody answered"))
}

/// A server whose validation waits for the gate, and whose answers do not.
async fn held() -> Option<(Subject, Arc<Semaphore>)> {
    let mut gate = None;
    let hold = |parts: &mut Parts| {
        let (held, opened) = Held::new(Arc::clone(&parts.validator));
        parts.validator = Arc::new(held);
        gate = Some(opened);
    };
    let no_wait = |config: &mut Config| config.answer_wait = Duration::ZERO;
    let subject = Subject::assembled("holds validation", hold, no_wait).await?;
    Some((subject, gate.expect("the parts were assembled")))
}

fn assert_processing(reply: &Reply) {
    assert_eq!(reply.json()["status"], "processing", "{reply}");
    let pause = reply.header("retry-after").expect("Retry-After");
    assert!(pause.parse::<u64>().is_ok(), "{reply}");
}

#[tokio::test]
async fn a_challenge_is_in_processing_from_its_answer_to_its_end() {
    let Some((subject, gate)) = held().await else {
        return;
    };
    let account = subject.account().await;
    let (order, url) = pending(&account, "a.example").await;
    assert_processing(&account.post(&url, &json!({})).await.expect(200));
    assert_processing(&account.read(&url).await);
    let authorization = account.read(&order.authorization()).await;
    assert_eq!(authorization.json()["status"], "pending", "{authorization}");
    assert!(
        authorization.header("retry-after").is_some(),
        "{authorization}"
    );
    gate.add_permits(1);
    assert_eq!(account.settled(&url).await.json()["status"], "valid");
    assert_eq!(account.reread(&order).await.status(), "ready");
}

#[tokio::test]
async fn answering_again_while_it_is_looked_at_changes_nothing() {
    let Some((subject, gate)) = held().await else {
        return;
    };
    let account = subject.account().await;
    let (_, url) = pending(&account, "a.example").await;
    for _ in 0..3 {
        assert_processing(&account.post(&url, &json!({})).await.expect(200));
    }
    gate.add_permits(1);
    assert_eq!(account.settled(&url).await.json()["status"], "valid");
}

#[tokio::test]
async fn answering_what_is_valid_changes_nothing() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.ready_order(&[host("a")]).await;
    let before = account.read(&order.authorization()).await.json();
    let valid = &before["challenges"][0];
    let reply = account
        .post(valid["url"].as_str().unwrap(), &json!({}))
        .await;
    assert!(
        reply.status == 200 || (400..500).contains(&reply.status),
        "{reply}"
    );
    assert_eq!(account.read(&order.authorization()).await.json(), before);
}

#[tokio::test]
async fn a_challenge_that_is_tried_again_shows_why_and_until_when_to_wait() {
    let Some(subject) = Subject::lab_only("scripts no answer").await else {
        return;
    };
    let account = subject.account().await;
    subject.script("a.example", silent());
    let (order, url) = pending(&account, "a.example").await;
    for reply in [
        account.post(&url, &json!({})).await,
        account.read(&url).await,
    ] {
        assert_processing(&reply);
        let error = &reply.json()["error"];
        assert_eq!(
            error["type"], "urn:ietf:params:acme:error:connection",
            "{reply}"
        );
    }
    assert_eq!(account.reread(&order).await.status(), "pending");
}

#[tokio::test]
async fn a_client_asks_for_another_attempt_by_answering_again() {
    let Some(subject) = Subject::lab_only("scripts no answer").await else {
        return;
    };
    let account = subject.account().await;
    subject.script("a.example", silent());
    let (order, url) = pending(&account, "a.example").await;
    assert_processing(&account.post(&url, &json!({})).await);
    subject.script("a.example", Outcome::Proved);
    let reply = account.post(&url, &json!({})).await.expect(200);
    assert_eq!(reply.json()["status"], "valid", "{reply}");
    assert!(reply.json()["error"].is_null(), "{reply}");
    assert_eq!(account.reread(&order).await.status(), "ready");
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let Some(subject) = Subject::lab_only("scripts no answer").await else {
        return;
    };
    let account = subject.account().await;
    subject.script("a.example", silent());
    let (order, url) = pending(&account, "a.example").await;
    assert_processing(&account.post(&url, &json!({})).await);
    subject.pass(Duration::from_secs(30));
    let reply = account.post(&url, &json!({})).await.expect(200);
    assert_eq!(reply.json()["status"], "invalid", "{reply}");
    assert!(reply.json()["error"].is_object(), "{reply}");
    assert_eq!(account.reread(&order).await.status(), "invalid");
}

#[tokio::test]
async fn a_wrong_answer_is_final() {
    let Some(subject) = Subject::lab_only("scripts a wrong answer").await else {
        return;
    };
    let account = subject.account().await;
    let wrong = Failure::new(FailureKind::IncorrectResponse, "something else was there");
    subject.script("a.example", Outcome::Wrong(wrong));
    let (_, url) = pending(&account, "a.example").await;
    let reply = account.post(&url, &json!({})).await.expect(200);
    assert_eq!(reply.json()["status"], "invalid", "{reply}");
    subject.script("a.example", Outcome::Proved);
    let again = account.post(&url, &json!({})).await;
    assert_eq!(again.json()["status"], "invalid", "{again}");
}

async fn looked_for(key: Key) -> Option<(Account, Value, String)> {
    let recorder = Recorder::default();
    let validator = Arc::new(recorder.clone());
    let watch = |parts: &mut Parts| parts.validator = validator;
    let subject = Subject::assembled("watches validation", watch, |_| {}).await?;
    let account = subject.account_with(key).await;
    let order = account.order(&["a.example"]).await;
    let authorization = account.read(&order.authorization()).await.json();
    account.answer(&authorization).await.expect(200);
    let seen = recorder.looked_for();
    assert_eq!(seen.len(), 1, "one attempt");
    Some((account, authorization, seen[0].key_authorization.clone()))
}

#[tokio::test]
async fn the_key_authorization_is_the_token_and_the_thumbprint_of_the_key() {
    for key in [
        Key::es256(),
        Key::es384(),
        Key::es512(),
        Key::eddsa(),
        Key::rs256(),
    ] {
        let Some((account, authorization, seen)) = looked_for(key).await else {
            return;
        };
        let token = authorization["challenges"][0]["token"].as_str().unwrap();
        assert_eq!(seen, format!("{token}.{}", account.key.thumbprint()));
    }
}

#[tokio::test]
async fn a_coordinate_that_leads_with_zero_keeps_its_length_in_the_thumbprint() {
    let key = std::iter::repeat_with(Key::es256).find(Key::leads_with_zero);
    let Some((account, authorization, seen)) = looked_for(key.unwrap()).await else {
        return;
    };
    let token = authorization["challenges"][0]["token"].as_str().unwrap();
    assert_eq!(seen, format!("{token}.{}", account.key.thumbprint()));
}

#[tokio::test]
async fn challenges_of_two_authorizations_are_answered_at_once() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a"), host("b"), host("c")]).await;
    let urls = authorization_urls(&order.body);
    let answers = urls.iter().map(|url| async {
        let authorization = account.read(url).await.json();
        account.answer(&authorization).await.expect(200);
        account.settled(url).await
    });
    for reply in futures_util::future::join_all(answers).await {
        assert_eq!(reply.json()["status"], "valid", "{reply}");
    }
    assert_eq!(account.reread(&order).await.status(), "ready");
}
