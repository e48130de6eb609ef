//! Cipher suites, key exchanges and versions: a certificate is seen whatever protects the rest.

use certlocker_core::Der;
use certlocker_probe::{Failure, Possession, TlsVersion};

use crate::play::{flight, group_of, meet, record, request};

const CERTIFICATE: &[u8] = b"a certificate";

#[test]
fn a_certificate_is_seen_behind_every_cipher_suite_and_key_exchange() {
    let (none, dhe) = (Vec::new(), 0x0033);
    for (case, suite, after) in [
        ("3des", 0x000a, none.clone()),
        ("cbc", 0xc013, none.clone()),
        ("null", 0x0002, none.clone()),
        ("rc4", 0x0005, none.clone()),
        ("rc4-md5", 0x0004, none.clone()),
        ("mozilla-old", 0x0016, none.clone()),
        ("mozilla-intermediate", 0x009e, none.clone()),
        ("mozilla-modern", 0xc02f, none.clone()),
        ("static-rsa", 0x002f, none),
        ("dh480", dhe, group_of(480)),
        ("dh512", dhe, group_of(512)),
        ("dh1024", dhe, group_of(1024)),
        ("dh2048", dhe, group_of(2048)),
        ("dh-composite, dh-small-subgroup", dhe, group_of(2040)),
        ("client, client-cert-missing", 0xc02f, request()),
    ] {
        let octets = flight(TlsVersion::TLS_1_2, suite, &[CERTIFICATE.to_vec()], &after);
        let captured = meet(&octets).unwrap_or_else(|failure| panic!("{case}: {failure}"));
        assert_eq!(captured.chain, [Der(CERTIFICATE.to_vec())], "{case}");
        assert_eq!(captured.cipher_suite, suite, "{case}");
        assert_eq!(captured.possession, Possession::NotAsked, "{case}");
    }
}

#[test]
fn a_certificate_is_seen_in_every_version_from_ssl_3_0_on() {
    for version in [
        TlsVersion::SSL_3_0,
        TlsVersion::TLS_1_0,
        TlsVersion::TLS_1_1,
        TlsVersion::TLS_1_2,
    ] {
        let captured = meet(&flight(version, 0x0005, &[CERTIFICATE.to_vec()], &[])).unwrap();
        assert_eq!(captured.chain, [Der(CERTIFICATE.to_vec())]);
        assert_eq!(captured.version, version);
    }
}

#[test]
fn a_server_of_ssl_2_0_is_told_from_one_of_tls() {
    // Its hello has two octets of length with the high bit set, and no record around it.
    let hello = [&[0x80, 0x0b, 4, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0][..], &[0; 8]].concat();
    let failure = meet(&hello).unwrap_err();
    assert!(matches!(failure, Failure::Malformed { .. }), "{failure}");
}

#[test]
fn a_server_that_speaks_http_is_told_from_one_of_tls() {
    let failure = meet(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap_err();
    assert!(matches!(failure, Failure::Malformed { .. }), "{failure}");
    assert!(failure.to_string().contains("HTTP"), "{failure}");
}

#[test]
fn a_server_without_a_certificate_refuses_by_name() {
    // Anonymous key exchanges are not offered, since there is nothing to see behind them.
    let failure = meet(&record(21, TlsVersion::TLS_1_2, &[2, 40])).unwrap_err();
    assert_eq!(failure, Failure::Alert { description: 40 });
}
