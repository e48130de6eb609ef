//! Section 6.1: transport, and what HTTP itself can get wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use certlocker_acme::{Clock, SystemClock};
use certlocker_core::Timestamp;
use serde_json::json;

use crate::harness::{Key, Request, Subject};

#[tokio::test]
async fn a_page_of_another_origin_may_read_the_directory() {
    let subject = Subject::open().await;
    let request = Request::new("GET", subject.wire.directory_url());
    let reply = subject
        .wire
        .exchange(request.header("origin", "https://page.example"))
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_page_of_another_origin_may_read_the_headers_of_the_protocol() {
    let subject = Subject::open().await;
    let reply = subject.request("GET", &subject.url("newNonce")).await;
    let exposed = reply
        .header("access-control-expose-headers")
        .unwrap_or_default()
        .to_ascii_lowercase();
    for header in ["link", "location", "replay-nonce", "retry-after"] {
        assert!(exposed.contains(header), "{header} in `{exposed}`");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask_whether_it_may_post() {
    let subject = Subject::open().await;
    let request = Request::new("OPTIONS", &subject.url("newOrder"))
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let reply = subject.wire.exchange(request).await;
    assert!((200..300).contains(&reply.status), "{reply}");
    let methods = reply.header("access-control-allow-methods");
    assert!(methods.unwrap_or_default().contains("POST"), "{reply}");
    let headers = reply.header("access-control-allow-headers");
    let headers = headers.unwrap_or_default().to_ascii_lowercase();
    assert!(headers.contains("content-type"), "{reply}");
}

#[tokio::test]
async fn no_header_of_a_request_gets_into_a_url() {
    let subject = Subject::open().await;
    let forged = Request::new("GET", subject.wire.directory_url())
        .header("host", "forged.example")
        .header("x-forwarded-host", "forged.example")
        .header("x-forwarded-proto", "gopher")
        .header("forwarded", "host=forged.example;proto=gopher");
    let reply = subject.wire.exchange(forged).await;
    if reply.status == 200 {
        assert!(!reply.text().contains("forged.example"), "{reply}");
        assert!(!reply.text().contains("gopher:"), "{reply}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_and_not_a_page() {
    let subject = Subject::open().await;
    let unknown = subject.beside("no-such-resource");
    subject
        .request("GET", &unknown)
        .await
        .refused(404, "malformed");
    let account = subject.account().await;
    account.read(&unknown).await.refused(404, "malformed");
}

#[tokio::test]
async fn a_method_that_a_resource_does_not_have_is_refused_with_those_it_has() {
    let subject = Subject::open().await;
    for (method, resource) in [
        ("PUT", "newAccount"),
        ("DELETE", "newOrder"),
        ("PATCH", "revokeCert"),
        ("GET", "newOrder"),
    ] {
        let reply = subject.request(method, &subject.url(resource)).await;
        let reply = reply.refused(405, "malformed");
        let allowed = reply.header("allow").unwrap_or_default();
        assert!(
            allowed.contains("POST") && !allowed.contains(method),
            "{allowed}"
        );
    }
}

#[tokio::test]
async fn a_body_larger_than_any_request_is_refused() {
    let subject = Subject::open().await;
    let request = Request::post(&subject.url("newAccount")).body(vec![b' '; 65 * 1024]);
    subject
        .wire
        .exchange(request)
        .await
        .refused(413, "malformed");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_malformed() {
    let subject = Subject::open().await;
    for body in ["", "null", "[]", "{", "\u{feff}{}", "\0", "{} {}"] {
        let request = Request::post(&subject.url("newAccount")).body(body);
        subject
            .wire
            .exchange(request)
            .await
            .refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed() {
    let Some(subject) = Subject::lab_only("breaks a body off").await else {
        return;
    };
    let request = Request::post(&subject.url("newAccount"));
    let reply = subject.wire.exchange_broken(&request).await;
    reply.refused(400, "malformed");
}

/// A clock that fails when it is told to, in the middle of a request.
struct Failing(Arc<AtomicBool>);

impl Clock for Failing {
    fn now(&self) -> Timestamp {
        assert!(!self.0.load(Ordering::SeqCst), "told to fail");
        SystemClock::default().now()
    }
}

#[tokio::test]
async fn a_handler_that_breaks_answers_as_every_other_and_the_next_one_works() {
    let fails = Arc::new(AtomicBool::new(false));
    let clock = Arc::new(Failing(Arc::clone(&fails)));
    let what = "breaks a handler";
    let subject = Subject::assembled(what, |parts| parts.clock = clock, |_| {}).await;
    let Some(subject) = subject else { return };
    fails.store(true, Ordering::SeqCst);
    let reply = subject.register(&Key::es256(), &json!({})).await;
    let reply = reply.refused(500, "serverInternal");
    assert!(!reply.detail().contains("told to fail"), "{reply}");
    fails.store(false, Ordering::SeqCst);
    subject
        .register(&Key::es256(), &json!({}))
        .await
        .expect(201);
}
