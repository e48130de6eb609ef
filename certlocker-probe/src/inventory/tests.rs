use super::*;
use crate::testing::{Authority, Leaf, day};

fn facts(authority: &Authority, name: &str) -> Facts {
    Facts::read(&authority.issue(&Leaf::named(&[name])).der.0).unwrap()
}

fn item(name: &str, lineage: Lineage) -> Item {
    Item {
        grace: Duration::from_secs(3600),
        lineages: vec![lineage],
        name: name.to_owned(),
        names: vec![Identifier::dns(name).unwrap()],
    }
}

#[test]
fn a_certificate_is_told_by_its_place_in_the_lineage() {
    let authority = Authority::root("root");
    let [oldest, old, now, next] = [0; 4].map(|_| facts(&authority, "a.example"));
    let lineage = Lineage::new(Algorithm::Ecdsa, Generation::of(&now, day(20)))
        .preceded_by(Generation::of(&old, day(10)))
        .preceded_by(Generation::of(&oldest, day(0)))
        .succeeded_by(Generation::of(&next, day(30)));
    let inventory = Inventory::new([item("a.example", lineage)]);
    let grace_until = day(20).after(Duration::from_secs(3600));
    let identify = |facts| inventory.identify("a.example", facts);
    assert_eq!(identify(&now), Identity::Expected);
    assert_eq!(
        identify(&old),
        Identity::Predecessor {
            behind: 1,
            grace_until,
            since: day(20)
        }
    );
    assert_eq!(
        identify(&oldest),
        Identity::Predecessor {
            behind: 2,
            grace_until,
            since: day(10)
        }
    );
    assert_eq!(identify(&next), Identity::Successor { ahead: 1 });
    assert!(inventory.is_expected("a.example", &now.sha256));
    assert!(!inventory.is_expected("a.example", &old.sha256));
    assert!(!inventory.is_expected("b.example", &now.sha256));
}

#[test]
fn the_certificate_of_another_item_is_named_by_it() {
    let authority = Authority::root("root");
    let (a, b) = (
        facts(&authority, "a.example"),
        facts(&authority, "b.example"),
    );
    let lineage = |facts| Lineage::new(Algorithm::Ecdsa, Generation::of(facts, day(0)));
    let inventory = Inventory::new([
        item("a.example", lineage(&a)),
        item("b.example", lineage(&b)),
    ]);
    assert_eq!(
        inventory.identify("a.example", &b),
        Identity::OtherItem {
            item: "b.example".to_owned()
        }
    );
}

#[test]
fn a_certificate_that_two_items_share_is_expected_at_both() {
    let shared = facts(&Authority::root("root"), "a.example");
    let lineage = || Lineage::new(Algorithm::Ecdsa, Generation::of(&shared, day(0)));
    let inventory = Inventory::new([item("a.example", lineage()), item("b.example", lineage())]);
    for name in ["a.example", "b.example"] {
        assert_eq!(inventory.identify(name, &shared), Identity::Expected);
    }
}

#[test]
fn an_unknown_certificate_is_told_by_its_key_and_by_its_issuer() {
    let authority = Authority::root("root");
    let known = authority.issue(&Leaf::named(&["a.example"]));
    let again = Facts::read(
        &authority
            .issue_again(&known, &Leaf::named(&["a.example"]))
            .0,
    )
    .unwrap();
    let renewed = facts(&authority, "a.example");
    let elsewhere = facts(&authority, "z.example");
    let stranger = facts(&Authority::root("other"), "a.example");
    let generation = Generation::of(&Facts::read(&known.der.0).unwrap(), day(0));
    let inventory = Inventory::new([item(
        "a.example",
        Lineage::new(Algorithm::Ecdsa, generation),
    )]);
    for (facts, likeness) in [
        (
            again,
            Likeness::Key {
                item: "a.example".to_owned(),
            },
        ),
        (renewed, Likeness::Lineage),
        (elsewhere, Likeness::Nothing),
        (stranger, Likeness::Nothing),
    ] {
        assert_eq!(
            inventory.identify("a.example", &facts),
            Identity::Unknown { likeness }
        );
    }
}
