//! Section 6.5: nonces.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Request, Subject, from_base64url};

#[tokio::test]
async fn every_answer_to_a_post_brings_a_fresh_nonce() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let mut seen = HashSet::new();
    for reply in [
        account.read(&account.url).await.expect(200),
        account
            .new_order(&json!({"identifiers": []}))
            .await
            .expect(400),
        account
            .read(&subject.beside("no-such-resource"))
            .await
            .expect(404),
        subject
            .wire
            .exchange(Request::post(&subject.url("newOrder")))
            .await
            .expect(400),
    ] {
        let nonce = reply.header("replay-nonce").expect("a nonce");
        assert!(seen.insert(nonce.to_owned()), "{reply}");
    }
}

#[tokio::test]
async fn a_nonce_cannot_be_guessed() {
    let subject = Subject::open().await;
    let (one, other) = (subject.wire.nonce().await, subject.wire.nonce().await);
    assert!(from_base64url(&one).len() >= 16, "{one}");
    let (one, other) = (from_base64url(&one), from_base64url(&other));
    let differ = one.iter().zip(&other).filter(|(a, b)| a != b).count();
    assert!(differ >= 8, "{one:?} and {other:?}");
}

#[tokio::test]
async fn a_nonce_is_spent_once() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let nonce = subject.wire.nonce().await;
    let first = account
        .message(&account.url)
        .header("nonce", nonce.as_str());
    first.send().await.expect(200);
    let again = account.message(&account.url).header("nonce", nonce);
    again.send().await.refused(400, "badNonce");
}

#[tokio::test]
async fn of_many_requests_with_one_nonce_one_gets_through() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let nonce = subject.wire.nonce().await;
    let requests = (0..8).map(|_| {
        account
            .message(&account.url)
            .header("nonce", nonce.as_str())
    });
    let replies = join_all(requests.map(|request| request.send())).await;
    let through = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(through, 1);
}

#[tokio::test]
async fn a_refused_nonce_comes_with_one_that_works() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let stale = account
        .message(&account.url)
        .header("nonce", "AAAAAAAAAAAAAAAAAAAAAA");
    let refused = stale.send().await.refused(400, "badNonce");
    let nonce = refused.header("replay-nonce").expect("a nonce").to_owned();
    let again = account.message(&account.url).header("nonce", nonce);
    again.send().await.expect(200);
}

#[tokio::test]
async fn a_nonce_that_another_server_issued_is_refused() {
    let (subject, other) = (
        Subject::open().await,
        Subject::lab_only("asks two servers").await,
    );
    let Some(other) = other else { return };
    let account = subject.account().await;
    let nonce = other.wire.nonce().await;
    let message = account.message(&account.url).header("nonce", nonce);
    message.send().await.refused(400, "badNonce");
}

#[tokio::test]
async fn a_request_without_a_nonce_is_refused_with_one() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let message = account.message(&account.url).without_header("nonce");
    let reply = message.send().await;
    reply.refused(400, "badNonce");
}

#[tokio::test]
async fn a_nonce_in_the_header_of_http_counts_for_nothing() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let nonce = subject.wire.nonce().await;
    let message = account.message(&account.url).without_header("nonce");
    let reply = message.http("replay-nonce", &nonce).send().await;
    assert_eq!(reply.status, 400, "{reply}");
}

#[tokio::test]
async fn a_nonce_that_is_not_base64url_is_malformed() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let nonce = subject.wire.nonce().await;
    for bad in [
        json!("a b!"),
        json!(""),
        json!(format!("{nonce}=")),
        json!(7),
    ] {
        let message = account.message(&account.url).header("nonce", bad);
        message.send().await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_request_that_does_not_verify_leaves_the_account_as_it_was() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let before = account.read(&account.url).await.json();
    let forged = account
        .message(&account.url)
        .payload(&json!({"status": "deactivated"}));
    let forged = forged.signature(|_| vec![7; 64]);
    forged.send().await.expect(400);
    assert_eq!(account.read(&account.url).await.json(), before);
}
