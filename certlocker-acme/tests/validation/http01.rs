//! http-01 against one server.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use certlocker_acme::validate::{
    Answer, Config, DnsResolver, LookupError, LookupFault, NetworkValidator,
};
use certlocker_acme::{Armed, Validator};
use certlocker_core::{Attempt, FailureKind, Method, Outcome};
use tokio::task::JoinSet;

use crate::servers::http_server::{HttpServer, Reply};
use crate::servers::names::Names;
use crate::servers::unused_port;
use crate::{KEY_AUTHORIZATION, PATH, armed, attempt, config, no_answer, wrong};

fn challenge() -> Armed {
    armed(Method::Http01, "dns:a.example")
}

fn loopback() -> Names {
    Names::default().with("a.example", &["127.0.0.1"])
}

fn towards(server: &HttpServer) -> Config {
    let mut config = config();
    config.http_port = server.address.port();
    config
}

async fn look(reply: Reply) -> Attempt {
    let server = HttpServer::start([(PATH, reply)]).await;
    attempt(towards(&server), loopback(), &challenge()).await
}

#[tokio::test]
async fn the_key_authorization_at_the_well_known_path_proves_the_name() {
    let headers = "Server: nginx/1.27\r\n";
    let body = format!("{KEY_AUTHORIZATION}\n");
    let server = HttpServer::start([(PATH, Reply::status("200 OK", headers, body))]).await;
    let attempt = attempt(towards(&server), loopback(), &challenge()).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    assert_eq!(attempt.started, challenge().started);
    let [hop] = attempt.hops.as_slice() else {
        panic!("one hop: {:?}", attempt.hops)
    };
    assert_eq!(hop.target, format!("http://a.example{PATH}"));
    assert_eq!(hop.resolved, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(hop.dialled, Some(server.address));
    assert_eq!(hop.status, Some(200));
    assert_eq!(hop.server.as_deref(), Some("nginx/1.27"));
    assert_eq!(hop.first_bytes.as_deref(), Some("token-1.thumbprint-1\\n"));
}

#[tokio::test]
async fn the_request_is_plain_and_carries_the_bare_host() {
    let server = HttpServer::start([(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
    attempt(towards(&server), loopback(), &challenge()).await;
    let head = server.requests()[0].to_ascii_lowercase();
    assert!(
        head.starts_with(&format!("get {PATH} http/1.1\r\n")),
        "{head}"
    );
    for line in [
        "host: a.example",
        "accept: */*",
        "user-agent: certlocker-acme/",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{head}");
    }
    assert!(head.contains("host: a.example\r\n"), "{head}");
}

#[tokio::test]
async fn a_wildcard_stands_for_the_name_below_it() {
    let server = HttpServer::start([(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
    let challenge = armed(Method::Http01, "dns:*.a.example");
    let attempt = attempt(towards(&server), loopback(), &challenge).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
}

#[tokio::test]
async fn an_address_is_asked_without_a_look_up() {
    for (identifier, listen, host) in [
        ("ip:127.0.0.1", "127.0.0.1:0", "host: 127.0.0.1\r\n"),
        ("ip:::1", "[::1]:0", "host: [::1]\r\n"),
    ] {
        let server = HttpServer::start_at(listen, [(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
        let names = Arc::new(Names::default());
        let challenge = armed(Method::Http01, identifier);
        let attempt = attempt(towards(&server), Arc::clone(&names), &challenge).await;
        assert_eq!(attempt.outcome, Outcome::Proved);
        assert_eq!(names.asked(), [""; 0]);
        let head = server.requests()[0].to_ascii_lowercase();
        assert!(head.contains(host), "{head}");
    }
}

#[tokio::test]
async fn chunked_and_unframed_bodies_are_read_to_their_end() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ntoken-1.\r\n\
                   c\r\nthumbprint-1\r\n0\r\n\r\n";
    let unframed = format!("HTTP/1.0 200 OK\r\n\r\n{KEY_AUTHORIZATION}");
    for answer in [chunked, &unframed] {
        let attempt = look(Reply::Raw(answer.as_bytes().to_vec())).await;
        assert_eq!(attempt.outcome, Outcome::Proved, "{answer}");
    }
}

#[tokio::test]
async fn another_body_is_wrong_and_shown_beside_the_right_one() {
    let attempt = look(Reply::ok("<html>parked</html>")).await;
    let failure = wrong(
        &attempt,
        FailureKind::IncorrectResponse,
        "not the key authorization",
    );
    assert_eq!(failure.expected.as_deref(), Some(KEY_AUTHORIZATION));
    assert_eq!(failure.observed.as_deref(), Some("<html>parked</html>"));
}

#[tokio::test]
async fn an_answer_with_control_bytes_is_noted_in_printable_form() {
    let attempt = look(Reply::status("200 OK", "Server: a\tb\r\n", "\x1b[2J")).await;
    wrong(&attempt, FailureKind::IncorrectResponse, "");
    assert_eq!(attempt.hops[0].first_bytes.as_deref(), Some("\\x1b[2J"));
    assert_eq!(attempt.hops[0].server.as_deref(), Some("a\\tb"));
}

#[tokio::test]
async fn not_found_is_wrong_and_a_server_error_is_no_answer() {
    let attempt = look(Reply::status("404 Not Found", "", "nope")).await;
    wrong(&attempt, FailureKind::IncorrectResponse, "404");
    assert_eq!(attempt.hops[0].status, Some(404));
    assert_eq!(attempt.hops[0].first_bytes.as_deref(), Some("nope"));
    let attempt = look(Reply::status("502 Bad Gateway", "", KEY_AUTHORIZATION)).await;
    no_answer(&attempt, FailureKind::IncorrectResponse, "502");
}

#[tokio::test]
async fn a_body_longer_than_the_limit_is_wrong_without_reading_on() {
    let endless = Reply::Drip(
        format!("HTTP/1.1 200 OK\r\n\r\n{KEY_AUTHORIZATION}").into_bytes(),
        vec![b'\n'; 500],
    );
    wrong(
        &look(endless).await,
        FailureKind::IncorrectResponse,
        "longer than 1024 bytes",
    );
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_attempt() {
    let dripping = Reply::Drip(b"HTTP/1.1 200 OK\r\n\r\ntok".to_vec(), b".".to_vec());
    let server = HttpServer::start([(PATH, dripping)]).await;
    let mut config = towards(&server);
    config.timeouts.attempt = Duration::from_millis(100);
    let attempt = attempt(config, loopback(), &challenge()).await;
    no_answer(
        &attempt,
        FailureKind::Connection,
        "reading the body of http://a.example",
    );
    assert!(attempt.elapsed_ms < 2000, "{}", attempt.elapsed_ms);
    let seen = attempt.hops[0].first_bytes.as_deref().unwrap();
    assert!(seen.starts_with("tok"), "{seen}");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let endless = Reply::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 4000]);
    wrong(
        &look(endless).await,
        FailureKind::IncorrectResponse,
        "does not speak HTTP/1.1",
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_after_a_while() {
    let server = HttpServer::start([(PATH, Reply::Silence)]).await;
    let mut config = towards(&server);
    config.timeouts.read = Duration::from_millis(50);
    let attempt = attempt(config, loopback(), &challenge()).await;
    no_answer(
        &attempt,
        FailureKind::Connection,
        "nothing more within 50ms",
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_answer() {
    no_answer(&look(Reply::Close).await, FailureKind::Connection, "broke");
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoken-1.thumbprint-1";
    no_answer(
        &look(Reply::Raw(cut.to_vec())).await,
        FailureKind::Connection,
        "broke",
    );
}

#[tokio::test]
async fn what_does_not_speak_http_is_wrong() {
    let banner = Reply::Raw(b"SSH-2.0-OpenSSH_10.0\r\n".to_vec());
    wrong(
        &look(banner).await,
        FailureKind::IncorrectResponse,
        "does not speak HTTP/1.1",
    );
}

#[tokio::test]
async fn a_refused_connection_is_no_answer_and_names_the_address() {
    let nobody = unused_port().await;
    let mut config = config();
    config.http_port = nobody.port();
    let attempt = attempt(config, loopback(), &challenge()).await;
    no_answer(&attempt, FailureKind::Connection, &format!("{nobody}: "));
    assert_eq!(attempt.hops[0].dialled, Some(nobody));
}

#[tokio::test]
async fn ipv4_is_tried_when_ipv6_does_not_take_the_connection() {
    let server = HttpServer::start([(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
    let names = Names::default().with("a.example", &["127.0.0.1", "::1"]);
    let attempt = attempt(towards(&server), names, &challenge()).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    let dialled: Vec<_> = attempt
        .hops
        .iter()
        .map(|hop| hop.dialled.unwrap())
        .collect();
    let dead = (std::net::Ipv6Addr::LOCALHOST, server.address.port()).into();
    assert_eq!(dialled, [dead, server.address]);
    assert_eq!(attempt.hops[0].status, None);
    assert_eq!(attempt.hops[1].resolved.len(), 2);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_no_answer() {
    let attempt = attempt(config(), Names::default(), &challenge()).await;
    no_answer(&attempt, FailureKind::Dns, "NXDOMAIN");
    assert_eq!(attempt.hops.len(), 1);
}

#[tokio::test]
async fn an_inner_address_is_never_dialled_and_the_way_to_admit_it_is_named() {
    let server = HttpServer::start([(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
    let mut config = towards(&server);
    config.allow = vec![];
    for (identifier, kind) in [
        ("dns:a.example", FailureKind::Dns),
        ("ip:127.0.0.1", FailureKind::Connection),
    ] {
        let challenge = armed(Method::Http01, identifier);
        let attempt = attempt(config.clone(), loopback(), &challenge).await;
        let failure = wrong(&attempt, kind, "127.0.0.1 (loopback)");
        assert!(failure.detail.contains("--allow-validation-to CIDR"));
        assert_eq!(attempt.hops[0].dialled, None);
        assert_eq!(attempt.hops[0].resolved.len(), 1);
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn of_several_addresses_only_the_admitted_are_dialled() {
    let server = HttpServer::start([(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
    let mut config = towards(&server);
    config.allow = vec!["127.0.0.1/32".parse().unwrap()];
    let names = Names::default().with("a.example", &["::1", "10.0.0.1", "127.0.0.1"]);
    let attempt = attempt(config, names, &challenge()).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    assert_eq!(attempt.hops.len(), 1);
    assert_eq!(attempt.hops[0].resolved.len(), 3);
}

#[tokio::test]
async fn a_name_with_a_flood_of_addresses_is_tried_and_noted_in_part() {
    let nobody = unused_port().await;
    let mut config = config();
    config.http_port = nobody.port();
    let names = Names::default().with("a.example", &["127.0.0.1"; 500]);
    let attempt = attempt(config, names, &challenge()).await;
    no_answer(&attempt, FailureKind::Connection, "127.0.0.1");
    assert_eq!(attempt.hops.len(), 2);
    assert_eq!(attempt.hops[0].resolved.len(), 16);
}

#[tokio::test]
async fn a_name_that_turns_inward_after_it_was_judged_gains_nothing() {
    let server = HttpServer::start([(PATH, Reply::ok(KEY_AUTHORIZATION))]).await;
    let names = loopback().with("a.example", &["10.0.0.1"]);
    let names = Arc::new(names);
    let attempt = attempt(towards(&server), Arc::clone(&names), &challenge()).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    assert_eq!(names.asked(), ["a.example"]);
}

#[tokio::test]
async fn no_more_attempts_run_at_once_than_configured() {
    let crowd = Arc::new(Crowd::default());
    let mut config = config();
    config.max_attempts = 2;
    let resolver: Arc<dyn DnsResolver> = crowd.clone();
    let validator = NetworkValidator::with_resolver(config, resolver).unwrap();
    let validator = Arc::new(validator);
    let mut attempts = JoinSet::new();
    for n in 0..10 {
        let validator = Arc::clone(&validator);
        let challenge = armed(Method::Http01, &format!("dns:host{n}.example"));
        attempts.spawn(async move { validator.attempt(&challenge).await });
    }
    for attempt in attempts.join_all().await {
        no_answer(&attempt, FailureKind::Dns, "NXDOMAIN");
    }
    assert_eq!(crowd.most.load(Ordering::Relaxed), 2);
}

/// A resolver that counts how many ask at once.
#[derive(Debug, Default)]
struct Crowd {
    most: AtomicUsize,
    now: AtomicUsize,
}

#[async_trait]
impl DnsResolver for Crowd {
    async fn addresses(&self, _name: &str) -> Result<Answer<IpAddr>, LookupError> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::Relaxed);
        Err(LookupError {
            fault: LookupFault::NoSuchName,
            server: None,
        })
    }

    async fn txt(&self, _name: &str) -> Result<Answer<Vec<u8>>, LookupError> {
        unreachable!("http-01 asks for no TXT record")
    }
}

#[tokio::test]
async fn a_user_agent_that_is_no_header_is_refused_at_once() {
    let mut config = config();
    config.user_agent = "a\nb".to_owned();
    let refused = NetworkValidator::with_resolver(config, Arc::new(loopback()));
    assert!(refused.unwrap_err().to_string().contains("User-Agent"));
}
