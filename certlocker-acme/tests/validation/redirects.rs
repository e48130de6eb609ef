//! http-01 across redirects.

use std::sync::Arc;

use certlocker_core::{FailureKind, Method, Outcome};

use crate::servers::acme_certificate::self_signed;
use crate::servers::http_server::{HttpServer, Reply};
use crate::servers::names::Names;
use crate::servers::tls_server::showing;
use crate::{KEY_AUTHORIZATION, PATH, armed, attempt, config, no_answer, wrong};

fn names() -> Names {
    Names::default()
        .with("a.example", &["127.0.0.1"])
        .with("b.example", &["127.0.0.1"])
        .with("inner.example", &["10.0.0.1"])
}

async fn look(routes: Vec<(&str, Reply)>) -> certlocker_core::Attempt {
    let server = HttpServer::start(routes).await;
    let mut config = config();
    config.http_port = server.address.port();
    attempt(config, names(), &armed(Method::Http01, "dns:a.example")).await
}

#[tokio::test]
async fn a_chain_of_redirects_is_followed_and_each_step_is_a_hop() {
    let attempt = look(vec![
        (PATH, Reply::redirect("/second")),
        ("/second", Reply::redirect("http://b.example/third?x=1")),
        ("/third?x=1", Reply::redirect("http://127.0.0.1:80/fourth")),
        ("/fourth", Reply::ok(KEY_AUTHORIZATION)),
    ])
    .await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    let targets: Vec<_> = attempt.hops.iter().map(|hop| hop.target.as_str()).collect();
    let expected = [
        &format!("http://a.example{PATH}"),
        "http://a.example/second",
        "http://b.example/third?x=1",
        "http://127.0.0.1/fourth",
    ];
    assert_eq!(targets, expected);
    let statuses: Vec<_> = attempt.hops.iter().filter_map(|hop| hop.status).collect();
    assert_eq!(statuses, [302, 302, 302, 200]);
}

#[tokio::test]
async fn https_is_followed_whatever_its_certificate_says() {
    let certified = self_signed(&["elsewhere.example"], vec![]);
    let site = [("/x", Reply::ok(KEY_AUTHORIZATION))];
    let secure = HttpServer::start_tls(showing(&certified, &[]), site).await;
    let plain = HttpServer::start([(PATH, Reply::redirect("https://b.example/x"))]).await;
    let mut config = config();
    config.http_port = plain.address.port();
    config.tls_port = secure.address.port();
    let attempt = attempt(config, names(), &armed(Method::Http01, "dns:a.example")).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    assert_eq!(attempt.hops[1].dialled, Some(secure.address));
    let head = secure.requests()[0].to_ascii_lowercase();
    assert!(head.contains("host: b.example\r\n"), "{head}");
}

#[tokio::test]
async fn a_loop_ends_by_count() {
    let attempt = look(vec![(PATH, Reply::redirect(PATH))]).await;
    wrong(
        &attempt,
        FailureKind::IncorrectResponse,
        "more than 10 redirects",
    );
    assert_eq!(attempt.hops.len(), 11);
}

#[tokio::test]
async fn a_redirect_that_leaves_the_rules_is_wrong_and_names_its_target() {
    for (location, reason) in [
        ("ftp://b.example/x", "its scheme is ftp"),
        ("http://b.example:8080/x", "its port is 8080"),
        ("http://user:pass@b.example/", "names a user"),
        ("http://[::1/", "invalid IPv6"),
    ] {
        let attempt = look(vec![(PATH, Reply::redirect(location))]).await;
        let failure = wrong(&attempt, FailureKind::IncorrectResponse, reason);
        assert!(failure.detail.contains(location), "{}", failure.detail);
        assert_eq!(attempt.hops.len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_without_a_location_is_wrong() {
    let attempt = look(vec![(PATH, Reply::status("301 Moved Permanently", "", ""))]).await;
    wrong(
        &attempt,
        FailureKind::IncorrectResponse,
        "without a Location",
    );
}

#[tokio::test]
async fn the_address_policy_holds_after_a_redirect() {
    for (location, kind) in [
        ("http://inner.example/", FailureKind::Dns),
        ("http://10.0.0.1/", FailureKind::Connection),
        ("http://[::ffff:10.0.0.1]/", FailureKind::Connection),
    ] {
        let attempt = look(vec![(PATH, Reply::redirect(location))]).await;
        wrong(&attempt, kind, "(private)");
        assert_eq!(attempt.hops.len(), 2);
        assert_eq!(attempt.hops[1].dialled, None);
    }
}

#[tokio::test]
async fn each_hop_resolves_its_name_once() {
    let routes = [
        (PATH, Reply::redirect("http://b.example/x")),
        ("/x", Reply::redirect("/y")),
        ("/y", Reply::ok(KEY_AUTHORIZATION)),
    ];
    let server = HttpServer::start(routes).await;
    let mut config = config();
    config.http_port = server.address.port();
    let names = Arc::new(names().with("b.example", &["10.0.0.1"]));
    let challenge = armed(Method::Http01, "dns:a.example");
    let attempt = attempt(config, Arc::clone(&names), &challenge).await;
    assert_eq!(names.asked(), ["a.example", "b.example", "b.example"]);
    wrong(&attempt, FailureKind::Dns, "10.0.0.1 (private)");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_end_is_no_answer() {
    let mute = HttpServer::start([]).await;
    let plain = HttpServer::start([(PATH, Reply::redirect("https://b.example/x"))]).await;
    let mut config = config();
    config.http_port = plain.address.port();
    config.tls_port = mute.address.port();
    config.timeouts.read = std::time::Duration::from_millis(100);
    let attempt = attempt(config, names(), &armed(Method::Http01, "dns:a.example")).await;
    no_answer(
        &attempt,
        FailureKind::Connection,
        "did not finish the TLS handshake",
    );
}
