//! An issuer with a root and an intermediate of its own.

mod keep;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use certlocker_core::{
    CertificateRequest, Chain, Der, Description, Failure, FailureKind, Identifier, IssueFailure,
    Issued, Issuer, Order, Secret, Serial, Timestamp,
};

use crate::crl::{RevocationList, RevocationLists};
use crate::gateway::{pem_block, random};
use crate::jose::Algorithm;
use crate::x509::{
    Authority, Csr, Leaf, LeafKeyUsage, LeafProfile, authority_certificate, leaf_certificate,
    revocation_list,
};

pub use keep::LocalCaError;

/// A certificate authority of our own: a root, whose key is used only to sign intermediates, and
/// the intermediate that signs certificates and revocation lists.
#[derive(Clone, Debug)]
pub struct LocalCa(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    intermediate: Authority,
    intermediate_der: Der,
    intermediate_end: Timestamp,
    root_der: Der,
    settings: LocalCaSettings,
}

/// How the local authority signs.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the embedder"
)]
pub struct LocalCaSettings {
    /// The organization in the names of the root and the intermediate.
    pub organization: String,
    /// Where relying parties find the revocation list.
    pub revocation_list: Option<String>,
    /// How long a certificate is valid when the order does not say.
    pub validity: Duration,
}

/// How far before the present a certificate is valid, for clocks that are slow.
const BACKDATE: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const ROOT_VALIDITY: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
const INTERMEDIATE_VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// RFC 5280 section 4.1.2.2 allows 20 octets; the first bit stays zero.
const SERIAL_OCTETS: usize = 16;

/// A new authority and its key, to be sealed.
struct Made {
    authority: Authority,
    der: Vec<u8>,
    key: Secret,
}

impl LocalCa {
    /// The root, which relying parties trust.
    pub fn root(&self) -> &Der {
        &self.0.root_der
    }

    /// How long a certificate is valid when the order does not say.
    pub fn validity(&self) -> Duration {
        self.0.settings.validity
    }

    /// The root in PEM.
    pub fn root_pem(&self) -> String {
        pem_block("CERTIFICATE", &self.0.root_der.0)
    }

    /// A certificate for a server of our own, with a new key in PKCS #8.
    ///
    /// # Errors
    /// [`LocalCaError::Sign`].
    pub fn server_identity(
        &self,
        names: &[Identifier],
        now: Timestamp,
    ) -> Result<(Chain, Secret), LocalCaError> {
        let key = new_key()?;
        let spki = p256_key(&key)?;
        let csr = Spki {
            spki: &spki.spki,
            public_key: &spki.public_key,
            algorithm: Algorithm::Es256,
        };
        let leaf = self.leaf(names, &csr, [None, None], now)?;
        Ok((self.chain(leaf), key))
    }

    fn chain(&self, leaf: Vec<u8>) -> Chain {
        Chain {
            leaf: Der(leaf),
            intermediates: vec![self.0.intermediate_der.clone()],
        }
    }

    fn leaf(
        &self,
        identifiers: &[Identifier],
        key: &Spki<'_>,
        [not_before, not_after]: [Option<Timestamp>; 2],
        now: Timestamp,
    ) -> Result<Vec<u8>, LocalCaError> {
        let begin = not_before.unwrap_or_else(|| now.before(BACKDATE).whole_seconds());
        let end = not_after.unwrap_or_else(|| {
            let start = not_before.unwrap_or(now);
            start
                .after(self.0.settings.validity)
                .whole_seconds()
                .min(self.0.intermediate_end)
        });
        let key_usage = match key.algorithm {
            Algorithm::Rs256 => LeafKeyUsage::SignatureAndEncipherment,
            _ => LeafKeyUsage::Signature,
        };
        let profile = LeafProfile {
            identifiers,
            not_after: end,
            not_before: begin,
            revocation_list: self.0.settings.revocation_list.as_deref(),
            serial: &new_serial(),
            spki: key.spki,
            public_key: key.public_key,
            key_usage,
        };
        leaf_certificate(&self.0.intermediate, &profile).map_err(|_| LocalCaError::Sign)
    }

    /// Signs a checked request for these identifiers.
    ///
    /// # Errors
    /// [`IssueFailure::Refused`] for a request that does not read or dates that cannot be met.
    fn sign(
        &self,
        order: &Order,
        request: &CertificateRequest,
        now: Timestamp,
    ) -> Result<Issued, IssueFailure> {
        let refused =
            |detail: String| IssueFailure::Refused(Failure::new(FailureKind::BadCsr, detail));
        let csr =
            Csr::parse_verified(&request.der.0).map_err(|refusal| refused(refusal.to_string()))?;
        if let Some(end) = order
            .not_after()
            .filter(|end| *end > self.0.intermediate_end)
        {
            return Err(refused(format!(
                "notAfter {end} is later than the end of the issuing authority, {}",
                self.0.intermediate_end
            )));
        }
        let key = Spki {
            spki: csr.spki_der(),
            public_key: csr.public_key(),
            algorithm: csr.key().algorithm(),
        };
        let dates = [order.not_before(), order.not_after()];
        let leaf = self
            .leaf(order.identifiers(), &key, dates, now)
            .map_err(|error| unavailable(&error))?;
        let description = described(&leaf).map_err(|error| unavailable(&error))?;
        Ok(Issued {
            chain: self.chain(leaf),
            description,
        })
    }
}

fn unavailable(error: &LocalCaError) -> IssueFailure {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the local authority cannot sign"
    );
    let failure = Failure::new(
        FailureKind::ServerInternal,
        "the issuing authority cannot sign now",
    );
    IssueFailure::NoAnswer {
        failure,
        retry_after: None,
    }
}

fn described(leaf: &[u8]) -> Result<Description, LocalCaError> {
    Leaf::parse(leaf)
        .map(|leaf| leaf.description().clone())
        .map_err(|_| LocalCaError::Sign)
}

#[async_trait]
impl Issuer for LocalCa {
    async fn issue(
        &self,
        order: &Order,
        request: &CertificateRequest,
        now: Timestamp,
    ) -> Result<Issued, IssueFailure> {
        self.sign(order, request, now)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

#[async_trait]
impl RevocationLists for LocalCa {
    async fn sign(&self, list: RevocationList) -> Result<Der, IssueFailure> {
        let dates = [list.this_update, list.next_update];
        let signed = revocation_list(&self.0.intermediate, list.number, dates, &list.entries);
        signed
            .map(Der)
            .map_err(|_| unavailable(&LocalCaError::Sign))
    }
}

/// A public key as a certificate carries it.
struct Spki<'a> {
    spki: &'a [u8],
    public_key: &'a [u8],
    algorithm: Algorithm,
}

struct OwnedSpki {
    spki: Vec<u8>,
    public_key: Vec<u8>,
}

fn p256_key(pkcs8: &Secret) -> Result<OwnedSpki, LocalCaError> {
    use aws_lc_rs::signature::KeyPair;
    let pair = pair(pkcs8)?;
    Ok(OwnedSpki {
        spki: crate::x509::p256_spki(&pair),
        public_key: pair.public_key().as_ref().to_vec(),
    })
}

fn new_key() -> Result<Secret, LocalCaError> {
    let rng = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng)
        .map_err(|_| LocalCaError::Sign)?;
    Ok(Secret::new(pkcs8.as_ref().to_vec()))
}

fn pair(pkcs8: &Secret) -> Result<EcdsaKeyPair, LocalCaError> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.expose())
        .map_err(|_| LocalCaError::Key)
}

/// 127 random bits: the first bit set to 0 keeps the integer positive and its length constant.
fn new_serial() -> Serial {
    let mut octets = [0; SERIAL_OCTETS];
    random(&mut octets);
    octets[0] = octets[0] & 0x7f | 0x40;
    Serial::from_octets(&octets)
}

fn make_root(settings: &LocalCaSettings, now: Timestamp) -> Result<Made, LocalCaError> {
    make(
        settings,
        "Root CA",
        None,
        [now.before(DAY), now.after(ROOT_VALIDITY)],
    )
}

fn make_intermediate(
    settings: &LocalCaSettings,
    root: &Authority,
    now: Timestamp,
) -> Result<Made, LocalCaError> {
    make(
        settings,
        "Issuing CA",
        Some(root),
        [now.before(DAY), now.after(INTERMEDIATE_VALIDITY)],
    )
}

/// The name ends in a few random characters, so that two authorities are never mixed up.
fn make(
    settings: &LocalCaSettings,
    kind: &str,
    issuer: Option<&Authority>,
    dates: [Timestamp; 2],
) -> Result<Made, LocalCaError> {
    let mut tag = [0; 3];
    random(&mut tag);
    let tag: String = tag.iter().map(|octet| format!("{octet:02X}")).collect();
    let key = new_key()?;
    let authority = Authority::new(
        &settings.organization,
        &format!("{} {kind} {tag}", settings.organization),
        pair(&key)?,
    );
    let dates = dates.map(Timestamp::whole_seconds);
    let der = authority_certificate(&authority, issuer, &new_serial(), dates)
        .map_err(|_| LocalCaError::Sign)?;
    Ok(Made {
        authority,
        der,
        key,
    })
}
