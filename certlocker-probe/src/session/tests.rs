use std::sync::Arc;

use certlocker_core::DnsName;
use rustls::ServerConnection;

use super::*;
use crate::testing::{Authority, Server};
use crate::{ClientCertificate, Possession, TlsVersion};

fn plan(protocol: Protocol, depth: Depth) -> Plan {
    Plan {
        depth,
        manners: Manners::Polite,
        offer: Offer {
            algorithm: None,
            newest: TlsVersion::TLS_1_3,
            server_name: Some(DnsName::parse("a.example").unwrap()),
        },
        prelude: Vec::new(),
        protocol,
    }
}

fn full() -> Depth {
    Depth::Full { identity: None }
}

/// A session with a server that speaks TLS at once; what the client said inside is given beside.
fn meet(server: &Server, plan: Plan) -> (Result<Captured, Failure>, Vec<u8>) {
    let mut session = Session::new(plan, [7; 32]);
    let mut connection = ServerConnection::new(Arc::clone(&server.config)).unwrap();
    let mut heard = Vec::new();
    loop {
        let sent = session.transmit();
        let is_silent = sent.is_empty();
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            connection.read_tls(&mut rest).unwrap();
            let _ = connection.process_new_packets();
            let _ = std::io::Read::read_to_end(&mut connection.reader(), &mut heard);
        }
        let mut answer = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut answer).unwrap();
        }
        match answer.is_empty() {
            false => session.receive(&answer),
            true if is_silent => session.ended(),
            true => {}
        }
        if session.phase() == Phase::Done && session.out.is_empty() {
            return (session.outcome().unwrap().clone(), heard);
        }
    }
}

#[test]
fn a_full_handshake_proves_that_the_server_has_the_key() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Server::with(version);
        let (outcome, heard) = meet(&server, plan(Protocol::Tls, full()));
        let captured = outcome.unwrap();
        assert_eq!(captured.chain, server.chain);
        assert_eq!(captured.possession, Possession::Proven);
        assert_eq!(captured.version, TlsVersion(version.version.into()));
        assert_eq!(heard, b"");
    }
}

#[test]
fn a_server_with_the_certificate_of_another_key_is_seen_and_not_believed() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Server::with_a_wrong_key(version);
        let captured = meet(&server, plan(Protocol::Tls, full())).0.unwrap();
        assert_eq!(captured.chain, server.chain);
        assert!(
            matches!(captured.possession, Possession::NotProven { .. }),
            "{captured:?}"
        );
    }
}

#[test]
fn a_grab_sees_what_a_full_handshake_sees() {
    let server = Server::with(&rustls::version::TLS13);
    let grabbed = meet(&server, plan(Protocol::Tls, Depth::Grab)).0.unwrap();
    let proven = meet(&server, plan(Protocol::Tls, full())).0.unwrap();
    assert_eq!(grabbed.chain, proven.chain);
    assert_eq!(grabbed.possession, Possession::NotAsked);
}

#[test]
fn a_server_that_insists_on_a_certificate_is_told_from_one_that_asks() {
    let clients = Authority::root("clients");
    for (server, expected) in [
        (
            Server::that_demands_clients(&clients, &rustls::version::TLS13),
            ClientCertificate::Demanded,
        ),
        (
            Server::that_demands_clients(&clients, &rustls::version::TLS12),
            ClientCertificate::Demanded,
        ),
        (
            Server::that_asks_clients(&clients),
            ClientCertificate::Asked,
        ),
        (
            Server::with(&rustls::version::TLS13),
            ClientCertificate::NotAsked,
        ),
    ] {
        let captured = meet(&server, plan(Protocol::Tls, full())).0.unwrap();
        assert_eq!(captured.client_certificate, expected);
        assert_eq!(captured.possession, Possession::Proven);
    }
}

#[test]
fn a_polite_client_says_good_bye_in_the_language_of_the_protocol() {
    let server = Server::with(&rustls::version::TLS13);
    let mut session = Session::new(plan(Protocol::Smtp, full()), [7; 32]);
    for words in ["220 a\r\n", "250 a\r\n", "220 go\r\n"] {
        session.receive(words.as_bytes());
    }
    assert_eq!(session.phase(), Phase::Handshake);
    let (outcome, heard) = go_on(&mut session, &server);
    assert_eq!(outcome.unwrap().chain, server.chain);
    assert_eq!(heard, b"QUIT\r\n");
}

/// The rest of a session after its plain text.
fn go_on(session: &mut Session, server: &Server) -> (Result<Captured, Failure>, Vec<u8>) {
    let sent = session.transmit();
    let hello = sent
        .windows(3)
        .position(|start| start == [22, 3, 1])
        .unwrap();
    session.out = sent[hello..].to_vec();
    let mut connection = ServerConnection::new(Arc::clone(&server.config)).unwrap();
    let mut heard = Vec::new();
    while session.phase() != Phase::Done || !session.out.is_empty() {
        let mut sent = &session.transmit()[..];
        while !sent.is_empty() {
            connection.read_tls(&mut sent).unwrap();
            connection.process_new_packets().unwrap();
            let _ = std::io::Read::read_to_end(&mut connection.reader(), &mut heard);
        }
        let mut answer = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut answer).unwrap();
        }
        session.receive(&answer);
    }
    (session.outcome().unwrap().clone(), heard)
}

#[test]
fn a_handshake_with_sql_server_is_wrapped_in_its_packets() {
    let server = Server::with(&rustls::version::TLS12);
    let mut session = Session::new(plan(Protocol::Mssql, Depth::Grab), [7; 32]);
    session.transmit();
    session.receive(&[
        4, 1, 0, 26, 0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 15, 0, 0, 0, 0, 0, 1,
    ]);
    let (kind, hello) = tds::take_packet(&mut session.transmit()).unwrap().unwrap();
    assert_eq!(kind, 0x12);
    let mut connection = ServerConnection::new(Arc::clone(&server.config)).unwrap();
    connection.read_tls(&mut hello.as_slice()).unwrap();
    connection.process_new_packets().unwrap();
    let mut answer = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut answer).unwrap();
    }
    session.receive(&tds::wrap(&answer));
    assert_eq!(
        session.outcome().unwrap().as_ref().unwrap().chain,
        server.chain
    );
}

#[test]
fn the_header_of_a_proxy_comes_before_everything() {
    let mut with_header = plan(Protocol::Tls, Depth::Grab);
    with_header.prelude = b"PROXY UNKNOWN\r\n".to_vec();
    let sent = Session::new(with_header, [7; 32]).transmit();
    assert!(sent.starts_with(b"PROXY UNKNOWN\r\n\x16\x03\x01"));
}

#[test]
fn a_connection_that_is_closed_says_when() {
    for (protocol, phase) in [
        (Protocol::Smtp, Phase::Starttls),
        (Protocol::Tls, Phase::Handshake),
    ] {
        for depth in [Depth::Grab, full()] {
            let mut session = Session::new(plan(protocol, depth), [7; 32]);
            session.ended();
            assert_eq!(session.outcome(), Some(&Err(Failure::Closed(phase))));
        }
    }
}

#[test]
fn silence_ends_a_phase_with_its_name() {
    let mut session = Session::new(plan(Protocol::Smtp, full()), [7; 32]);
    session.time_is_up();
    assert_eq!(
        session.outcome(),
        Some(&Err(Failure::Silent(Phase::Starttls)))
    );
}

#[test]
fn a_connection_that_is_held_says_good_bye_when_it_is_released() {
    let server = Server::with(&rustls::version::TLS13);
    let held = Plan {
        manners: Manners::Held,
        ..plan(Protocol::Smtp, full())
    };
    let mut session = Session::new(held, [7; 32]);
    for words in ["220 a\r\n", "250 a\r\n", "220 go\r\n"] {
        session.receive(words.as_bytes());
    }
    let (outcome, heard) = go_on(&mut session, &server);
    assert_eq!(
        (outcome.unwrap().chain, heard.as_slice()),
        (server.chain.clone(), &b""[..])
    );
    session.release();
    assert!(!session.transmit().is_empty());
    assert_eq!(session.phase(), Phase::Done);
}
