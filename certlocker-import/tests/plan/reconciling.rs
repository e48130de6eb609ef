use certlocker_core::host::{AccessOrigin, AddressKind, Facts, Login, Power};
use certlocker_core::import::{Action, Line, LineCounts, LineKind};
use certlocker_import::keys::{KeyFile, KeyPair, read_key};
use certlocker_import::rules::preview;

use crate::world::{World, address, counts, found, machine, scope, tagged};

fn only(lines: &[Line]) -> &Line {
    assert_eq!(lines.len(), 1, "{lines:#?}");
    &lines[0]
}

fn fields(line: &Line) -> Vec<&str> {
    line.changes
        .iter()
        .map(|change| change.field.as_str())
        .collect()
}

fn key() -> KeyFile {
    let pem = include_bytes!("../keys/ed25519_openssh.pem");
    read_key("web.pem", pem).unwrap()
}

#[test]
fn a_second_plan_of_the_same_machines_does_nothing() {
    let world = World::new();
    let cloud = || {
        found(vec![
            machine("i-1", "10.0.0.1"),
            tagged(machine("i-2", "10.0.0.2"), "env", "prod"),
        ])
    };
    assert_eq!(counts(&world.lines(cloud())).create, 2);
    world.import(cloud());
    let expected = LineCounts {
        exists: 2,
        ..LineCounts::default()
    };
    assert_eq!(counts(&world.lines(cloud())), expected);
}

#[test]
fn drift_is_shown_field_by_field() {
    let world = World::new();
    world.import(found(vec![tagged(
        machine("i-1", "10.0.0.1"),
        "env",
        "prod",
    )]));
    let mut drifted = tagged(machine("i-1", "10.0.0.9"), "env", "test");
    drifted.name = Some("renamed".to_owned());
    drifted.facts.power = Power::Stopped;
    let lines = world.lines(found(vec![drifted]));
    let line = only(&lines);
    assert_eq!(line.kind(), LineKind::Update);
    assert_eq!(
        fields(line),
        ["addresses", "power", "name", "groups left", "groups joined"]
    );
    assert_eq!(line.changes[0].before.as_deref(), Some("10.0.0.1"));
    assert_eq!(line.changes[0].after.as_deref(), Some("10.0.0.9"));
}

#[test]
fn a_host_without_a_cloud_id_is_recognised_by_the_rule_that_is_named() {
    let world = World::new();
    let facts = |ip: &str, kind| Facts {
        addresses: [address(ip, kind)].into(),
        ..Facts::default()
    };
    world.by_hand("by-address", facts("203.0.113.1", AddressKind::Public));
    let hostnames = ["b.example".to_owned()].into();
    world.by_hand(
        "by-name",
        Facts {
            hostnames,
            ..Facts::default()
        },
    );
    let host_keys = [key().public().fingerprint()].into();
    world.by_hand(
        "by-key",
        Facts {
            host_keys,
            ..Facts::default()
        },
    );

    let mut by_address = machine("i-1", "10.0.0.1");
    by_address
        .facts
        .addresses
        .insert(address("203.0.113.1", AddressKind::Floating));
    let mut by_name = machine("i-2", "10.0.0.2");
    by_name.facts.hostnames.insert("b.example".to_owned());
    let mut by_key = machine("i-3", "10.0.0.3");
    by_key.facts.host_keys.insert(key().public().fingerprint());
    let lines = world.lines(found(vec![by_address, by_name, by_key]));
    let seen: Vec<(&str, bool)> = lines
        .iter()
        .map(|line| (line.name(), line.kind() == LineKind::Update))
        .collect();
    assert_eq!(
        seen,
        [("by-address", true), ("by-name", true), ("by-key", true)]
    );
    for (line, rule) in lines.iter().zip([
        "same address 203.0.113.1",
        "same hostname b.example",
        "same host key",
    ]) {
        assert!(line.reason.starts_with(rule), "{}", line.reason);
    }
}

#[test]
fn a_new_machine_at_a_known_address_is_a_question_and_no_match() {
    let world = World::new();
    world.import(found(vec![machine("i-1", "10.0.0.1")]));
    let lines = world.lines(found(vec![machine("i-2", "10.0.0.1")]));
    assert_eq!(lines[0].kind(), LineKind::Conflict);
    assert!(
        lines[0]
            .reason
            .contains("name-i-1 (i-1) has the same address 10.0.0.1"),
        "{}",
        lines[0].reason
    );
    assert!(!lines[0].acts());
    assert_eq!(lines[1].kind(), LineKind::Gone);
}

#[test]
fn a_private_address_means_nothing_in_another_region() {
    let world = World::new();
    world.import(found(vec![machine("i-1", "10.0.0.1")]));
    let mut elsewhere = machine("i-2", "10.0.0.1");
    elsewhere.cloud = certlocker_core::host::CloudId::new(
        elsewhere.cloud.provider(),
        "123456789012",
        "us-east-1",
        "i-2",
    )
    .unwrap();
    let mut discovery = found(vec![elsewhere]);
    discovery.complete.clear();
    assert_eq!(only(&world.lines(discovery)).kind(), LineKind::Create);
}

#[test]
fn an_address_of_a_host_that_is_gone_is_anybodys() {
    let world = World::new();
    world.import(found(vec![machine("i-1", "10.0.0.1")]));
    world.import(found(vec![]));
    let lines = world.lines(found(vec![machine("i-2", "10.0.0.1")]));
    assert_eq!(only(&lines).kind(), LineKind::Create);
}

#[test]
fn nothing_is_gone_from_a_part_that_was_not_seen_whole() {
    let world = World::new();
    world.import(found(vec![machine("i-1", "10.0.0.1")]));
    let mut failed = found(vec![]);
    failed.complete.clear();
    failed
        .failed
        .push((scope("eu-west-1"), "throttled".to_owned()));
    assert!(world.lines(failed).is_empty());
    assert_eq!(only(&world.lines(found(vec![]))).kind(), LineKind::Gone);
}

#[test]
fn terminated_machines_end_known_hosts_and_are_otherwise_passed_over() {
    let world = World::new();
    world.import(found(vec![machine("i-1", "10.0.0.1")]));
    let terminated = |instance| {
        let mut host = machine(instance, "10.0.0.1");
        host.facts = Facts {
            power: Power::Terminated,
            ..Facts::default()
        };
        host
    };
    let lines = world.lines(found(vec![terminated("i-1"), terminated("i-2")]));
    let kinds: Vec<LineKind> = lines.iter().map(Line::kind).collect();
    assert_eq!(kinds, [LineKind::Gone, LineKind::Skip]);
}

#[test]
fn a_machine_that_is_listed_twice_or_run_by_a_service_is_passed_over() {
    let world = World::new();
    let mut managed = machine("i-2", "10.0.0.2");
    managed.managed_by = Some("eks.amazonaws.com".to_owned());
    let one = || machine("i-1", "10.0.0.1");
    let lines = world.lines(found(vec![one(), one(), managed]));
    let kinds: Vec<LineKind> = lines.iter().map(Line::kind).collect();
    assert_eq!(kinds, [LineKind::Create, LineKind::Skip, LineKind::Skip]);
    assert!(lines[1].reason.contains("line 1"));
}

#[test]
fn two_machines_of_one_name_are_two_hosts() {
    let world = World::new();
    let named = |instance, ip| {
        let mut host = machine(instance, ip);
        host.name = Some("web".to_owned());
        host
    };
    let lines = world.lines(found(vec![
        named("i-1", "10.0.0.1"),
        named("i-2", "10.0.0.2"),
    ]));
    assert_eq!(counts(&lines).create, 2);
}

#[test]
fn what_a_person_did_by_hand_stays() {
    let world = World::new();
    world.import(found(vec![tagged(
        machine("i-1", "10.0.0.1"),
        "env",
        "prod",
    )]));
    let prod = *world.host("name-i-1").value.groups().keys().next().unwrap();
    world.change_by_hand("name-i-1", |state| {
        state.name = "mine".to_owned();
        state.named_by = AccessOrigin::Manual;
        state.login = Some(Login {
            origin: AccessOrigin::Manual,
            reason: "mine".to_owned(),
            user: "root".to_owned(),
        });
        state.groups.insert(prod, AccessOrigin::Manual);
    });
    let lines = world.lines(found(vec![machine("i-1", "10.0.0.1")]));
    assert_eq!(only(&lines).kind(), LineKind::Exists, "{lines:#?}");
}

#[test]
fn the_account_is_guessed_with_a_reason_and_a_group_overrides_it() {
    let mut world = World::new();
    world
        .rules
        .logins
        .insert("prod".to_owned(), "deploy".to_owned());
    let mut debian = machine("i-2", "10.0.0.2");
    debian.image_name = Some("debian-12-amd64".to_owned());
    let mut silent = machine("i-4", "10.0.0.4");
    silent.image_name = None;
    let mut own_name = machine("i-6", "10.0.0.6");
    own_name.image_name = Some("golden-2026".to_owned());
    own_name.image_owner = Some("099720109477".to_owned());
    let lines = world.lines(found(vec![
        machine("i-1", "10.0.0.1"),
        debian,
        tagged(machine("i-3", "10.0.0.3"), "env", "prod"),
        silent,
        tagged(machine("i-5", "10.0.0.5"), "ssh-user", "me"),
        own_name,
    ]));
    let logins: Vec<Option<(String, String)>> = lines
        .iter()
        .map(|line| line.proposal().unwrap().login.clone())
        .collect();
    let guess = |user: &str, reason: &str| Some((user.to_owned(), reason.to_owned()));
    assert_eq!(
        logins,
        [
            guess("ubuntu", "image ubuntu/images/jammy"),
            guess("admin", "image debian-12-amd64"),
            guess("deploy", "the account of group prod"),
            None,
            guess("me", "tag ssh-user"),
            guess("ubuntu", "image of Canonical (099720109477)"),
        ]
    );
    assert!(lines[3].reason.contains("nothing tells the account"));
}

#[test]
fn a_key_goes_with_its_hosts_and_a_younger_key_pair_does_not() {
    let mut world = World::new();
    world.keys = vec![key()];
    let mut discovery = found(vec![
        machine("i-1", "10.0.0.1"),
        machine("i-2", "10.0.0.2"),
        machine("i-3", "10.0.0.3"),
    ]);
    for (host, launched) in discovery.hosts.iter_mut().zip([100, 10, 100]) {
        host.facts.key_pair = Some("web".to_owned());
        host.facts.launched = Some(certlocker_core::Timestamp::from_seconds(launched));
    }
    discovery.hosts[2].facts.key_pair = Some("other".to_owned());
    let pair = KeyPair {
        created: Some(certlocker_core::Timestamp::from_seconds(50)),
        name: "web".to_owned(),
        public: Some(key().public().clone()),
        ..KeyPair::default()
    };
    discovery.key_pairs.push((scope("eu-west-1"), pair));
    let lines = world.lines(discovery);
    let proposed = |at: usize| lines[at].proposal().unwrap().key.as_ref();
    assert_eq!(proposed(0).unwrap().proof, "web.pem: same public key");
    assert!(proposed(1).is_none() && lines[1].reason.contains("younger than the host"));
    assert!(
        proposed(2).is_none()
            && lines[2]
                .reason
                .contains("no key that was given belongs to the key pair `other`")
    );
}

#[test]
fn the_effect_of_each_rule_is_shown_before_anything_is_done() {
    let mut world = World::new();
    world
        .rules
        .groups
        .push("sg-{security_group} if region = eu-*".parse().unwrap());
    world
        .rules
        .groups
        .push("not-prod if tag:env != prod".parse().unwrap());
    let mut grouped = tagged(machine("i-1", "10.0.0.1"), "env", "prod");
    grouped.security_groups = vec!["web".to_owned(), "ssh only".to_owned()];
    let effects = preview(&world.rules, &[grouped, machine("i-2", "10.0.0.2")]);
    let seen: Vec<(Vec<(&str, usize)>, usize)> = effects
        .iter()
        .map(|effect| {
            (
                effect
                    .groups
                    .iter()
                    .map(|(name, count)| (name.as_str(), *count))
                    .collect(),
                effect.none,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (vec![("prod", 1)], 1),
            (vec![("sg-ssh-only", 1), ("sg-web", 1)], 1),
            (vec![("not-prod", 1)], 1),
        ]
    );
}

#[test]
fn a_rule_that_does_not_read_says_what_was_expected() {
    for (text, says) in [
        ("{tag:}", "tag:NAME"),
        ("{", "`}` is missing"),
        ("", "the name of a group"),
        ("x if region", "`=` or `!=`"),
        ("x if colour = red", "security_group"),
    ] {
        let error = text
            .parse::<certlocker_import::rules::GroupRule>()
            .unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_conflict_names_every_host_that_it_may_be() {
    let world = World::new();
    let facts = |ip: &str| Facts {
        addresses: [address(ip, AddressKind::Private)].into(),
        ..Facts::default()
    };
    world.by_hand("a", facts("10.0.0.1"));
    world.by_hand("b", facts("10.0.0.1"));
    let lines = world.lines(found(vec![machine("i-1", "10.0.0.1")]));
    let Action::Conflict { candidates, .. } = &only(&lines).action else {
        panic!("{lines:#?}");
    };
    assert_eq!(candidates.len(), 2);
}
