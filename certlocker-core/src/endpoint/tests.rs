use std::net::SocketAddr;

use super::*;
use crate::{OrderId, Version};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

fn spec() -> EndpointSpec {
    EndpointSpec {
        connect_to: Vec::new(),
        disk: None,
        grace: 0,
        host: Identifier::dns("a.example").unwrap(),
        interval: 600,
        lineage: None,
        port: 443,
        protocol: "tls".to_owned(),
        without_name: false,
    }
}

fn added() -> Versioned<Endpoint> {
    let transition = Endpoint::add(spec(), EndpointOrigin::ByHand, &mut |_| {}, at(0));
    Versioned {
        value: transition.next().clone(),
        version: Version::new(1),
    }
}

fn expectation() -> Option<Expectation> {
    Some(Expectation {
        certificate: CertificateId::first_at(at(0)),
        from: at(0),
        order: Some(OrderId::first_at(at(0))),
    })
}

fn sighting(last: u8, verdict: Verdict) -> Sighting {
    Sighting {
        chain: vec!["a".repeat(64)],
        level: verdict.level(),
        lifetime: None,
        place: Place {
            address: Some(SocketAddr::from(([192, 0, 2, last], 443))),
            algorithm: None,
            named: true,
        },
        timings: None,
        verdict,
    }
}

fn previous() -> Verdict {
    Verdict::Previous {
        cause: StaleCause::Unknown,
        since: at(0),
    }
}

/// The endpoint after a look, with the names of what was recorded.
fn look(
    endpoint: &Versioned<Endpoint>,
    seconds: i64,
    verdicts: &[Verdict],
) -> (Versioned<Endpoint>, Vec<&'static str>) {
    let sightings = (1..).zip(verdicts);
    let look = Look {
        at: at(seconds),
        expectation: expectation(),
        sightings: sightings
            .map(|(last, verdict)| sighting(last, verdict.clone()))
            .collect(),
    };
    let transition = endpoint.looked(look, 100);
    let names = transition.events().iter().map(Event::name).collect();
    let value = transition.next().clone();
    let version = endpoint.version;
    (Versioned { value, version }, names)
}

#[test]
fn what_is_seen_again_makes_no_record() {
    let (first, names) = look(&added(), 1, &[Verdict::Expected]);
    assert_eq!(names, ["endpoint.seen", "endpoint.converged"]);
    let (again, names) = look(&first, 2, &[Verdict::Expected]);
    assert_eq!(names, Vec::<&str>::new());
    let standing = &again.value.standings()[0];
    assert_eq!((standing.since, standing.seen), (at(1), at(2)));
}

#[test]
fn a_reason_that_is_told_differently_is_no_other_answer() {
    let unreachable = |why: &str| Verdict::Unreachable {
        why: why.to_owned(),
    };
    let (first, names) = look(&added(), 1, &[unreachable("refused")]);
    assert_eq!(names, ["endpoint.mismatch"]);
    let (again, names) = look(&first, 2, &[unreachable("timed out")]);
    assert_eq!(names, Vec::<&str>::new());
    assert_eq!(
        again.value.standings()[0].sighting.verdict,
        unreachable("timed out")
    );
}

#[test]
fn a_rotation_knows_the_first_new_and_the_last_old_and_ends_once() {
    let (first, _) = look(&added(), 1, &[previous(), previous()]);
    let (mixed, names) = look(&first, 5, &[Verdict::Expected, previous()]);
    assert_eq!(names, ["endpoint.seen"]);
    assert!(!mixed.value.agrees());
    let (all, names) = look(&mixed, 9, &[Verdict::Expected, Verdict::Expected]);
    assert_eq!(names, ["endpoint.seen", "endpoint.converged"]);
    let rotation = all.value.rotation().unwrap();
    let address = |last| Some(SocketAddr::from(([192, 0, 2, last], 443)));
    let glimpse = |last, seconds| {
        Some(Glimpse {
            address: address(last),
            at: at(seconds),
        })
    };
    assert_eq!(rotation.first_new, glimpse(1, 5));
    assert_eq!(rotation.last_old, glimpse(2, 5));
    assert_eq!(rotation.converged, Some(at(9)));
    let (back, _) = look(&all, 10, &[previous(), Verdict::Expected]);
    let (_, names) = look(&back, 11, &[Verdict::Expected, Verdict::Expected]);
    assert_eq!(names, ["endpoint.seen"]);
}

#[test]
fn what_is_wrong_is_looked_at_soon_and_then_less_and_less_often() {
    let (mut endpoint, _) = look(&added(), 0, &[Verdict::Expected]);
    assert_eq!(endpoint.value.due().since(at(0)).as_secs(), 600);
    let mut pauses = Vec::new();
    for second in 1..=9 {
        (endpoint, _) = look(&endpoint, second, &[previous()]);
        pauses.push(endpoint.value.due().since(at(second)).as_secs());
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
}

#[test]
fn a_place_that_is_gone_is_said_to_be() {
    let (two, _) = look(&added(), 1, &[Verdict::Expected, Verdict::Expected]);
    let (one, names) = look(&two, 2, &[Verdict::Expected]);
    assert_eq!(names, ["endpoint.places_gone"]);
    assert_eq!(one.value.standings().len(), 1);
}

#[test]
fn what_others_wrote_is_kept_printable_and_bounded() {
    let why = format!("\u{1b}[31m{}", "x".repeat(10_000));
    let mut seen = sighting(1, Verdict::NoCertificate { why });
    seen.chain = vec!["<script>".to_owned(); 1_000];
    let look = Look {
        at: at(1),
        expectation: None,
        sightings: vec![seen; 1_000],
    };
    let transition = added().looked(look, 0);
    let kept = transition.next();
    assert_eq!(kept.standings().len(), 64);
    let sighting = &kept.standings()[0].sighting;
    assert!(sighting.chain.is_empty());
    let Verdict::NoCertificate { why } = &sighting.verdict else {
        panic!("{:?}", sighting.verdict)
    };
    assert!(why.starts_with("?[31mxxx") && why.len() == 200);
}

#[test]
fn an_explanation_names_the_worst_place_the_cause_and_who_acts() {
    let stale = Verdict::Previous {
        cause: StaleCause::NotReloaded,
        since: at(0),
    };
    let (endpoint, _) = look(&added(), 60, &[Verdict::Expected, stale]);
    let told = explain_endpoint(&endpoint.value, at(120));
    assert_eq!(told.waiting_for, Some(crate::Party::Client));
    for part in [
        "a.example:443: 1 of 2 places",
        "192.0.2.2:443, a previous certificate is still served",
        "cause: not reloaded",
        "1 min ago",
        "has it read again",
    ] {
        assert!(told.sentence.contains(part), "{part}: {}", told.sentence);
    }
}

#[test]
fn another_place_forgets_what_was_seen_and_a_shorter_interval_does_not() {
    let (endpoint, _) = look(&added(), 1, &[Verdict::Expected]);
    let faster = EndpointSpec {
        interval: 5,
        ..spec()
    };
    let changed = endpoint.change(faster, at(2)).unwrap();
    assert_eq!(
        (changed.next().standings().len(), changed.next().due()),
        (1, at(2))
    );
    let elsewhere = EndpointSpec {
        port: 8443,
        ..spec()
    };
    assert!(
        endpoint
            .change(elsewhere, at(2))
            .unwrap()
            .next()
            .standings()
            .is_empty()
    );
    assert!(endpoint.change(spec(), at(2)).is_none());
}
