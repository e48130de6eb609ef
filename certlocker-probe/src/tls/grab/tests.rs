use std::sync::Arc;

use certlocker_core::Der;
use rustls::ServerConnection;

use super::*;
use crate::Algorithm;
use crate::testing::{Authority, Leaf, Server};
use certlocker_core::DnsName;

fn offer(newest: TlsVersion) -> Offer {
    Offer {
        algorithm: None,
        newest,
        server_name: Some(DnsName::parse("a.example").unwrap()),
    }
}

/// Hands over what a server of rustls answers, in pieces of this size.
fn grab(server: &Server, offer: &Offer, size: usize) -> Result<Captured, Failure> {
    let mut grab = Grab::new(offer, [7; 32]);
    let mut connection = ServerConnection::new(Arc::clone(&server.config)).unwrap();
    connection.read_tls(&mut grab.opening().as_slice()).unwrap();
    let _ = connection.process_new_packets();
    let mut answer = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut answer).unwrap();
    }
    for piece in answer.chunks(size) {
        if let Some(captured) = grab.receive(piece)? {
            return Ok(captured);
        }
    }
    panic!("no certificate in {} octets", answer.len())
}

#[test]
fn a_certificate_of_tls_1_3_is_seen_without_a_key_exchange() {
    let server = Server::with(&rustls::version::TLS13);
    for size in [1, 7, 1 << 16] {
        let captured = grab(&server, &offer(TlsVersion::TLS_1_3), size).unwrap();
        assert_eq!(captured.chain, server.chain);
        assert_eq!(captured.version, TlsVersion::TLS_1_3);
        assert_eq!(captured.possession, Possession::NotAsked);
    }
}

#[test]
fn each_cipher_suite_of_tls_1_3_is_understood() {
    for suite in rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES
        .iter()
        .filter(|suite| suite.tls13().is_some())
    {
        let server = Server::with_suite(*suite);
        let captured = grab(&server, &offer(TlsVersion::TLS_1_3), 1 << 16).unwrap();
        assert_eq!(captured.cipher_suite, u16::from(suite.suite()));
        assert_eq!(captured.chain, server.chain);
    }
}

#[test]
fn a_certificate_of_tls_1_2_is_seen_in_plain_text() {
    let server = Server::with(&rustls::version::TLS12);
    for newest in [TlsVersion::TLS_1_2, TlsVersion::TLS_1_3] {
        let captured = grab(&server, &offer(newest), 3).unwrap();
        assert_eq!(captured.chain, server.chain);
        assert_eq!(captured.version, TlsVersion::TLS_1_2);
    }
}

#[test]
fn a_server_that_has_no_such_certificate_refuses() {
    let server = Server::with(&rustls::version::TLS13);
    let rsa = Offer {
        algorithm: Some(Algorithm::Rsa),
        ..offer(TlsVersion::TLS_1_3)
    };
    assert_eq!(
        grab(&server, &rsa, 1 << 16),
        Err(Failure::Alert { description: 40 })
    );
    let ecdsa = Offer {
        algorithm: Some(Algorithm::Ecdsa),
        ..offer(TlsVersion::TLS_1_3)
    };
    assert!(grab(&server, &ecdsa, 1 << 16).is_ok());
}

#[test]
fn a_server_without_the_curve_is_left_to_the_full_handshake() {
    let server = Server::without_p256();
    assert_eq!(
        grab(&server, &offer(TlsVersion::TLS_1_3), 1 << 16),
        Err(Failure::RetryRequested)
    );
}

#[test]
fn a_request_for_a_certificate_of_the_client_is_noticed() {
    let server = Server::that_asks_clients(&Authority::root("clients"));
    let captured = grab(&server, &offer(TlsVersion::TLS_1_3), 1 << 16).unwrap();
    assert_eq!(captured.client_certificate, ClientCertificate::Asked);
}

/// Handshake messages in one record of TLS 1.0.
fn old_server(messages: &[&[u8]]) -> Vec<u8> {
    record::write(HANDSHAKE, 0x0301, &messages.concat())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    crate::wire::put_vector(&mut message, 3, body);
    message
}

fn hello_of(version: u16, extensions: &[u8]) -> Vec<u8> {
    let body = [
        &version.to_be_bytes()[..],
        &[7; 32],
        &[0, 0, 0x05, 0],
        extensions,
    ]
    .concat();
    message(SERVER_HELLO, &body)
}

fn certificate_of(der: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    crate::wire::put_vector(&mut entry, 3, der);
    let mut list = Vec::new();
    crate::wire::put_vector(&mut list, 3, &entry);
    message(CERTIFICATE, &list)
}

#[test]
fn a_server_of_the_last_century_is_understood_whatever_its_certificate_is() {
    for version in [0x0300, 0x0301, 0x0302] {
        let flight = old_server(&[
            &hello_of(version, &[]),
            &certificate_of(b"no certificate at all"),
        ]);
        let mut grab = Grab::new(&offer(TlsVersion::TLS_1_2), [7; 32]);
        let captured = grab.receive(&flight).unwrap().unwrap();
        assert_eq!(captured.chain, [Der(b"no certificate at all".to_vec())]);
        assert_eq!(
            (captured.version, captured.cipher_suite),
            (TlsVersion(version), 5)
        );
    }
}

#[test]
fn a_staple_of_tls_1_2_is_waited_for_where_it_was_announced() {
    let announced = hello_of(0x0303, &[0, 4, 0, 5, 0, 0]);
    let status = message(CERTIFICATE_STATUS, &[1, 0, 0, 2, 9, 9]);
    let mut grab = Grab::new(&offer(TlsVersion::TLS_1_2), [7; 32]);
    let before = grab
        .receive(&old_server(&[&announced, &certificate_of(b"x")]))
        .unwrap();
    assert_eq!(before, None);
    let captured = grab.receive(&old_server(&[&status])).unwrap().unwrap();
    assert_eq!(captured.staple, Some(vec![9, 9]));
    let mut grab = Grab::new(&offer(TlsVersion::TLS_1_2), [7; 32]);
    let without = old_server(&[&announced, &certificate_of(b"x"), &message(14, &[])]);
    assert_eq!(grab.receive(&without).unwrap().unwrap().staple, None);
}

#[test]
fn a_warning_is_passed_over_and_anything_worse_is_the_end() {
    let warning = record::write(ALERT, 0x0303, &[1, 112]);
    let fatal = record::write(ALERT, 0x0303, &[2, 70]);
    let mut grab = Grab::new(&offer(TlsVersion::TLS_1_2), [7; 32]);
    assert_eq!(grab.receive(&warning), Ok(None));
    assert_eq!(
        grab.receive(&fatal),
        Err(Failure::Alert { description: 70 })
    );
}

#[test]
fn what_was_not_offered_is_not_accepted() {
    let mut grab = Grab::new(&offer(TlsVersion::TLS_1_1), [7; 32]);
    let version = TlsVersion::TLS_1_2;
    let answer = grab.receive(&old_server(&[&hello_of(version.0, &[])]));
    assert_eq!(answer, Err(Failure::UnexpectedVersion { version }));
}

#[test]
fn an_encrypted_record_that_was_changed_is_refused() {
    let server = Server::with(&rustls::version::TLS13);
    let mut grab = Grab::new(&offer(TlsVersion::TLS_1_3), [7; 32]);
    let mut connection = ServerConnection::new(Arc::clone(&server.config)).unwrap();
    connection.read_tls(&mut grab.opening().as_slice()).unwrap();
    connection.process_new_packets().unwrap();
    let mut answer = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut answer).unwrap();
    }
    let last = answer.len() - 1;
    answer[last] ^= 1;
    assert!(matches!(
        grab.receive(&answer),
        Err(Failure::Malformed { .. }) | Ok(Some(_))
    ));
    let first_sealed = answer
        .windows(3)
        .position(|start| start == [APPLICATION_DATA, 3, 3])
        .unwrap();
    answer[first_sealed + 8] ^= 1;
    let mut again = Grab::new(&offer(TlsVersion::TLS_1_3), [7; 32]);
    assert!(matches!(
        again.receive(&answer),
        Err(Failure::Malformed { .. })
    ));
}

#[test]
fn leaves_that_name_many_are_seen_whole() {
    let names: Vec<String> = (0..3000)
        .map(|number| format!("host-{number}.a.example"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = Server::that_serves(&Authority::root("root"), &Leaf::named(&names));
    let captured = grab(&server, &offer(TlsVersion::TLS_1_3), 1000).unwrap();
    assert_eq!(captured.chain, server.chain);
}
