//! Section 6.3: GET and POST-as-GET.

use serde_json::json;

use crate::harness::{Subject, authorization_urls, challenge, host};

#[tokio::test]
async fn what_is_not_public_is_not_answered_to_a_get() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example"]).await;
    let authorization = order.authorization();
    let body = account.read(&authorization).await.json();
    let challenge = challenge(&body, "http-01").unwrap();
    for url in [
        &account.url,
        &order.url,
        &authorization,
        challenge["url"].as_str().unwrap(),
    ] {
        subject.request("GET", url).await.refused(405, "malformed");
    }
}

#[tokio::test]
async fn the_directory_and_nonces_are_answered_to_both() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let read = account.read(subject.wire.directory_url()).await.expect(200);
    assert_eq!(read.json(), subject.directory);
    let nonce = account.read(&subject.url("newNonce")).await;
    assert!((200..300).contains(&nonce.status), "{nonce}");
}

#[tokio::test]
async fn post_as_get_has_an_empty_payload_and_not_an_empty_object() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example"]).await;
    for payload in ["{}", "null", "\"\"", " "] {
        let message = account.message(&order.url).payload_octets(payload);
        message.send().await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_certificate_is_read_with_an_empty_payload() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let issued = account.issue(&[host("a")]).await;
    let reply = account.post(&issued.url(), &json!({})).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn nothing_of_an_account_is_shown_to_another() {
    let subject = Subject::open().await;
    let (owner, other) = (subject.account().await, subject.account().await);
    let order = owner.order(&["a.example"]).await;
    let authorization = authorization_urls(&order.body).remove(0);
    let body = owner.read(&authorization).await.json();
    let challenge = challenge(&body, "http-01").unwrap();
    for url in [
        order.url.as_str(),
        order.finalize_url(),
        &authorization,
        challenge["url"].as_str().unwrap(),
    ] {
        let reply = other.read(url).await;
        assert!((400..500).contains(&reply.status), "{reply}");
        let reply = other.post(url, &json!({"status": "deactivated"})).await;
        assert!((400..500).contains(&reply.status), "{reply}");
    }
}

#[tokio::test]
async fn what_is_foreign_cannot_be_told_from_what_does_not_exist() {
    let subject = Subject::open().await;
    let (owner, other) = (subject.account().await, subject.account().await);
    let order = owner.order(&["a.example"]).await;
    for url in [order.url.clone(), order.authorization()] {
        let (parent, id) = url.rsplit_once('/').unwrap();
        let nowhere = format!("{parent}/{}", id.chars().rev().collect::<String>());
        let (foreign, missing) = (other.read(&url).await, other.read(&nowhere).await);
        assert_eq!(foreign.status, missing.status, "{foreign}, {missing}");
        assert_eq!(foreign.json(), missing.json());
    }
}
