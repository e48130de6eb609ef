//! tls-alpn-01 against a TLS server, with every wrong certificate.

use certlocker_acme::Armed;
use certlocker_acme::validate::{Config, judge_certificate};
use certlocker_core::{Attempt, FailureKind, Identifier, Method, Outcome};
use rcgen::{CustomExtension, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::servers::Background;
use crate::servers::acme_certificate::{
    Certified, acme_identifier, acme_identifier_of, digest_octets, self_signed, self_signed_by,
};
use crate::servers::names::Names;
use crate::servers::tls_server::{Hello, TlsServer, showing, showing_over};
use crate::servers::unused_port;
use crate::{KEY_AUTHORIZATION, armed, attempt, config, no_answer, wrong};

const ACME_TLS: &[&str] = &["acme-tls/1"];

fn challenge() -> Armed {
    armed(Method::TlsAlpn01, "dns:a.example")
}

fn loopback() -> Names {
    Names::default().with("a.example", &["127.0.0.1"])
}

fn towards(port: u16) -> Config {
    let mut config = config();
    config.tls_port = port;
    config
}

fn right() -> Certified {
    self_signed(&["a.example"], vec![acme_identifier(KEY_AUTHORIZATION)])
}

async fn look_at(server: &TlsServer) -> Attempt {
    let config = towards(server.address.port());
    attempt(config, loopback(), &challenge()).await
}

#[tokio::test]
async fn the_right_certificate_proves_the_name_over_both_versions_of_tls() {
    for version in [&TLS12, &TLS13] {
        let server = TlsServer::start(showing_over(&[version], &right(), ACME_TLS)).await;
        let attempt = look_at(&server).await;
        assert_eq!(attempt.outcome, Outcome::Proved);
        let [hop] = attempt.hops.as_slice() else {
            panic!("one hop: {:?}", attempt.hops)
        };
        assert_eq!(hop.target, format!("a.example:{}", server.address.port()));
        assert_eq!(hop.dialled, Some(server.address));
        assert_eq!(
            hop.first_bytes.as_deref(),
            Some("certificate for dns:a.example")
        );
    }
}

#[tokio::test]
async fn keys_of_each_usual_kind_sign_the_handshake() {
    for kind in [&PKCS_RSA_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(kind).unwrap();
        let extensions = vec![acme_identifier(KEY_AUTHORIZATION)];
        let certified = self_signed_by(&key, &["a.example"], extensions);
        for version in [&TLS12, &TLS13] {
            let config = showing_over(&[version], &certified, ACME_TLS);
            let server = TlsServer::start(config).await;
            assert_eq!(look_at(&server).await.outcome, Outcome::Proved, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_whose_key_the_server_does_not_hold_is_wrong() {
    let stolen = Certified {
        certificate: right().certificate,
        key: right().key,
    };
    for version in [&TLS12, &TLS13] {
        let server = TlsServer::start(showing_over(&[version], &stolen, ACME_TLS)).await;
        let attempt = look_at(&server).await;
        wrong(&attempt, FailureKind::Tls, "BadSignature");
    }
}

#[tokio::test]
async fn exactly_the_one_protocol_is_offered_with_the_name() {
    let server = TlsServer::start(showing(&right(), ACME_TLS)).await;
    look_at(&server).await;
    let expected = Hello {
        name: Some("a.example".to_owned()),
        protocols: vec!["acme-tls/1".to_owned()],
    };
    assert_eq!(server.hellos(), [expected]);
}

#[tokio::test]
async fn an_address_is_asked_for_by_its_reverse_name() {
    let certified = self_signed(&["127.0.0.1"], vec![acme_identifier(KEY_AUTHORIZATION)]);
    let server = TlsServer::start(showing(&certified, ACME_TLS)).await;
    let challenge = armed(Method::TlsAlpn01, "ip:127.0.0.1");
    let config = towards(server.address.port());
    let attempt = attempt(config, Names::default(), &challenge).await;
    assert_eq!(attempt.outcome, Outcome::Proved);
    let name = server.hellos()[0].name.clone();
    assert_eq!(name.as_deref(), Some("1.0.0.127.in-addr.arpa"));
}

#[tokio::test]
async fn a_server_with_another_protocol_or_none_is_wrong() {
    let refusing = TlsServer::start(showing(&right(), &["h2"])).await;
    wrong(
        &look_at(&refusing).await,
        FailureKind::Tls,
        "NoApplicationProtocol",
    );
    let ignoring = TlsServer::start(showing(&right(), &[])).await;
    let failure = wrong(&look_at(&ignoring).await, FailureKind::Tls, "acme-tls/1");
    assert_eq!(failure.observed.as_deref(), Some("none"));
}

#[tokio::test]
async fn a_certificate_for_something_else_is_wrong_and_named() {
    let certified = self_signed(&["other.example"], vec![acme_identifier(KEY_AUTHORIZATION)]);
    let server = TlsServer::start(showing(&certified, ACME_TLS)).await;
    let attempt = look_at(&server).await;
    let failure = wrong(&attempt, FailureKind::IncorrectResponse, "subjectAltName");
    assert_eq!(failure.expected.as_deref(), Some("dns:a.example"));
    assert_eq!(failure.observed.as_deref(), Some("dns:other.example"));
    let seen = attempt.hops[0].first_bytes.as_deref();
    assert_eq!(seen, Some("certificate for dns:other.example"));
}

#[tokio::test]
async fn what_does_not_speak_tls_is_wrong() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _server = Background::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"220 mail.example ESMTP\r\n")
            .await
            .unwrap();
        std::future::pending().await
    });
    let attempt = attempt(towards(port), loopback(), &challenge()).await;
    wrong(&attempt, FailureKind::Tls, "did not agree on TLS");
}

#[tokio::test]
async fn a_connection_that_is_refused_or_breaks_is_no_answer() {
    let nobody = unused_port().await;
    let refused = attempt(towards(nobody.port()), loopback(), &challenge()).await;
    no_answer(&refused, FailureKind::Connection, &nobody.to_string());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _server = Background::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let broken = attempt(towards(port), loopback(), &challenge()).await;
    no_answer(
        &broken,
        FailureKind::Connection,
        "broke during the TLS handshake",
    );
}

#[tokio::test]
async fn an_inner_address_is_never_dialled() {
    let server = TlsServer::start(showing(&right(), ACME_TLS)).await;
    let mut config = towards(server.address.port());
    config.allow = vec![];
    let attempt = attempt(config, loopback(), &challenge()).await;
    wrong(&attempt, FailureKind::Dns, "127.0.0.1 (loopback)");
    assert_eq!(server.hellos(), []);
}

fn judged(identifier: &str, names: &[&str], extensions: Vec<CustomExtension>) -> String {
    let certified = self_signed(names, extensions);
    let identifier = Identifier::try_from(identifier.to_owned()).unwrap();
    match judge_certificate(&certified.certificate, &identifier, KEY_AUTHORIZATION) {
        Ok(()) => "proved".to_owned(),
        Err(failure) => {
            assert_eq!(failure.kind, FailureKind::IncorrectResponse);
            failure.detail
        }
    }
}

#[test]
fn the_certificate_names_the_identifier_and_nothing_else() {
    for (identifier, names, expected) in [
        ("dns:a.example", &["a.example"][..], "proved"),
        ("dns:a.example", &["A.Example"], "proved"),
        ("ip:192.0.2.1", &["192.0.2.1"], "proved"),
        ("ip:2001:db8::1", &["2001:db8::1"], "proved"),
        ("dns:a.example", &[], "has no subjectAltName"),
        ("dns:a.example", &["b.example"], "for something else"),
        ("dns:a.example", &["*.example"], "for something else"),
        (
            "dns:a.example",
            &["a.example", "b.example"],
            "for something else",
        ),
        (
            "dns:a.example",
            &["a.example", "a.example"],
            "for something else",
        ),
        (
            "dns:a.example",
            &["a.example", "192.0.2.1"],
            "for something else",
        ),
        ("ip:192.0.2.1", &["192.0.2.2"], "for something else"),
        ("ip:192.0.2.1", &["::ffff:192.0.2.1"], "for something else"),
        (
            "ip:192.0.2.1",
            &["1.2.0.192.in-addr.arpa"],
            "for something else",
        ),
    ] {
        let found = judged(identifier, names, vec![acme_identifier(KEY_AUTHORIZATION)]);
        assert!(found.contains(expected), "{identifier} {names:?}: {found}");
    }
}

#[test]
fn the_certificate_carries_one_critical_digest_of_the_key_authorization() {
    let right = || acme_identifier(KEY_AUTHORIZATION);
    let mut uncritical = right();
    uncritical.set_criticality(false);
    let octets = digest_octets(KEY_AUTHORIZATION);
    let mut old =
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 30, 1], octets.clone());
    old.set_criticality(true);
    let bare = octets[2..].to_vec();
    let short = [&[4, 31], &octets[2..33]].concat();
    let long = [&[4, 33], &octets[2..], &[0]].concat();
    let trailing = [octets.as_slice(), &[0]].concat();
    let bits = [&[3, 33, 0], &octets[2..]].concat();
    for (extensions, expected) in [
        (vec![right()], "proved"),
        (vec![], "has no acmeIdentifier"),
        (vec![old], "has no acmeIdentifier"),
        (vec![uncritical], "must be critical"),
        (vec![right(), right()], "more than one acmeIdentifier"),
        (
            vec![acme_identifier("token-2.thumbprint-1")],
            "not the digest",
        ),
        (vec![acme_identifier_of(short)], "not the digest"),
        (vec![acme_identifier_of(long)], "not the digest"),
        (vec![acme_identifier_of(bare)], "not an OCTET STRING"),
        (vec![acme_identifier_of(trailing)], "not an OCTET STRING"),
        (vec![acme_identifier_of(bits)], "not an OCTET STRING"),
        (vec![acme_identifier_of(vec![])], "not an OCTET STRING"),
    ] {
        let found = judged("dns:a.example", &["a.example"], extensions);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn two_subject_alt_names_are_wrong() {
    let san = CustomExtension::from_oid_content(&[2, 5, 29, 17], b"\x30\x03\x82\x01a".to_vec());
    let found = judged(
        "dns:a.example",
        &["a.example"],
        vec![san, acme_identifier(KEY_AUTHORIZATION)],
    );
    assert!(found.contains("more than one subjectAltName"), "{found}");
}

#[test]
fn damage_to_a_certificate_is_survived() {
    let identifier = Identifier::dns("a.example").unwrap();
    let whole = right().certificate;
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x81;
        let _ = judge_certificate(&damaged, &identifier, KEY_AUTHORIZATION);
        let cut = judge_certificate(&whole[..place], &identifier, KEY_AUTHORIZATION);
        assert!(cut.is_err(), "cut after {place} bytes");
    }
}

#[test]
fn what_is_no_certificate_is_wrong() {
    let identifier = Identifier::dns("a.example").unwrap();
    for der in [&b""[..], b"\x30\x03\x02\x01\x01", b"not a certificate"] {
        let failure = judge_certificate(der, &identifier, KEY_AUTHORIZATION).unwrap_err();
        assert!(
            failure.detail.contains("cannot be read"),
            "{}",
            failure.detail
        );
    }
}
