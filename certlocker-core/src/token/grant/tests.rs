use std::net::Ipv4Addr;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::{DnsName, Identifier, Pattern, Permission};

const LABELS: [&str; 3] = ["a", "b", "c"];

/// Few names, so that they are often above each other.
fn name() -> impl Strategy<Value = DnsName> {
    let labels = vec(select(&LABELS[..]), 1..4);
    labels.prop_map(|labels| DnsName::parse(&labels.join(".")).unwrap())
}

fn network() -> impl Strategy<Value = IpNet> {
    let few = (0..4u8, select(&[0, 8, 24, 31, 32][..]));
    few.prop_map(|(last, length)| {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        IpNet::new(address, length).unwrap().trunc()
    })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        name().prop_map(Pattern::Below),
        name().prop_map(Pattern::Name),
        network().prop_map(Pattern::Network),
    ]
}

fn scope() -> impl Strategy<Value = TokenScope> {
    prop_oneof![
        4 => pattern().prop_map(TokenScope::order),
        4 => select(&Permission::ALL[1..]).prop_map(TokenScope::plain),
        1 => Just("admin".parse().unwrap()),
    ]
}

fn grant() -> impl Strategy<Value = Grant> {
    (
        btree_set(scope(), 0..4),
        0..4i64,
        btree_set(network(), 0..3),
    )
        .prop_map(|(scopes, expires, networks)| Grant {
            expires: Timestamp::from_seconds(expires),
            networks,
            scopes: TokenScopes(scopes),
        })
}

fn identifier() -> impl Strategy<Value = Identifier> {
    prop_oneof![
        name().prop_map(Identifier::Dns),
        name().prop_map(|name| Identifier::dns(&format!("*.{name}")).unwrap()),
        (0..6u8).prop_map(|last| Identifier::Ip(Ipv4Addr::new(10, 0, 0, last).into())),
    ]
}

/// Whether a grant allows an order for one name.
fn orders(grant: &Grant, identifier: &Identifier) -> bool {
    let covers = |scope: &TokenScope| match (&scope.permission(), scope.names()) {
        (Permission::Admin, _) | (Permission::OrderCreate, None) => true,
        (_, Some(names)) => names.covers(identifier),
        _ => false,
    };
    grant.scopes.0.iter().any(covers)
}

proptest! {
    // Most of what is drawn is no attenuation.
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_child_allows_nothing_that_its_parent_does_not(
        (child, parent, identifier) in (grant(), grant(), identifier()),
        last in 0..6u8,
    ) {
        if child.attenuates(&parent).is_err() {
            return Ok(());
        }
        for permission in Permission::ALL {
            prop_assert!(!child.scopes.permit(permission) || parent.scopes.permit(permission));
        }
        prop_assert!(!orders(&child, &identifier) || orders(&parent, &identifier));
        prop_assert!(child.expires <= parent.expires);
        for peer in [None, Some(IpAddr::from([10, 0, 0, last])), Some(IpAddr::from([11, 0, 0, 1]))] {
            prop_assert!(!child.admits(peer) || parent.admits(peer));
        }
    }

    #[test]
    fn a_grant_attenuates_itself_and_what_its_parent_attenuates(
        (child, parent, root) in (grant(), grant(), grant()),
    ) {
        prop_assert_eq!(child.attenuates(&child), Ok(()));
        if child.attenuates(&parent).is_ok() && parent.attenuates(&root).is_ok() {
            prop_assert_eq!(child.attenuates(&root), Ok(()));
        }
    }

    #[test]
    fn a_pattern_contains_another_if_it_covers_all_that_it_covers(
        (one, other, identifier) in (pattern(), pattern(), identifier()),
    ) {
        let inside = one.contains(&other) && other.covers(&identifier);
        prop_assert!(!inside || one.covers(&identifier));
    }
}

fn until(second: i64, networks: &[&str], scopes: &[&str]) -> Grant {
    Grant {
        expires: Timestamp::from_seconds(second),
        networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
        scopes: scopes.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

#[test]
fn each_way_of_being_worth_more_is_named() {
    let parent = until(9, &["10.0.0.0/8"], &["audit:read"]);
    for (child, said) in [
        (until(9, &["10.0.0.0/8"], &["admin"]), "`admin` goes beyond"),
        (
            until(10, &["10.0.0.0/8"], &["audit:read"]),
            "expires at 1970-01-01T00:00:09Z",
        ),
        (
            until(9, &["10.0.0.0/7"], &["audit:read"]),
            "not count from 10.0.0.0/7",
        ),
        (until(9, &[], &["audit:read"]), "from anywhere"),
    ] {
        let error = child.attenuates(&parent).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn an_address_of_a_listener_for_both_families_is_the_address_that_it_stands_for() {
    let grant = until(9, &["192.0.2.0/24"], &[]);
    assert!(grant.admits("::ffff:192.0.2.7".parse().ok()));
    assert!(!grant.admits("::ffff:192.0.3.7".parse().ok()) && !grant.admits(None));
}
