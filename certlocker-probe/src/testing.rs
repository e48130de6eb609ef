//! Authorities and certificates for tests.

use std::sync::Arc;
use std::time::Duration;

use certlocker_core::{Der, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

/// The instant so many days after the first one of the tests.
pub(crate) fn day(number: u64) -> Timestamp {
    Timestamp::from_seconds(FIRST_DAY).after(Duration::from_secs(number * 86_400))
}

/// 2026-01-01.
const FIRST_DAY: i64 = 1_767_225_600;

/// An authority, with its certificate.
pub(crate) struct Authority {
    pub(crate) der: Der,
    key: KeyPair,
    parameters: CertificateParams,
}

/// What a leaf is to say.
pub(crate) struct Leaf<'a> {
    pub(crate) common_name: Option<&'a str>,
    pub(crate) days: (u64, u64),
    pub(crate) must_staple: bool,
    pub(crate) names: &'a [&'a str],
}

/// A leaf and its key.
pub(crate) struct Issued {
    pub(crate) der: Der,
    pub(crate) key: KeyPair,
}

impl<'a> Leaf<'a> {
    /// Valid in the first hundred days.
    pub(crate) fn named(names: &'a [&'a str]) -> Self {
        Self {
            common_name: None,
            days: (0, 100),
            must_staple: false,
            names,
        }
    }

    fn parameters(&self) -> CertificateParams {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.subject_alt_names = self
            .names
            .iter()
            .map(|name| alternative_name(name))
            .collect();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = self.common_name {
            parameters.distinguished_name.push(DnType::CommonName, name);
        }
        (parameters.not_before, parameters.not_after) = (date(self.days.0), date(self.days.1));
        if self.must_staple {
            let features = vec![0x30, 3, 2, 1, 5];
            let extension =
                CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], features);
            parameters.custom_extensions.push(extension);
        }
        parameters
    }
}

fn alternative_name(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}

fn date(number: u64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(day(number).as_seconds()).unwrap()
}

impl Authority {
    /// A root that is valid for a thousand days.
    pub(crate) fn root(name: &str) -> Self {
        let (parameters, key) = (authority_parameters(name, 1000), key());
        let der = Der(parameters.self_signed(&key).unwrap().der().to_vec());
        Self {
            der,
            key,
            parameters,
        }
    }

    /// An authority below this one.
    pub(crate) fn intermediate(&self, name: &str, until: u64) -> Self {
        self.certify(name, until, key())
    }

    /// The same authority, name and key, certified by another one: a cross-sign.
    pub(crate) fn cross_signed_by(&self, other: &Self, name: &str, until: u64) -> Self {
        other.certify(
            name,
            until,
            KeyPair::try_from(self.key.serialize_der()).unwrap(),
        )
    }

    fn certify(&self, name: &str, until: u64, key: KeyPair) -> Self {
        let parameters = authority_parameters(name, until);
        let der = Der(parameters
            .signed_by(&key, &self.issuer())
            .unwrap()
            .der()
            .to_vec());
        Self {
            der,
            key,
            parameters,
        }
    }

    /// A leaf with a key of its own.
    pub(crate) fn issue(&self, leaf: &Leaf<'_>) -> Issued {
        let key = key();
        let der = Der(leaf
            .parameters()
            .signed_by(&key, &self.issuer())
            .unwrap()
            .der()
            .to_vec());
        Issued { der, key }
    }

    /// Another leaf with the key of the first.
    pub(crate) fn issue_again(&self, first: &Issued, leaf: &Leaf<'_>) -> Der {
        Der(leaf
            .parameters()
            .signed_by(&first.key, &self.issuer())
            .unwrap()
            .der()
            .to_vec())
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.parameters, &self.key)
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn authority_parameters(name: &str, until: u64) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (parameters.not_before, parameters.not_after) = (date(0), date(until));
    parameters
}

/// A server of rustls, of which only the configuration matters.
pub(crate) struct Server {
    pub(crate) chain: Vec<Der>,
    pub(crate) config: Arc<ServerConfig>,
}

/// How clients are asked for certificates.
enum Clients<'a> {
    Asked(&'a Authority),
    Demanded(&'a Authority),
    NotAsked,
}

/// Hands out one certificate, whether or not its key fits.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl rustls::server::ResolvesServerCert for Always {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Server {
    pub(crate) fn with(version: &'static SupportedProtocolVersion) -> Self {
        Self::new(
            aws_lc_rs::default_provider(),
            &[version],
            &Clients::NotAsked,
            &Self::issued(),
        )
    }

    pub(crate) fn with_suite(suite: SupportedCipherSuite) -> Self {
        let provider = CryptoProvider {
            cipher_suites: vec![suite],
            ..aws_lc_rs::default_provider()
        };
        Self::new(
            provider,
            &[&rustls::version::TLS13],
            &Clients::NotAsked,
            &Self::issued(),
        )
    }

    pub(crate) fn without_p256() -> Self {
        let provider = CryptoProvider {
            kx_groups: vec![aws_lc_rs::kx_group::X25519],
            ..aws_lc_rs::default_provider()
        };
        Self::new(
            provider,
            &[&rustls::version::TLS13],
            &Clients::NotAsked,
            &Self::issued(),
        )
    }

    pub(crate) fn that_asks_clients(authority: &Authority) -> Self {
        Self::new(
            aws_lc_rs::default_provider(),
            rustls::ALL_VERSIONS,
            &Clients::Asked(authority),
            &Self::issued(),
        )
    }

    pub(crate) fn that_demands_clients(
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        Self::new(
            aws_lc_rs::default_provider(),
            &[version],
            &Clients::Demanded(authority),
            &Self::issued(),
        )
    }

    pub(crate) fn that_serves(authority: &Authority, leaf: &Leaf<'_>) -> Self {
        let issued = authority.issue(leaf);
        Self::new(
            aws_lc_rs::default_provider(),
            rustls::ALL_VERSIONS,
            &Clients::NotAsked,
            &(vec![issued.der], issued.key),
        )
    }

    pub(crate) fn with_a_wrong_key(version: &'static SupportedProtocolVersion) -> Self {
        let (chain, _) = Self::issued();
        Self::new(
            aws_lc_rs::default_provider(),
            &[version],
            &Clients::NotAsked,
            &(chain, key()),
        )
    }

    fn issued() -> (Vec<Der>, KeyPair) {
        let intermediate = Authority::root("root").intermediate("intermediate", 500);
        let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
        (vec![leaf.der, intermediate.der], leaf.key)
    }

    fn new(
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        clients: &Clients<'_>,
        (chain, key): &(Vec<Der>, KeyPair),
    ) -> Self {
        let provider = Arc::new(provider);
        let verifier = |authority: &Authority| {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from(authority.der.0.clone()))
                .unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = match clients {
            Clients::Asked(authority) => builder.with_client_cert_verifier(
                verifier(authority).allow_unauthenticated().build().unwrap(),
            ),
            Clients::Demanded(authority) => {
                builder.with_client_cert_verifier(verifier(authority).build().unwrap())
            }
            Clients::NotAsked => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let certificates = chain
            .iter()
            .map(|der| CertificateDer::from(der.0.clone()))
            .collect();
        let served = Always(Arc::new(CertifiedKey::new(certificates, key)));
        Self {
            chain: chain.clone(),
            config: Arc::new(builder.with_cert_resolver(Arc::new(served))),
        }
    }
}
