//! What an endpoint may send to a probe.

use certlocker_core::{Der, DnsName, Identifier, Timestamp};
use certlocker_probe::{
    Captured, ClientCertificate, Depth, Facts, Fingerprint, Grab, Inventory, Judge, Level, Manners,
    Offer, Phase, Plan, Possession, Protocol, Roots, Session, Staple, TlsVersion,
};

use crate::assert_shown;

const RANDOM: [u8; 32] = [7; 32];

fn offer() -> Offer {
    Offer {
        algorithm: None,
        newest: TlsVersion::TLS_1_3,
        server_name: DnsName::parse("a.example").ok(),
    }
}

/// A flight of a server gives the same certificates whole and octet by octet, and those are in it or
/// behind keys that follow from it.
pub(crate) fn server_flight(data: &[u8]) {
    let mut whole = Grab::new(&offer(), RANDOM);
    let at_once = whole.receive(data);
    let mut grab = Grab::new(&offer(), RANDOM);
    let in_pieces = data
        .chunks(7)
        .map(|piece| grab.receive(piece))
        .find(|result| *result != Ok(None));
    match (at_once, in_pieces) {
        (Ok(Some(captured)), in_pieces) => {
            assert!(captured.version <= TlsVersion::TLS_1_3);
            assert_eq!(captured.possession, Possession::NotAsked);
            assert_eq!(in_pieces, Some(Ok(Some(captured))));
        }
        (Ok(None), in_pieces) => assert_eq!(in_pieces, None),
        (Err(failure), in_pieces) => {
            assert_shown(&failure.to_string());
            assert!(matches!(in_pieces, Some(Err(_))));
        }
    }
}

/// The first octet says which protocol; the rest is what the server says. Nothing but TLS follows
/// the plain text, and what the client says does not grow with what it hears.
pub(crate) fn starttls(data: &[u8]) {
    let Some((&number, words)) = data.split_first() else {
        return;
    };
    let protocols: Vec<Protocol> = Protocol::all().collect();
    let plan = Plan {
        depth: Depth::Grab,
        manners: Manners::Sudden,
        offer: offer(),
        prelude: Vec::new(),
        protocol: protocols[usize::from(number) % protocols.len()],
    };
    let mut session = Session::new(plan, RANDOM);
    let mut said = session.transmit().len();
    for piece in words.chunks(5) {
        session.receive(piece);
        said += session.transmit().len();
    }
    assert!(said < 2000 + words.len() * 3, "{said} octets were said");
    session.ended();
    assert_eq!(session.phase(), Phase::Done);
    if let Some(Err(failure)) = session.outcome() {
        assert_shown(&failure.to_string());
    }
}

/// Any octets in place of certificates, cut where 0xff stands twice, are judged, and never as what
/// is expected.
pub(crate) fn served_chain(data: &[u8]) {
    let chain: Vec<Der> = split(data).map(|der| Der(der.to_vec())).collect();
    for der in &chain {
        match Facts::read(&der.0) {
            Ok(facts) => {
                assert_eq!(facts.sha256, Fingerprint::of(&der.0));
                assert_shown(&format!("{} by {}", facts.subject, facts.issuer));
                facts
                    .unusable_names
                    .iter()
                    .for_each(|name| assert_shown(name));
            }
            Err(unreadable) => assert_shown(&unreadable.to_string()),
        }
    }
    let mut judge = Judge::new(Inventory::default());
    judge.stores.inventory = Some(Roots::new(chain.last()));
    let captured = Captured {
        chain,
        cipher_suite: 0,
        client_certificate: ClientCertificate::NotAsked,
        possession: Possession::Proven,
        staple: None,
        timestamps: Some(data.to_vec()),
        version: TlsVersion::TLS_1_2,
    };
    let name = Identifier::dns("a.example").ok();
    let at = Timestamp::from_seconds(1_767_225_600);
    let judgement = judge.judge("a.example", name.as_ref(), &captured, at);
    assert_eq!(judgement.level(), Level::Failure);
    serde_json::to_string(&judgement).expect("it has text keys");
    let course = judge.foresee("a.example", name.as_ref(), &captured, at, YEAR);
    assert_eq!(course.first(), Some(&judgement));
}

const YEAR: std::time::Duration = std::time::Duration::from_secs(31_536_000);

fn split(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let all = rest?;
        match all.windows(2).position(|pair| pair == [0xff, 0xff]) {
            Some(at) => {
                rest = Some(&all[at + 2..]);
                Some(&all[..at])
            }
            None => rest.take(),
        }
    })
}

/// A stapled response that reads speaks of certificates by their serial number.
pub(crate) fn staple(data: &[u8]) {
    match Staple::read(data) {
        Ok(staple) => assert!(staple.answers.len() <= data.len()),
        Err(why) => assert_shown(&why),
    }
}
