//! The signature algorithms that are accepted.

use super::Refusal;

/// A signature algorithm ([RFC 7518 section 3.1], [RFC 8037 section 3.1]).
///
/// [RFC 7518 section 3.1]: https://www.rfc-editor.org/rfc/rfc7518#section-3.1
/// [RFC 8037 section 3.1]: https://www.rfc-editor.org/rfc/rfc8037#section-3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// The names, as `badSignatureAlgorithm` lists them.
    pub const NAMES: &[&str] = &["ES256", "ES384", "ES512", "EdDSA", "RS256"];

    /// Its registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm with this name.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] for any other, `none` and MACs among them.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        let all = [
            Self::Es256,
            Self::Es384,
            Self::Es512,
            Self::EdDsa,
            Self::Rs256,
        ];
        all.into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(|| Refusal::algorithm(name))
    }

    /// How long a signature is; nothing where that depends on the key.
    pub(super) fn signature_octets(self) -> Option<usize> {
        match self {
            Self::Es256 | Self::EdDsa => Some(64),
            Self::Es384 => Some(96),
            Self::Es512 => Some(132),
            Self::Rs256 => None,
        }
    }
}
