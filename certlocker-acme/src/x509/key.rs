//! Which signatures verify with which keys.

use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1,
    ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1,
    ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::jose::Algorithm;

/// The digest of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The scheme and digest of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Ecdsa(Hash),
    Ed25519,
    Pkcs1(Hash),
    Pss(Hash),
}

/// Why a signature cannot be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignatureRefusal {
    /// The algorithm is too weak or not known.
    Algorithm(String),
    /// It is not by this key over this content.
    Wrong,
}

impl Scheme {
    fn of(identifier: &AlgorithmIdentifier<'_>) -> Option<Self> {
        Some(match identifier.algorithm.to_id_string().as_str() {
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Hash::Sha512),
            "1.2.840.113549.1.1.11" => Self::Pkcs1(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::Pkcs1(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::Pkcs1(Hash::Sha512),
            "1.2.840.113549.1.1.10" => Self::Pss(pss_hash(identifier)?),
            "1.3.101.112" => Self::Ed25519,
            _ => return None,
        })
    }

    fn verification(self, key: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, key) {
            (Self::Ecdsa(Hash::Sha256), Algorithm::Es256) => &ECDSA_P256_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), Algorithm::Es256) => &ECDSA_P256_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha512), Algorithm::Es256) => &ECDSA_P256_SHA512_ASN1,
            (Self::Ecdsa(Hash::Sha256), Algorithm::Es384) => &ECDSA_P384_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), Algorithm::Es384) => &ECDSA_P384_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha512), Algorithm::Es384) => &ECDSA_P384_SHA512_ASN1,
            (Self::Ecdsa(Hash::Sha256), Algorithm::Es512) => &ECDSA_P521_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), Algorithm::Es512) => &ECDSA_P521_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha512), Algorithm::Es512) => &ECDSA_P521_SHA512_ASN1,
            (Self::Ed25519, Algorithm::EdDsa) => &signature::ED25519,
            (Self::Pkcs1(Hash::Sha256), Algorithm::Rs256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::Pkcs1(Hash::Sha384), Algorithm::Rs256) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::Pkcs1(Hash::Sha512), Algorithm::Rs256) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::Pss(Hash::Sha256), Algorithm::Rs256) => &signature::RSA_PSS_2048_8192_SHA256,
            (Self::Pss(Hash::Sha384), Algorithm::Rs256) => &signature::RSA_PSS_2048_8192_SHA384,
            (Self::Pss(Hash::Sha512), Algorithm::Rs256) => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }
}

/// A salt as long as the digest, as RFC 8017 section 9.1 names typical; others do not verify.
fn pss_hash(identifier: &AlgorithmIdentifier<'_>) -> Option<Hash> {
    let parameters = identifier.parameters.as_ref()?;
    let parameters =
        x509_parser::signature_algorithm::RsaSsaPssParams::try_from(parameters).ok()?;
    let oid = parameters.hash_algorithm_oid().to_id_string();
    match (oid.as_str(), parameters.salt_length()) {
        ("2.16.840.1.101.3.4.2.1", 32) => Some(Hash::Sha256),
        ("2.16.840.1.101.3.4.2.2", 48) => Some(Hash::Sha384),
        ("2.16.840.1.101.3.4.2.3", 64) => Some(Hash::Sha512),
        _ => None,
    }
}

/// Verifies a signature by the key in `spki`, which signs with `key` in JOSE's terms.
pub(super) fn verify(
    identifier: &AlgorithmIdentifier<'_>,
    key: Algorithm,
    spki: &SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureRefusal> {
    let refused = || SignatureRefusal::Algorithm(identifier.algorithm.to_id_string());
    let scheme = Scheme::of(identifier).ok_or_else(refused)?;
    let verification = scheme.verification(key).ok_or_else(refused)?;
    let public_key = UnparsedPublicKey::new(verification, &spki.subject_public_key.data);
    public_key
        .verify(message, signature)
        .map_err(|_| SignatureRefusal::Wrong)
}
