//! Section 7.1.6: how orders and authorizations change, and when they no longer do.

use std::time::Duration;

use certlocker_core::{Failure, FailureKind, Outcome};
use serde_json::json;

use crate::harness::{Account, Csr, Order, Subject, authorization_urls, host};

#[tokio::test]
async fn an_order_whose_authorizations_are_valid_is_ready_in_the_same_moment() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a"), host("b")]).await;
    account.prove(&order).await;
    assert_eq!(account.reread(&order).await.status(), "ready");
}

async fn failed(what: &str) -> Option<(Account, Order)> {
    let subject = Subject::lab_only(what).await?;
    let account = subject.account().await;
    let wrong = Failure::new(FailureKind::IncorrectResponse, "scripted");
    subject.script("b.example", Outcome::Wrong(wrong));
    let order = account.order(&["a.example", "b.example"]).await;
    account.prove(&order).await;
    let order = account.reread(&order).await;
    Some((account, order))
}

#[tokio::test]
async fn a_challenge_that_fails_ends_its_authorization_and_its_order() {
    let Some((account, order)) = failed("scripts a wrong answer").await else {
        return;
    };
    assert_eq!(order.status(), "invalid");
    assert!(order.body["error"]["detail"].is_string(), "{}", order.body);
    for url in authorization_urls(&order.body) {
        let body = account.read(&url).await.json();
        let failed = body["identifier"]["value"] == "b.example";
        assert_eq!(body["status"] == "invalid", failed, "{body}");
    }
}

#[tokio::test]
async fn what_is_invalid_stays_so() {
    let Some((account, order)) = failed("scripts a wrong answer").await else {
        return;
    };
    account
        .hand_in(&order, &Csr::new(&["a.example", "b.example"]).der())
        .await
        .refused(403, "orderNotReady");
    for url in authorization_urls(&order.body) {
        let before = account.read(&url).await.json();
        for challenge in before["challenges"].as_array().unwrap() {
            let url = challenge["url"].as_str().unwrap();
            account.post(url, &json!({})).await.expect(200);
        }
        assert_eq!(account.read(&url).await.json(), before);
    }
    assert_eq!(account.reread(&order).await.body, order.body);
}

#[tokio::test]
async fn an_order_whose_time_is_up_is_invalid() {
    let Some(subject) = Subject::lab_only("moves the clock").await else {
        return;
    };
    let account = subject.account().await;
    let open = account.order(&["a.example"]).await;
    let ready = account.ready_order(&["b.example"]).await;
    subject.pass(Duration::from_secs(8 * 24 * 3600));
    for order in [&open, &ready] {
        let csr = Csr::new(&["b.example"]).der();
        account
            .hand_in(order, &csr)
            .await
            .refused(403, "orderNotReady");
        let reply = account.read(&order.url).await;
        assert_eq!(reply.json()["status"], "invalid", "{reply}");
        assert!(reply.json()["error"].is_object(), "{reply}");
    }
}

#[tokio::test]
async fn a_certificate_outlives_the_time_of_its_order() {
    let Some(subject) = Subject::lab_only("moves the clock").await else {
        return;
    };
    let account = subject.account().await;
    let issued = account.issue(&["a.example"]).await;
    subject.pass(Duration::from_secs(60 * 24 * 3600));
    let order = account.reread(&issued.order).await;
    assert_eq!(order.body, issued.order.body, "valid is final");
    account.read(&issued.url()).await.expect(200);
}

#[tokio::test]
async fn a_proof_counts_for_its_time_and_an_order_with_it() {
    let short = Duration::from_secs(24 * 3600);
    let what = "shortens the life of proofs";
    let subject = Subject::configured(what, |config| config.authorization_lifetime = short).await;
    let Some(subject) = subject else { return };
    let account = subject.account().await;
    let order = account.ready_order(&["a.example"]).await;
    subject.pass(2 * short);
    let body = account.read(&order.authorization()).await.json();
    assert_eq!(body["status"], "expired", "{body}");
    let csr = Csr::new(&["a.example"]).der();
    account
        .hand_in(&order, &csr)
        .await
        .refused(403, "orderNotReady");
    assert_eq!(account.reread(&order).await.status(), "invalid");
}
