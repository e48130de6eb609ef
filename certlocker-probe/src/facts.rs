//! What a certificate says of itself.

mod key;
mod read;

use certlocker_core::{Identifier, Serial, Timestamp};
use serde::Serialize;

use crate::Fingerprint;

pub use key::{Algorithm, Key, SignatureHash};

/// What a certificate says of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The common names of the subject, to be shown; no name is ever verified by them.
    pub common_names: Vec<String>,
    /// How many signed certificate timestamps are inside.
    pub embedded_timestamps: usize,
    /// Whether it is a certificate of an authority.
    pub is_authority: bool,
    /// The issuer, to be shown.
    pub issuer: String,
    /// The issuer's name in DER, by which certificates are put together.
    pub issuer_der: Vec<u8>,
    /// Its key.
    pub key: Key,
    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub key_sha256: Fingerprint,
    /// Whether it obliges its server to staple ([RFC 7633]).
    ///
    /// [RFC 7633]: https://www.rfc-editor.org/rfc/rfc7633
    pub must_staple: bool,
    /// What it names.
    pub names: Vec<Identifier>,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Where its state can be asked with OCSP.
    pub ocsp_urls: Vec<String>,
    /// Where lists of revoked certificates are.
    pub revocation_lists: Vec<String>,
    /// Its serial number.
    pub serial: Serial,
    /// The SHA-256 of the whole.
    pub sha256: Fingerprint,
    /// The hash inside its signature.
    pub signature_hash: SignatureHash,
    /// The subject, to be shown.
    pub subject: String,
    /// The subject's name in DER, by which certificates are put together.
    pub subject_der: Vec<u8>,
    /// Alternative names that no client accepts, with their fault: IDNs that are no A-labels, and the like.
    pub unusable_names: Vec<String>,
    /// The version of X.509, 1 to 3.
    pub version: u32,
}

/// Octets that are no certificate, as far as can be read here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("this is not an X.509 certificate: {0}")]
pub struct Unreadable(pub(crate) String);

impl Facts {
    /// Whether the issuer and the subject have the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der == self.subject_der
    }

    /// Whether it is within its time.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }
}
