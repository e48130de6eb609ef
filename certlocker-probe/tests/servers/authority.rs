//! A root, an intermediate, and certificates for servers.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
};

use certlocker_core::Der;
use certlocker_core::Timestamp;
use certlocker_probe::{Algorithm, Facts, Generation, Inventory, Item, Judge, Lineage, Roots};

pub(crate) struct Authority {
    intermediate: CertificateParams,
    intermediate_der: Vec<u8>,
    intermediate_pem: String,
    key: KeyPair,
    root: Der,
}

/// A certificate with its key, as a server reads them.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) algorithm: Algorithm,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
    pub(crate) leaf: Vec<u8>,
    pub(crate) leaf_pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let (root_key, key) = (key(Algorithm::Ecdsa), key(Algorithm::Ecdsa));
        let (root, intermediate) = (parameters("root"), parameters("intermediate"));
        let root_certificate = root.self_signed(&root_key).unwrap();
        let issuer = Issuer::from_params(&root, &root_key);
        let signed = intermediate.signed_by(&key, &issuer).unwrap();
        Self {
            intermediate,
            intermediate_der: signed.der().to_vec(),
            intermediate_pem: signed.pem(),
            key,
            root: Der(root_certificate.der().to_vec()),
        }
    }

    pub(crate) fn issue(&self, algorithm: Algorithm, name: &str) -> Issued {
        let key = key(algorithm);
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.distinguished_name = DistinguishedName::new();
        let signed = leaf
            .signed_by(&key, &Issuer::from_params(&self.intermediate, &self.key))
            .unwrap();
        Issued {
            algorithm,
            chain_pem: format!("{}{}", signed.pem(), self.intermediate_pem),
            key_pem: key.serialize_pem(),
            leaf: signed.der().to_vec(),
            leaf_pem: signed.pem(),
        }
    }

    /// Expects of each item its last certificate, after those before it.
    pub(crate) fn judge(&self, items: &[(&str, &[&[&Issued]])]) -> Judge {
        let items = items.iter().map(|(name, lineages)| Item {
            grace: std::time::Duration::ZERO,
            lineages: lineages.iter().map(|issued| lineage(issued)).collect(),
            name: (*name).to_owned(),
            names: vec![certlocker_core::Identifier::dns(name).unwrap()],
        });
        let mut judge = Judge::new(Inventory::new(items));
        judge.known_intermediates = vec![Der(self.intermediate_der.clone())];
        judge.stores.inventory = Some(Roots::new([&self.root]));
        judge
    }
}

fn lineage(issued: &[&Issued]) -> Lineage {
    let generation = |issued: &Issued| {
        Generation::of(
            &Facts::read(&issued.leaf).unwrap(),
            Timestamp::from_seconds(1),
        )
    };
    let (last, before) = issued.split_last().unwrap();
    let lineage = Lineage::new(last.algorithm, generation(last));
    before.iter().rev().fold(lineage, |lineage, issued| {
        lineage.preceded_by(generation(issued))
    })
}

fn key(algorithm: Algorithm) -> KeyPair {
    match algorithm {
        Algorithm::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
        _ => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    parameters
}
