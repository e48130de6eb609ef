use super::*;
use crate::testing::{Authority, Leaf, day};
use crate::{Algorithm, ClientCertificate, Generation, Item, Lineage, Roots, TlsVersion};

/// An item whose certificate is served as it should be.
pub(crate) struct Scene {
    pub(crate) captured: Captured,
    pub(crate) judge: Judge,
    pub(crate) name: Identifier,
    root: Authority,
}

pub(crate) fn captured(chain: Vec<Der>) -> Captured {
    Captured {
        chain,
        cipher_suite: 0x1301,
        client_certificate: ClientCertificate::NotAsked,
        possession: Possession::Proven,
        staple: None,
        timestamps: None,
        version: TlsVersion::TLS_1_3,
    }
}

impl Scene {
    pub(crate) fn with_intermediate_until(until: u64) -> Self {
        let root = Authority::root("root");
        let intermediate = root.intermediate("intermediate", until);
        let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
        let name = Identifier::dns("a.example").unwrap();
        let facts = Facts::read(&leaf.der.0).unwrap();
        let item = Item {
            grace: Duration::from_secs(3600),
            lineages: vec![Lineage::new(
                Algorithm::Ecdsa,
                Generation::of(&facts, day(0)),
            )],
            name: "a.example".to_owned(),
            names: vec![name.clone()],
        };
        let mut judge = Judge::new(Inventory::new([item]));
        judge.stores.inventory = Some(Roots::new([&root.der]));
        Self {
            captured: captured(vec![leaf.der, intermediate.der]),
            judge,
            name,
            root,
        }
    }

    fn judge(&self, captured: &Captured) -> Judgement {
        self.judge
            .judge("a.example", Some(&self.name), captured, day(50))
    }
}

#[test]
fn what_is_as_it_should_be_is_fine() {
    let scene = Scene::with_intermediate_until(500);
    let judgement = scene.judge(&scene.captured);
    assert_eq!(
        judgement.leaf.as_ref().unwrap().identity,
        Identity::Expected
    );
    assert_eq!(judgement.level(), Level::Fine);
}

#[test]
fn the_right_certificate_without_its_intermediate_is_still_a_failure() {
    let mut scene = Scene::with_intermediate_until(500);
    scene.captured.chain.truncate(1);
    let judgement = scene.judge(&scene.captured);
    assert_eq!(
        judgement.leaf.as_ref().unwrap().identity,
        Identity::Expected
    );
    assert_eq!(judgement.level(), Level::Failure);
}

#[test]
fn without_roots_a_chain_is_not_held_against_it() {
    let mut scene = Scene::with_intermediate_until(500);
    scene.judge.stores = TrustStores::default();
    assert_eq!(scene.judge(&scene.captured).level(), Level::Fine);
}

#[test]
fn another_certificate_for_the_same_name_is_unknown_and_a_failure() {
    let scene = Scene::with_intermediate_until(500);
    let other = scene.root.issue(&Leaf::named(&["a.example"]));
    let judgement = scene.judge(&captured(vec![other.der]));
    assert!(matches!(
        judgement.leaf.as_ref().unwrap().identity,
        Identity::Unknown { .. }
    ));
    assert_eq!(judgement.level(), Level::Failure);
}

#[test]
fn a_key_that_was_not_proven_is_a_failure_whatever_is_served() {
    let mut scene = Scene::with_intermediate_until(500);
    scene.captured.possession = Possession::NotProven {
        why: "the signature is wrong".to_owned(),
    };
    assert_eq!(scene.judge(&scene.captured).level(), Level::Failure);
}

#[test]
fn a_renewal_that_is_due_is_a_warning() {
    let scene = Scene::with_intermediate_until(500);
    let judgement = scene
        .judge
        .judge("a.example", Some(&scene.name), &scene.captured, day(80));
    assert_eq!(judgement.level(), Level::Warning);
}

#[test]
fn octets_that_no_parser_understands_are_judged_too() {
    let scene = Scene::with_intermediate_until(500);
    for chain in [
        vec![],
        vec![Der(b"garbage".to_vec())],
        vec![Der(Vec::new()); 3],
    ] {
        let judgement = scene.judge(&captured(chain));
        assert_eq!(judgement.leaf, None);
        assert_eq!(judgement.level(), Level::Failure);
    }
}
