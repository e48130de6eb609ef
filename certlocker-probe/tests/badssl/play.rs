//! A server of which only the first flight matters, and the probe that meets it.

use certlocker_core::DnsName;
use certlocker_probe::{
    Captured, Depth, Failure, Manners, Offer, Plan, Protocol, Session, TlsVersion,
};

const HANDSHAKE: u8 = 22;
const LONGEST_RECORD: usize = 1 << 14;

pub(crate) fn record(kind: u8, version: TlsVersion, content: &[u8]) -> Vec<u8> {
    let mut octets = vec![kind];
    octets.extend(version.0.to_be_bytes());
    octets.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    octets.extend(content);
    octets
}

fn sized(length: usize, content: &[u8]) -> Vec<u8> {
    let octets = content.len().to_be_bytes();
    [&octets[octets.len() - length..], content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &sized(3, body)].concat()
}

/// A ServerHello, the certificates, and what follows, in as many records as it takes.
pub(crate) fn flight(version: TlsVersion, suite: u16, chain: &[Vec<u8>], after: &[u8]) -> Vec<u8> {
    let [high, low] = suite.to_be_bytes();
    let hello = [&version.0.to_be_bytes()[..], &[9; 32], &[0, high, low, 0]].concat();
    let certificates: Vec<u8> = chain.iter().flat_map(|der| sized(3, der)).collect();
    let all = [
        message(2, &hello),
        message(11, &sized(3, &certificates)),
        after.to_vec(),
    ]
    .concat();
    all.chunks(LONGEST_RECORD)
        .flat_map(|piece| record(HANDSHAKE, version, piece))
        .collect()
}

/// A ServerKeyExchange with a group of so many bits, of which nothing else is right.
pub(crate) fn group_of(bits: usize) -> Vec<u8> {
    let prime = vec![0xff; bits / 8];
    let numbers = [&prime[..], &[2], &prime].map(|number| sized(2, number));
    message(12, &numbers.concat())
}

/// A CertificateRequest of TLS 1.2 that names no authority.
pub(crate) fn request() -> Vec<u8> {
    message(13, &[1, 64, 0, 2, 4, 3, 0, 0])
}

/// What the cheap look makes of these octets of a server that hangs up afterwards.
pub(crate) fn meet(octets: &[u8]) -> Result<Captured, Failure> {
    let plan = Plan {
        depth: Depth::Grab,
        manners: Manners::Sudden,
        offer: Offer {
            algorithm: None,
            newest: TlsVersion::TLS_1_3,
            server_name: DnsName::parse("a.example").ok(),
        },
        prelude: Vec::new(),
        protocol: Protocol::Tls,
    };
    let mut session = Session::new(plan, [7; 32]);
    assert!(!session.transmit().is_empty());
    session.receive(octets);
    session.ended();
    session.outcome().unwrap().clone()
}
