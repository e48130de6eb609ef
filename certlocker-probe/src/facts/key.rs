//! Keys and signatures as far as their strength is concerned.

use std::fmt;

use serde::Serialize;
use x509_parser::oid_registry::Oid;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// The kind of key by which a client says, in `signature_algorithms`, which certificate it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA.
    Ecdsa,
    /// EdDSA.
    Eddsa,
    /// RSA, whatever the padding.
    Rsa,
}

/// The public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Key {
    /// On a curve of NIST.
    Ec {
        /// The size of the curve.
        bits: u32,
    },
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// Of another kind.
    Other {
        /// The algorithm, and the curve if it has one.
        oid: String,
    },
    /// RSA.
    Rsa {
        /// The size of the modulus.
        bits: u32,
    },
}

impl Key {
    pub(super) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        match dotted(&spki.algorithm.algorithm).as_str() {
            "1.2.840.113549.1.1.1" => match spki.parsed() {
                Ok(PublicKey::RSA(rsa)) => Self::Rsa {
                    bits: bits(rsa.modulus),
                },
                _ => Self::Rsa { bits: 0 },
            },
            "1.2.840.10045.2.1" => Self::on_curve(&spki.algorithm),
            "1.3.101.112" => Self::Ed25519,
            "1.3.101.113" => Self::Ed448,
            other => Self::Other {
                oid: other.to_owned(),
            },
        }
    }

    fn on_curve(algorithm: &AlgorithmIdentifier<'_>) -> Self {
        let curve = algorithm
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.as_oid().ok());
        match curve.as_ref().map(dotted).as_deref() {
            Some("1.2.840.10045.3.1.7") => Self::Ec { bits: 256 },
            Some("1.3.132.0.34") => Self::Ec { bits: 384 },
            Some("1.3.132.0.35") => Self::Ec { bits: 521 },
            Some(other) => Self::Other {
                oid: other.to_owned(),
            },
            None => Self::Other {
                oid: "1.2.840.10045.2.1 without a named curve".to_owned(),
            },
        }
    }

    /// Which certificates it is served among; `None` for what no TLS signature fits.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Ec { .. } => Some(Algorithm::Ecdsa),
            Self::Ed25519 | Self::Ed448 => Some(Algorithm::Eddsa),
            Self::Rsa { .. } => Some(Algorithm::Rsa),
            Self::Other { .. } => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec { bits } => write!(f, "P-{bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed448 => f.write_str("Ed448"),
            Self::Other { oid } => write!(f, "a key of kind {oid}"),
            Self::Rsa { bits } => write!(f, "RSA of {bits} bits"),
        }
    }
}

fn bits(modulus: &[u8]) -> u32 {
    let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
    let significant = &modulus[zeros..];
    let first = significant.first().map_or(8, |octet| octet.leading_zeros());
    u32::try_from(significant.len() * 8)
        .unwrap_or(u32::MAX)
        .saturating_sub(first)
}

/// The hash inside a signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignatureHash {
    /// One that can be made to collide: MD2, MD4 or MD5.
    Md,
    /// Of another kind, by its object identifier.
    Other(String),
    /// SHA-1, which can be made to collide.
    Sha1,
    /// One of SHA-2, or what EdDSA has inside.
    Strong,
}

impl SignatureHash {
    pub(super) fn read(algorithm: &AlgorithmIdentifier<'_>) -> Self {
        match dotted(&algorithm.algorithm).as_str() {
            "1.2.840.113549.1.1.2" | "1.2.840.113549.1.1.3" | "1.2.840.113549.1.1.4" => Self::Md,
            "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Self::Sha1,
            "1.2.840.113549.1.1.10" => Self::of_pss(algorithm),
            "1.2.840.113549.1.1.11"
            | "1.2.840.113549.1.1.12"
            | "1.2.840.113549.1.1.13"
            | "1.2.840.113549.1.1.14"
            | "1.2.840.10045.4.3.1"
            | "1.2.840.10045.4.3.2"
            | "1.2.840.10045.4.3.3"
            | "1.2.840.10045.4.3.4"
            | "1.3.101.112"
            | "1.3.101.113" => Self::Strong,
            other => Self::Other(other.to_owned()),
        }
    }

    /// RSASSA-PSS has its hash in its parameters, and SHA-1 where there are none (RFC 4055 section 3.1).
    fn of_pss(algorithm: &AlgorithmIdentifier<'_>) -> Self {
        use x509_parser::signature_algorithm::RsaSsaPssParams;
        let parameters = algorithm
            .parameters
            .as_ref()
            .and_then(|any| RsaSsaPssParams::try_from(any).ok());
        let hash = parameters.and_then(|parameters| {
            parameters
                .hash_algorithm()
                .map(|hash| dotted(&hash.algorithm))
        });
        match hash.as_deref() {
            Some(
                "2.16.840.1.101.3.4.2.1" | "2.16.840.1.101.3.4.2.2" | "2.16.840.1.101.3.4.2.3",
            ) => Self::Strong,
            None | Some("1.3.14.3.2.26") => Self::Sha1,
            Some(other) => Self::Other(other.to_owned()),
        }
    }
}

/// An object identifier is at most as long as the certificate; it is cut before it is shown.
fn dotted(oid: &Oid<'_>) -> String {
    crate::excerpt::text(&oid.to_id_string())
}
