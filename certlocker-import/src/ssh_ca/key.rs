//! The authority's key, and certificates signed with it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use certlocker_core::{IssuedSshCertificate, Secret, SshKey, Subject, Timestamp};
use signature::Signer;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, Mpint, PublicKey, Signature};

use super::lint::Lint;

/// The algorithm of an authority's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA on P-256, for hosts that may use nothing else.
    EcdsaP256,
    /// Ed25519.
    #[default]
    Ed25519,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshCaKeyError {
    /// No key could be made.
    #[error("the system gives no randomness for a key")]
    Generate,
    /// What was kept is not the key of the authority.
    #[error("what was sealed is not the private key of this authority")]
    Read,
    /// It did not sign, or what it signed is not right.
    #[error("no certificate could be signed")]
    Sign(#[source] ssh_key::Error),
}

/// The private key of an authority, held by aws-lc-rs.
pub(super) struct CaKey {
    pair: Pair,
    public: KeyData,
}

enum Pair {
    EcdsaP256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl CaKey {
    /// A new key in PKCS #8, and its public key.
    pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<(Secret, SshKey), SshCaKeyError> {
        let (rng, refused) = (SystemRandom::new(), |_| SshCaKeyError::Generate);
        let pkcs8 = match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8(&rng),
        };
        let secret = Secret::new(pkcs8.map_err(refused)?.as_ref().to_vec());
        let pair = Pair::read(&secret, algorithm)?;
        let public = PublicKey::from(pair.public()?);
        let blob = public.to_bytes().map_err(SshCaKeyError::Sign)?;
        let public = SshKey::from_blob(blob).map_err(|_| SshCaKeyError::Read)?;
        Ok((secret, public))
    }

    /// The key of the authority with this public key.
    pub(super) fn read(secret: &Secret, public: &SshKey) -> Result<Self, SshCaKeyError> {
        let algorithm = match public.algorithm() {
            "ssh-ed25519" => KeyAlgorithm::Ed25519,
            _ => KeyAlgorithm::EcdsaP256,
        };
        let pair = Pair::read(secret, algorithm)?;
        let own = pair.public()?;
        let blob = PublicKey::from(own.clone()).to_bytes();
        if blob.is_ok_and(|blob| blob == public.blob()) {
            return Ok(Self { pair, public: own });
        }
        Err(SshCaKeyError::Read)
    }

    /// A certificate for `key`, as the line of a file. What is signed is checked by another
    /// implementation before it is given away.
    pub(super) fn sign(
        &self,
        key: &SshKey,
        certificate: &IssuedSshCertificate,
        serial: u64,
        nonce: &[u8],
    ) -> Result<String, SshCaKeyError> {
        let signed = self.signed(key, certificate, serial, nonce);
        signed.map_err(SshCaKeyError::Sign)
    }

    fn signed(
        &self,
        key: &SshKey,
        certificate: &IssuedSshCertificate,
        serial: u64,
        nonce: &[u8],
    ) -> ssh_key::Result<String> {
        let key = PublicKey::from_bytes(key.blob())?;
        let seconds = |at: Timestamp| u64::try_from(at.as_seconds()).unwrap_or(0);
        let begin = seconds(certificate.valid_after);
        let mut builder = Builder::new(nonce, key, begin, seconds(certificate.valid_before))?;
        builder
            .serial(serial)?
            .cert_type(CertType::User)?
            .key_id(Subject::SshCertificate(certificate.id).to_string())?;
        for principal in &certificate.principals {
            builder.valid_principal(principal)?;
        }
        if let Some(command) = &certificate.force_command {
            builder.critical_option("force-command", command)?;
        }
        let addresses = certificate.source_addresses.iter().map(ToString::to_string);
        let addresses: Vec<String> = addresses.collect();
        if !addresses.is_empty() {
            builder.critical_option("source-address", addresses.join(","))?;
        }
        for extension in &certificate.extensions {
            builder.extension(extension, "")?;
        }
        let signed = builder.sign(self)?;
        signed.validate_at(begin, &[self.public.fingerprint(HashAlg::Sha256)])?;
        signed.to_openssh()
    }
}

impl Pair {
    fn read(secret: &Secret, algorithm: KeyAlgorithm) -> Result<Self, SshCaKeyError> {
        let pkcs8 = secret.expose();
        let pair = match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map(Self::EcdsaP256)
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::Ed25519),
        };
        pair.map_err(|_| SshCaKeyError::Read)
    }

    fn public(&self) -> Result<KeyData, SshCaKeyError> {
        let public = match self {
            Self::EcdsaP256(pair) => {
                EcdsaPublicKey::from_sec1_bytes(pair.public_key().as_ref()).map(KeyData::Ecdsa)
            }
            Self::Ed25519(pair) => {
                Ed25519PublicKey::try_from(pair.public_key().as_ref()).map(KeyData::Ed25519)
            }
        };
        public.map_err(SshCaKeyError::Sign)
    }

    fn sign(&self, message: &[u8]) -> ssh_key::Result<Signature> {
        match self {
            Self::EcdsaP256(pair) => {
                let signed = pair.sign(&SystemRandom::new(), message);
                let signed = signed.map_err(|_| ssh_key::Error::Crypto)?;
                let (r, s) = signed.as_ref().split_at(signed.as_ref().len() / 2);
                let algorithm = Algorithm::Ecdsa {
                    curve: EcdsaCurve::NistP256,
                };
                Signature::new(algorithm, [mpint(r)?, mpint(s)?].concat())
            }
            Self::Ed25519(pair) => Signature::new(Algorithm::Ed25519, pair.sign(message).as_ref()),
        }
    }
}

/// A number as [RFC 4251 section 5](https://www.rfc-editor.org/rfc/rfc4251#section-5) writes it.
fn mpint(number: &[u8]) -> ssh_key::Result<Vec<u8>> {
    let number = Mpint::from_positive_bytes(number)?;
    let length = u32::try_from(number.as_bytes().len()).map_err(|_| ssh_key::Error::Crypto)?;
    Ok([&length.to_be_bytes(), number.as_bytes()].concat())
}

impl Signer<Signature> for CaKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        self.pair.sign(message).map_err(|_| signature::Error::new())
    }
}

impl From<&CaKey> for KeyData {
    fn from(key: &CaKey) -> Self {
        key.public.clone()
    }
}

/// RSA keys have so many bits at least.
const RSA_BITS: usize = 2_048;

/// Whether a key can have a certificate.
pub(super) fn check(key: &SshKey) -> Result<(), Lint> {
    let read = PublicKey::from_bytes(key.blob()).map_err(|_| Lint::Key("it does not read"))?;
    match read.key_data() {
        KeyData::Dsa(_) => Err(Lint::Key("DSA is not accepted any more")),
        KeyData::Rsa(rsa) => {
            let modulus = rsa.n.as_positive_bytes().unwrap_or_default();
            let zeros = modulus.first().map_or(0, |first| first.leading_zeros());
            let bits = (modulus.len() * 8).saturating_sub(zeros as usize);
            match bits < RSA_BITS {
                true => Err(Lint::Key("RSA with less than 2048 bits")),
                false => Ok(()),
            }
        }
        KeyData::Other(_) => Err(Lint::Key("its kind is not known")),
        _ => Ok(()),
    }
}
