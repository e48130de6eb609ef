//! Certificates and chains, right and wrong: each fault is named, and nothing else is found fault with.

use certlocker_core::{Identifier, Timestamp};
use certlocker_probe::{
    ChainFinding, Inventory, Judge, Judgement, Key, NameVerdict, Reach, Roots, SignatureHash,
    TlsVersion, Validity, Weakness,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PKCS_RSA_SHA512,
    PublicKeyData, RsaKeySize, SignatureAlgorithm, date_time_ymd,
};

use crate::play::{flight, meet};

const NAME: &str = "a.example";
/// In the middle of 2026.
const NOW: i64 = 1_782_864_000;

struct Authority {
    der: Vec<u8>,
    key: KeyPair,
    parameters: CertificateParams,
}

fn named(common_name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    parameters
}

fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name = DistinguishedName::new();
    (parameters.not_before, parameters.not_after) =
        (date_time_ymd(2026, 4, 1), date_time_ymd(2027, 4, 1));
    parameters
}

fn ec() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

impl Authority {
    fn root(key: KeyPair) -> Self {
        let parameters = authority("root");
        let der = parameters.self_signed(&key).unwrap().der().to_vec();
        Self {
            der,
            key,
            parameters,
        }
    }

    fn below(&self, name: &str) -> Self {
        let (parameters, key) = (authority(name), ec());
        let der = self.sign(&parameters, &key);
        Self {
            der,
            key,
            parameters,
        }
    }

    fn sign(&self, parameters: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.parameters, &self.key);
        parameters.signed_by(key, &issuer).unwrap().der().to_vec()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut parameters = named(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

/// Serves the chain in TLS 1.2, takes it from there, and trusts this root.
fn judge(chain: &[Vec<u8>], root: &Authority) -> Judgement {
    let captured = meet(&flight(TlsVersion::TLS_1_2, 0xc02f, chain, &[])).unwrap();
    assert_eq!(captured.chain.len(), chain.len());
    let mut judge = Judge::new(Inventory::default());
    let root = certlocker_core::Der(root.der.clone());
    judge.stores.inventory = Some(Roots::new([&root]));
    let name = Identifier::dns(NAME).unwrap();
    judge.judge(NAME, Some(&name), &captured, Timestamp::from_seconds(NOW))
}

fn name_verdict(judgement: &Judgement) -> &NameVerdict {
    judgement.leaf.as_ref().unwrap().name.as_ref().unwrap()
}

fn assert_fine(case: &str, judgement: &Judgement) {
    assert_eq!(judgement.chain.reach, Reach::Complete, "{case}");
    assert_eq!(judgement.chain.findings, [], "{case}");
    assert_eq!(name_verdict(judgement), &NameVerdict::Covers, "{case}");
    assert_eq!(judgement.weaknesses, [], "{case}");
    let validity = &judgement.leaf.as_ref().unwrap().validity;
    assert!(matches!(validity, Validity::Valid { .. }), "{case}");
}

fn many_names(count: usize) -> CertificateParams {
    let names: Vec<String> = (1..count).map(|at| format!("{at}.b.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain([NAME]).collect();
    leaf(&names)
}

#[test]
fn a_certificate_that_the_verifier_does_not_read_for_its_length_says_so() {
    let root = Authority::root(ec());
    let served = root.sign(&many_names(10_000), &ec());
    let judgement = judge(&[served], &root);
    let Reach::NoPath { why } = &judgement.chain.reach else {
        panic!("{judgement:?}")
    };
    assert!(why.contains("longer than"), "{why}");
    assert_eq!(
        name_verdict(&judgement),
        &NameVerdict::NotJudged { why: why.clone() }
    );
    let validity = &judgement.leaf.as_ref().unwrap().validity;
    assert!(matches!(validity, Validity::Valid { .. }));
}

#[test]
fn many_names_no_subject_and_idns_are_no_faults() {
    let root = Authority::root(ec());
    let long = format!("{}.example", "x".repeat(63));
    for (case, parameters) in [
        ("no-subject, no-common-name", leaf(&[NAME])),
        ("1000-sans", many_names(1000)),
        ("xn--n1aae7f7o", leaf(&["xn--n1aae7f7o.example", NAME])),
        ("longextendedsubdomain", leaf(&[&long, NAME])),
    ] {
        assert_fine(case, &judge(&[root.sign(&parameters, &ec())], &root));
    }
}

#[test]
fn a_certificate_out_of_its_time_hides_nothing_else() {
    let root = Authority::root(ec());
    let mut expired = leaf(&[NAME]);
    (expired.not_before, expired.not_after) =
        (date_time_ymd(2015, 4, 9), date_time_ymd(2015, 4, 12));
    let judgement = judge(&[root.sign(&expired, &ec())], &root);
    let validity = &judgement.leaf.as_ref().unwrap().validity;
    assert!(matches!(validity, Validity::Expired { skew: false, .. }));
    assert_eq!(judgement.chain.reach, Reach::Complete);
    assert_eq!(name_verdict(&judgement), &NameVerdict::Covers);
}

#[test]
fn a_name_that_is_not_there_is_told_from_one_in_the_wrong_place() {
    let root = Authority::root(ec());
    let wrong = judge(&[root.sign(&leaf(&["*.b.example"]), &ec())], &root);
    assert!(matches!(name_verdict(&wrong), NameVerdict::Differs { .. }));
    let without = judge(&[root.sign(&named(NAME), &ec())], &root);
    assert_eq!(name_verdict(&without), &NameVerdict::CommonNameOnly);
}

#[test]
fn a_chain_that_leads_nowhere_says_where_it_stops() {
    let (root, other) = (Authority::root(ec()), Authority::root(ec()));
    let intermediate = root.below("intermediate");
    let served = intermediate.sign(&leaf(&[NAME]), &ec());
    let reach = |chain: &[Vec<u8>], root: &Authority| judge(chain, root).chain.reach;
    let missing = Reach::Missing {
        known: false,
        subject: "CN=intermediate".to_owned(),
    };
    assert_eq!(
        reach(std::slice::from_ref(&served), &root),
        missing,
        "incomplete-chain"
    );
    let whole = [served, intermediate.der, root.der.clone()];
    // Another root of the same name: only the signature tells.
    let fake = reach(&whole, &other);
    assert!(matches!(fake, Reach::NoPath { .. }), "superfish: {fake:?}");
    let mut parameters = authority("elsewhere");
    let key = ec();
    let elsewhere = Authority {
        der: parameters.self_signed(&key).unwrap().der().to_vec(),
        key,
        parameters: parameters.clone(),
    };
    let untrusted = Reach::UntrustedRoot {
        subject: "CN=root".to_owned(),
    };
    assert_eq!(reach(&whole, &elsewhere), untrusted, "untrusted-root");
    parameters = named(NAME);
    let own = parameters.self_signed(&ec()).unwrap().der().to_vec();
    assert_eq!(reach(&[own], &root), Reach::SelfSigned, "self-signed");
}

#[test]
fn a_reversed_chain_leads_somewhere_and_is_told() {
    let root = Authority::root(ec());
    let (upper, served) = {
        let upper = root.below("upper");
        let lower = upper.below("lower");
        let served = lower.sign(&leaf(&[NAME]), &ec());
        (upper.der, [served, lower.der])
    };
    let [served, lower] = served;
    let judgement = judge(&[served, upper, lower], &root);
    assert_eq!(judgement.chain.reach, Reach::Complete);
    assert_eq!(judgement.chain.findings, [ChainFinding::OutOfOrder]);
}

/// A key of RSA of any size that nobody has.
struct Modulus(Vec<u8>);

impl Modulus {
    fn of(bits: usize) -> Self {
        let tlv = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            [&[tag, 0x82][..], &length, content].concat()
        };
        let modulus = tlv(2, &[&[0][..], &vec![0xff; bits / 8]].concat());
        Self(tlv(0x30, &[&modulus[..], &[2, 3, 1, 0, 1]].concat()))
    }
}

impl PublicKeyData for Modulus {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

#[test]
fn keys_are_weighed_by_their_size() {
    let root = Authority::root(ec());
    let parameters = leaf(&[NAME]);
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    assert_fine("ecc256", &judge(&[root.sign(&parameters, &ec())], &root));
    assert_fine("ecc384", &judge(&[root.sign(&parameters, &p384)], &root));
    for bits in [2048, 3072, 4096, 8192] {
        let served = root.sign(&parameters, &Modulus::of(bits));
        assert_fine(&format!("rsa{bits}"), &judge(&[served], &root));
    }
    let short = judge(&[root.sign(&parameters, &Modulus::of(2040))], &root).weaknesses;
    let key = Key::Rsa { bits: 2040 };
    assert_eq!(short, [Weakness::ShortKey { key, position: 0 }]);
}

#[test]
fn an_old_hash_is_found_in_the_leaf_and_in_an_intermediate() {
    let rsa = |algorithm| KeyPair::generate_rsa_for(algorithm, RsaKeySize::_2048).unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    for (case, key) in [("sha384", p384), ("sha512", rsa(&PKCS_RSA_SHA512))] {
        let root = Authority::root(key);
        assert_fine(case, &judge(&[root.sign(&leaf(&[NAME]), &ec())], &root));
    }
    let root = Authority::root(rsa(&PKCS_RSA_SHA256));
    let with_hash = |der: Vec<u8>, last: u8| {
        let from = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
        let mut der = der;
        for at in 0..der.len() - from.len() {
            if der[at..].starts_with(&from) {
                der[at + from.len() - 1] = last;
            }
        }
        der
    };
    let served = root.sign(&leaf(&[NAME]), &ec());
    assert_fine("sha256", &judge(std::slice::from_ref(&served), &root));
    let intermediate = root.below("intermediate");
    let below = intermediate.sign(&leaf(&[NAME]), &ec());
    for (case, chain, hash, position) in [
        (
            "sha1",
            vec![with_hash(served.clone(), 5)],
            SignatureHash::Sha1,
            0,
        ),
        (
            "wildcard-md5",
            vec![with_hash(served, 4)],
            SignatureHash::Md,
            0,
        ),
        (
            "sha1-intermediate",
            vec![below, with_hash(intermediate.der, 5)],
            SignatureHash::Sha1,
            1,
        ),
    ] {
        let weaknesses = judge(&chain, &root).weaknesses;
        assert_eq!(
            weaknesses,
            [Weakness::WeakSignature { hash, position }],
            "{case}"
        );
    }
}
