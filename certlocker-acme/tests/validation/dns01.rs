//! dns-01 against a name server.

use std::time::Duration;

use certlocker_acme::Validator;
use certlocker_acme::validate::{Config, DnsResolver, LookupFault, NameServers, NetworkValidator};
use certlocker_core::{Attempt, FailureKind, Method, Outcome};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::servers::dns_server::{DnsServer, Reply, Transport, Zone, cname, txt};
use crate::{armed, config, no_answer, wrong};

const NAME: &str = "_acme-challenge.a.example";
/// base64url(sha256("token-1.thumbprint-1"))
const DIGEST: &str = "rnNfO8QSkEg3lRmi_D1GlQ67IhXwImFPecChKm93S6M";

fn towards(server: &DnsServer) -> Config {
    let mut config = config();
    config.resolver = Some(server.address);
    config.timeouts.dns = Duration::from_millis(200);
    config
}

async fn look_at(server: &DnsServer) -> Attempt {
    let validator = NetworkValidator::new(towards(server)).unwrap();
    let challenge = armed(Method::Dns01, "dns:*.a.example");
    validator.attempt(&challenge).await
}

async fn look(zone: Zone) -> Attempt {
    look_at(&DnsServer::start(zone).await).await
}

#[tokio::test]
async fn the_digest_at_the_prefixed_name_proves_the_name() {
    let server = DnsServer::start(Zone::default().txt(NAME, &[DIGEST])).await;
    let attempt = look_at(&server).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    let [hop] = attempt.hops.as_slice() else {
        panic!("one hop: {:?}", attempt.hops)
    };
    assert_eq!(hop.target, format!("TXT {NAME}"));
    assert_eq!(hop.dialled, Some(server.address));
    assert_eq!(hop.first_bytes, Some(format!("\"{DIGEST}\"")));
    let asked = server.asked();
    assert_eq!(asked, [(Transport::Udp, format!("TXT {NAME}"))]);
}

#[tokio::test]
async fn one_right_record_among_many_is_enough() {
    let mut values = vec!["v=spf1 -all", ""];
    values.extend(["another"; 8]);
    values.push(DIGEST);
    let attempt = look(Zone::default().txt(NAME, &values)).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
}

#[tokio::test]
async fn the_strings_of_a_record_are_joined_and_records_are_not() {
    let (start, end) = DIGEST.split_at(20);
    let joined = Reply::Records(vec![(NAME.to_owned(), txt(&[start, end]))]);
    let zone = Zone::default().reply(NAME, RecordType::TXT, joined);
    assert_eq!(look(zone).await.outcome, Outcome::Proved);
    let apart = look(Zone::default().txt(NAME, &[start, end])).await;
    wrong(
        &apart,
        FailureKind::IncorrectResponse,
        "none of the 2 TXT records",
    );
}

#[tokio::test]
async fn other_values_are_wrong_and_shown_beside_the_right_one() {
    let attempt = look(Zone::default().txt(NAME, &["old", "a\u{7}b"])).await;
    let failure = wrong(&attempt, FailureKind::IncorrectResponse, NAME);
    assert_eq!(failure.expected.as_deref(), Some(DIGEST));
    assert_eq!(failure.observed.as_deref(), Some(r#""old", "a\x07b""#));
}

#[tokio::test]
async fn near_misses_of_the_digest_are_wrong() {
    let padded = format!("{DIGEST}=");
    let quoted = format!("\"{DIGEST}\"");
    let trailing = format!("{DIGEST} ");
    let lower = DIGEST.to_ascii_lowercase();
    for value in [&padded, &quoted, &trailing, &lower] {
        let attempt = look(Zone::default().txt(NAME, &[value])).await;
        wrong(
            &attempt,
            FailureKind::IncorrectResponse,
            "none of the 1 TXT records",
        );
    }
}

#[tokio::test]
async fn many_values_are_cut_to_a_few() {
    let attempt = look(Zone::default().txt(NAME, &["x"; 9])).await;
    let failure = wrong(&attempt, FailureKind::IncorrectResponse, "9 TXT records");
    assert!(failure.observed.unwrap().ends_with("\"x\" and 4 more"));
}

#[tokio::test]
async fn an_alias_is_followed_within_an_answer_and_across_answers() {
    let within = Reply::Records(vec![
        (NAME.to_owned(), cname("b.example")),
        ("b.example".to_owned(), cname("c.example")),
        ("c.example".to_owned(), txt(&[DIGEST])),
    ]);
    let across = Reply::Records(vec![(NAME.to_owned(), cname("b.example"))]);
    for (reply, path) in [(within, "b.example -> c.example"), (across, "b.example")] {
        let zone = Zone::default()
            .reply(NAME, RecordType::TXT, reply)
            .txt("b.example", &[DIGEST]);
        let attempt = look(zone).await;
        assert_eq!(attempt.outcome, Outcome::Proved);
        assert_eq!(attempt.hops[0].target, format!("TXT {NAME} -> {path}"));
    }
}

#[tokio::test]
async fn records_of_a_name_that_was_not_asked_for_are_ignored() {
    let stray = Reply::Records(vec![("evil.example".to_owned(), txt(&[DIGEST]))]);
    let attempt = look(Zone::default().reply(NAME, RecordType::TXT, stray)).await;
    no_answer(&attempt, FailureKind::Dns, "no record of this type");
}

#[tokio::test]
async fn aliases_in_a_circle_are_given_up() {
    let zone = Zone::default()
        .reply(
            NAME,
            RecordType::TXT,
            Reply::Records(vec![(NAME.to_owned(), cname("b.example"))]),
        )
        .reply(
            "b.example",
            RecordType::TXT,
            Reply::Records(vec![("b.example".to_owned(), cname(NAME))]),
        );
    no_answer(&look(zone).await, FailureKind::Dns, "too many aliases");
}

#[tokio::test]
async fn what_is_not_there_yet_or_not_told_is_no_answer() {
    let silent = Zone::default().reply(NAME, RecordType::TXT, Reply::Silence);
    let dangling = Reply::Records(vec![(NAME.to_owned(), cname("nowhere.example"))]);
    for (zone, part) in [
        (Zone::default(), "NXDOMAIN"),
        (
            Zone::default().address(NAME, "192.0.2.1"),
            "no record of this type",
        ),
        (
            Zone::default().reply(NAME, RecordType::TXT, dangling),
            "NXDOMAIN",
        ),
        (failing(ResponseCode::ServFail), "SERVFAIL"),
        (failing(ResponseCode::Refused), "REFUSED"),
        (silent, "did not answer in time"),
    ] {
        let server = DnsServer::start(zone).await;
        let attempt = look_at(&server).await;
        let failure = no_answer(&attempt, FailureKind::Dns, part);
        assert!(failure.detail.contains(NAME), "{}", failure.detail);
        assert!(failure.detail.contains(&server.address.to_string()));
        assert_eq!(attempt.hops[0].dialled, Some(server.address));
    }
}

fn failing(code: ResponseCode) -> Zone {
    Zone::default().reply(NAME, RecordType::TXT, Reply::Code(code))
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let records = vec![(NAME.to_owned(), txt(&[DIGEST]))];
    let zone = Zone::default().reply(NAME, RecordType::TXT, Reply::Truncated(records));
    let server = DnsServer::start(zone).await;
    assert_eq!(look_at(&server).await.outcome, Outcome::Proved);
    let transports: Vec<_> = server
        .asked()
        .into_iter()
        .map(|(transport, _)| transport)
        .collect();
    assert_eq!(transports, [Transport::Udp, Transport::Tcp]);
}

#[tokio::test]
async fn a_server_from_before_edns_is_asked_without_it() {
    let records = vec![(NAME.to_owned(), txt(&[DIGEST]))];
    let zone = Zone::default().reply(NAME, RecordType::TXT, Reply::OnlyWithoutEdns(records));
    assert_eq!(look(zone).await.outcome, Outcome::Proved);
}

#[tokio::test]
async fn nothing_is_remembered_between_attempts() {
    let server = DnsServer::start(Zone::default().txt(NAME, &[DIGEST])).await;
    look_at(&server).await;
    look_at(&server).await;
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn an_address_cannot_be_proven_so() {
    let server = DnsServer::start(Zone::default()).await;
    let validator = NetworkValidator::new(towards(&server)).unwrap();
    let attempt = validator
        .attempt(&armed(Method::Dns01, "ip:127.0.0.1"))
        .await;
    wrong(
        &attempt,
        FailureKind::RejectedIdentifier,
        "dns-01 cannot prove",
    );
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn every_name_is_asked_of_the_name_server_and_as_it_stands() {
    let zone = Zone::default()
        .address("localhost", "192.0.2.7")
        .address("a", "192.0.2.8");
    let server = DnsServer::start(zone).await;
    let names = NameServers::single(server.address, Duration::from_secs(5));
    for (name, address) in [("localhost", "192.0.2.7"), ("a", "192.0.2.8")] {
        let answer = names.addresses(name).await.unwrap();
        assert_eq!(
            answer.records,
            [address.parse::<std::net::IpAddr>().unwrap()]
        );
    }
    let missing = names.addresses("invalid").await.unwrap_err();
    assert_eq!(missing.fault, LookupFault::NoSuchName);
    let asked: Vec<_> = server
        .asked()
        .into_iter()
        .map(|(_, question)| question)
        .collect();
    assert!(asked.contains(&"A localhost".to_owned()), "{asked:?}");
    assert!(asked.contains(&"AAAA a".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn one_family_of_addresses_is_enough_when_the_other_fails() {
    for (broken, good, address) in [
        (RecordType::AAAA, "a.example", "192.0.2.1"),
        (RecordType::A, "a.example", "2001:db8::1"),
    ] {
        let zone = Zone::default().address(good, address).reply(
            good,
            broken,
            Reply::Code(ResponseCode::ServFail),
        );
        let server = DnsServer::start(zone).await;
        let names = NameServers::single(server.address, Duration::from_secs(5));
        let answer = names.addresses(good).await.unwrap();
        assert_eq!(
            answer.records,
            [address.parse::<std::net::IpAddr>().unwrap()]
        );
    }
}
