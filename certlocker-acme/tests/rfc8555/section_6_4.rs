//! Section 6.4: the URL that was signed is the URL that is asked.

use serde_json::json;

use crate::harness::{Key, Subject, agreed};

#[tokio::test]
async fn a_request_that_was_signed_for_another_url_is_unauthorized() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example"]).await;
    let message = account.message(&account.url).to(&order.url);
    let reply = message.send().await.refused_as("unauthorized");
    assert!([401, 403].contains(&reply.status), "{reply}");
}

#[tokio::test]
async fn the_refusal_shows_both_urls() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let message = account.message(&account.url).to(&subject.url("newOrder"));
    let detail = message.send().await.detail();
    assert!(detail.contains(&account.url), "{detail}");
    assert!(detail.contains(&subject.url("newOrder")), "{detail}");
}

#[tokio::test]
async fn no_part_of_the_url_is_left_out_of_the_comparison() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let host = account.url.split('/').nth(2).unwrap();
    for signed in [
        account.url.replace("https:", "http:"),
        account.url.replace(host, "other.example"),
        account.url.replace("https:", "HTTPS:"),
        format!("{}?query", account.url),
        format!("{}/", account.url),
        account.url.replace(host, ""),
    ] {
        let message = account.message(&account.url).header("url", signed);
        message.send().await.refused_as("unauthorized");
    }
}

#[tokio::test]
async fn the_query_belongs_to_the_url() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let queried = format!("{}?page=2", account.url);
    let unsigned = account.message(&account.url).to(&queried);
    unsigned.send().await.refused_as("unauthorized");
    account.read(&queried).await.expect(200);
}

#[tokio::test]
async fn a_request_says_what_url_it_is_for() {
    let subject = Subject::open().await;
    for message in [
        subject
            .message(&Key::es256(), "newAccount")
            .without_header("url"),
        subject
            .message(&Key::es256(), "newAccount")
            .header("url", 7),
        subject
            .message(&Key::es256(), "newAccount")
            .header("url", json!(null)),
    ] {
        let message = message.payload(&agreed());
        message.send().await.refused(400, "malformed");
    }
}
