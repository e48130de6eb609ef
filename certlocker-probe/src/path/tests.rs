use super::*;
use crate::Roots;
use crate::testing::{Authority, Leaf, day};

fn judge(ders: &[&Der], known: &[&Der], roots: &[&Authority], at: Timestamp) -> ChainVerdict {
    let ders: Vec<Der> = ders.iter().map(|der| (*der).clone()).collect();
    let known: Vec<Der> = known.iter().map(|der| (*der).clone()).collect();
    let facts: Vec<_> = ders.iter().map(|der| Facts::read(&der.0)).collect();
    let inventory = Some(Roots::new(roots.iter().map(|root| &root.der)));
    let stores = TrustStores {
        inventory,
        ..TrustStores::default()
    };
    ChainVerdict::of(
        &Chain {
            ders: &ders,
            facts: &facts,
        },
        &known,
        &stores,
        at,
    )
}

fn clean(reach: Reach) -> ChainVerdict {
    ChainVerdict {
        findings: Vec::new(),
        reach,
    }
}

#[test]
fn a_chain_without_its_root_is_complete() {
    let root = Authority::root("root");
    let (upper, leaf_of) = (root.intermediate("upper", 500), |upper: &Authority| {
        upper.intermediate("lower", 400)
    });
    let lower = leaf_of(&upper);
    let leaf = lower.issue(&Leaf::named(&["a.example"]));
    let verdict = judge(&[&leaf.der, &lower.der, &upper.der], &[], &[&root], day(50));
    assert_eq!(verdict, clean(Reach::Complete));
}

#[test]
fn an_intermediate_that_was_not_sent_is_named() {
    let root = Authority::root("root");
    let upper = root.intermediate("upper", 500);
    let lower = upper.intermediate("lower", 400);
    let leaf = lower.issue(&Leaf::named(&["a.example"]));
    let missing = |known, subject: &str| {
        clean(Reach::Missing {
            known,
            subject: subject.to_owned(),
        })
    };
    assert_eq!(
        judge(&[&leaf.der, &upper.der], &[], &[&root], day(50)).reach,
        missing(false, "CN=lower").reach
    );
    assert_eq!(
        judge(&[&leaf.der, &lower.der], &[], &[&root], day(50)),
        missing(false, "CN=upper")
    );
    assert_eq!(
        judge(&[&leaf.der, &lower.der], &[&upper.der], &[&root], day(50)),
        missing(true, "CN=upper")
    );
}

#[test]
fn a_reversed_chain_is_complete_and_out_of_order() {
    let root = Authority::root("root");
    let upper = root.intermediate("upper", 500);
    let lower = upper.intermediate("lower", 400);
    let leaf = lower.issue(&Leaf::named(&["a.example"]));
    let verdict = judge(&[&leaf.der, &upper.der, &lower.der], &[], &[&root], day(50));
    assert_eq!(
        verdict,
        ChainVerdict {
            findings: vec![ChainFinding::OutOfOrder],
            reach: Reach::Complete
        }
    );
}

#[test]
fn an_expired_intermediate_without_another_way_ends_the_chain() {
    let root = Authority::root("root");
    let intermediate = root.intermediate("intermediate", 20);
    let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
    let verdict = judge(&[&leaf.der, &intermediate.der], &[], &[&root], day(50));
    assert_eq!(
        verdict,
        clean(Reach::Expired {
            not_after: day(20),
            subject: "CN=intermediate".to_owned()
        })
    );
}

#[test]
fn an_expired_cross_sign_beside_another_way_is_a_finding() {
    let (old, new) = (Authority::root("old"), Authority::root("new"));
    let intermediate = new.intermediate("intermediate", 500);
    let crossed = intermediate.cross_signed_by(&old, "intermediate", 20);
    let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
    let verdict = judge(
        &[&leaf.der, &crossed.der, &intermediate.der],
        &[],
        &[&old, &new],
        day(50),
    );
    let expired = ChainFinding::ExpiredWithAlternative {
        not_after: day(20),
        subject: "CN=intermediate".to_owned(),
    };
    assert_eq!(
        verdict,
        ChainVerdict {
            findings: vec![expired],
            reach: Reach::Complete
        }
    );
}

#[test]
fn roots_that_are_sent_are_noticed_trusted_or_not() {
    let (root, other) = (Authority::root("root"), Authority::root("other"));
    let leaf = root.issue(&Leaf::named(&["a.example"]));
    let findings = vec![ChainFinding::RootIncluded];
    let reach = Reach::UntrustedRoot {
        subject: "CN=root".to_owned(),
    };
    let sent = [&leaf.der, &root.der];
    assert_eq!(
        judge(&sent, &[], &[&root], day(50)),
        ChainVerdict {
            findings: findings.clone(),
            reach: Reach::Complete
        }
    );
    assert_eq!(
        judge(&sent, &[], &[&other], day(50)),
        ChainVerdict { findings, reach }
    );
}

#[test]
fn a_self_signed_leaf_leads_nowhere_unless_it_is_trusted_itself() {
    let (own, other) = (Authority::root("own"), Authority::root("other"));
    assert_eq!(
        judge(&[&own.der], &[], &[&other], day(50)),
        clean(Reach::SelfSigned)
    );
    assert_eq!(
        judge(&[&own.der], &[], &[&own], day(50)),
        clean(Reach::Complete)
    );
}

#[test]
fn what_has_nothing_to_do_with_the_leaf_is_pointed_out() {
    let root = Authority::root("root");
    let (intermediate, stranger) = (
        root.intermediate("intermediate", 500),
        root.intermediate("stranger", 500),
    );
    let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
    let garbage = Der(b"garbage".to_vec());
    let verdict = judge(
        &[&leaf.der, &intermediate.der, &stranger.der, &garbage],
        &[],
        &[&root],
        day(50),
    );
    assert_eq!(verdict.reach, Reach::Complete);
    assert_eq!(
        verdict.findings[0],
        ChainFinding::Unrelated {
            position: 2,
            subject: "CN=stranger".to_owned()
        }
    );
    assert!(matches!(
        verdict.findings[1],
        ChainFinding::Unreadable { position: 3, .. }
    ));
}

#[test]
fn a_leaf_that_is_over_hides_nothing_of_its_chain() {
    let root = Authority::root("root");
    let intermediate = root.intermediate("intermediate", 500);
    let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
    assert_eq!(
        judge(&[&leaf.der, &intermediate.der], &[], &[&root], day(300)),
        clean(Reach::Complete)
    );
    assert!(matches!(
        judge(&[&leaf.der], &[], &[&root], day(300)).reach,
        Reach::Missing { .. }
    ));
}

#[test]
fn the_right_name_with_the_wrong_key_is_no_path() {
    let (root, impostor) = (Authority::root("root"), Authority::root("root"));
    let leaf = impostor.issue(&Leaf::named(&["a.example"]));
    assert!(matches!(
        judge(&[&leaf.der], &[], &[&root], day(50)).reach,
        Reach::NoPath { .. }
    ));
}

#[test]
fn nothing_and_garbage_are_verdicts_too() {
    let root = Authority::root("root");
    assert_eq!(judge(&[], &[], &[&root], day(50)).reach, Reach::Nothing);
    let garbage = Der(b"garbage".to_vec());
    assert!(matches!(
        judge(&[&garbage], &[], &[&root], day(50)).reach,
        Reach::Unreadable { .. }
    ));
}
