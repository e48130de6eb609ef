//! What the cryptography of one order costs on this machine, and nothing around it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED,
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use serde::{Deserialize, Serialize};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

/// Microseconds of one processor for each operation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Floor {
    /// One certificate request read and its signature verified.
    pub csr_us: f64,
    /// The server's half of one TLS handshake.
    pub handshake_us: f64,
    /// One certificate signed.
    pub sign_us: f64,
    /// One request's signature verified.
    pub verify_us: f64,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

impl Floor {
    /// Measures for about a second.
    ///
    /// # Errors
    /// When a key or a certificate cannot be made.
    pub fn measure() -> Result<Self> {
        Ok(Self {
            csr_us: csr()?,
            handshake_us: handshake()?,
            sign_us: sign()?,
            verify_us: verify()?,
        })
    }

    /// Milliseconds for an order with so many signed requests and handshakes.
    pub fn ms(&self, signed: f64, handshakes: f64) -> f64 {
        let crypto = signed * self.verify_us + self.csr_us + self.sign_us;
        (crypto + handshakes * self.handshake_us) / 1000.0
    }
}

/// As long as a signed request's header and payload together.
const MESSAGE: [u8; 600] = [b'a'; 600];
/// As long as what is signed of a certificate.
const CERTIFICATE: [u8; 500] = [b'a'; 500];

/// The median of batches: what else runs on the machine disturbs single ones.
fn micros(mut once: impl FnMut() -> Result<Duration>) -> Result<f64> {
    const BATCHES: usize = 21;
    const BATCH: u32 = 100;
    let mut means = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let mut sum = Duration::ZERO;
        for _ in 0..BATCH {
            sum += once()?;
        }
        means.push((sum / BATCH).as_secs_f64() * 1e6);
    }
    means.sort_by(f64::total_cmp);
    Ok(means[BATCHES / 2])
}

fn timed<T>(what: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let begun = Instant::now();
    black_box(what()?);
    Ok(begun.elapsed())
}

fn verify() -> Result<f64> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let signature = pair.sign(&SystemRandom::new(), &MESSAGE)?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
    micros(|| timed(|| Ok(key.verify(black_box(&MESSAGE), signature.as_ref())?)))
}

fn sign() -> Result<f64> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let random = SystemRandom::new();
    micros(|| timed(|| Ok(pair.sign(&random, black_box(&CERTIFICATE))?)))
}

fn csr() -> Result<f64> {
    let der = crate::fresh_request("n1.load.example")?;
    micros(|| timed(|| checked(black_box(&der))))
}

fn checked(der: &[u8]) -> Result<()> {
    let (_, request) = X509CertificationRequest::from_der(der)?;
    let info = &request.certification_request_info;
    let key = UnparsedPublicKey::new(
        &ECDSA_P256_SHA256_ASN1,
        info.subject_pki.subject_public_key.data.as_ref(),
    );
    Ok(key.verify(info.raw, request.signature_value.data.as_ref())?)
}

fn handshake() -> Result<f64> {
    let (server, client) = configs()?;
    micros(|| one_handshake(&server, &client))
}

/// The time that the server spends in one handshake.
fn one_handshake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Result<Duration> {
    let mut client = ClientConnection::new(client.clone(), ServerName::try_from("localhost")?)?;
    let begun = Instant::now();
    let mut server = ServerConnection::new(server.clone())?;
    let mut spent = begun.elapsed();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire)?;
        }
        let mut answer = Vec::new();
        spent += timed(|| {
            server.read_tls(&mut wire.as_slice())?;
            server.process_new_packets()?;
            while server.wants_write() {
                server.write_tls(&mut answer)?;
            }
            Ok(())
        })?;
        let mut answer = answer.as_slice();
        while !answer.is_empty() {
            client.read_tls(&mut answer)?;
            client.process_new_packets()?;
        }
    }
    Ok(spent)
}

/// A leaf with an intermediate, as the server shows them.
fn configs() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>)> {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate()?;
    let root = authority.self_signed(&root_key)?;
    let middle_key = KeyPair::generate()?;
    let middle = authority.signed_by(&middle_key, &Issuer::from_params(&authority, &root_key))?;
    let issuer = Issuer::from_params(&authority, &middle_key);
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let chain = vec![leaf.der().clone(), middle.der().clone()];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone())?;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    Ok((Arc::new(server), Arc::new(client)))
}
