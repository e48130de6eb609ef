//! Section 7.2: getting a nonce.

use crate::harness::{Request, Subject, from_base64url};

#[tokio::test]
async fn a_nonce_is_got_with_head_or_with_get() {
    let subject = Subject::open().await;
    let url = subject.url("newNonce");
    for (method, status) in [("HEAD", 200), ("GET", 204)] {
        let reply = subject.request(method, &url).await.expect(status);
        let nonce = reply.header("replay-nonce").expect("a nonce");
        assert!(
            !from_base64url(nonce).is_empty() && reply.body.is_empty(),
            "{reply}"
        );
    }
}

#[tokio::test]
async fn no_cache_keeps_a_nonce() {
    let subject = Subject::open().await;
    let url = subject.url("newNonce");
    for method in ["HEAD", "GET"] {
        let reply = subject.request(method, &url).await;
        let caching = reply.header("cache-control").unwrap_or_default();
        assert!(
            caching.split(',').any(|one| one.trim() == "no-store"),
            "`{caching}`"
        );
    }
}

#[tokio::test]
async fn every_request_brings_another_nonce() {
    let subject = Subject::open().await;
    let url = subject.url("newNonce");
    let one = subject.request("HEAD", &url).await;
    let other = subject.request("HEAD", &url).await;
    assert_ne!(one.header("replay-nonce"), other.header("replay-nonce"));
}

#[tokio::test]
async fn an_unsigned_post_brings_a_nonce_too() {
    let subject = Subject::open().await;
    let request = Request::post(&subject.url("newNonce"));
    let reply = subject
        .wire
        .exchange(request)
        .await
        .refused(400, "malformed");
    assert!(reply.header("replay-nonce").is_some(), "{reply}");
}
