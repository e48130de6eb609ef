//! Why a sign-in at an issuer does not get to its end.

use certlocker_core::{InvalidOrigin, StoreError};
use openidconnect::{ClaimsVerificationError, SignatureVerificationError};

/// Why a sign-in at an issuer does not get to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// Not by us, or too long ago, or in another browser.
    #[error("no sign-in was begun in this browser, or it was too long ago")]
    NotBegun,
    #[error("the issuer's answer belongs to another sign-in")]
    State,
    #[error("the issuer's answer was used before")]
    Replayed,
    #[error("another issuer answered than the one that was asked")]
    Issuer,
    #[error("the issuer says {0}")]
    Denied(String),
    #[error("the issuer cannot be asked now: {0}")]
    Unreachable(String),
    #[error("the issuer did not take the code: {0}")]
    Code(String),
    #[error("the issuer's answer has no ID token")]
    NoToken,
    #[error("the issuer's ID token does not count: {0}")]
    Token(ClaimsVerificationError),
    #[error("the issuer's access token belongs to another ID token")]
    AccessToken,
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// What the browser keeps cannot be sealed.
    #[error("what the browser keeps cannot be sealed")]
    Seal,
    #[error("it cannot be looked up now whether the answer was used before")]
    Store(#[from] StoreError),
}

/// As much is shown of what an issuer says, and only if it is printable.
const SHOWN: usize = 80;

impl OidcError {
    /// An error that the issuer sent a browser back with.
    pub(super) fn denied(error: Option<&str>) -> Self {
        Self::Denied(printable(error.unwrap_or("nothing")))
    }

    /// A word for records, which does not change.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::NotBegun => "oidc_not_begun",
            Self::State => "oidc_state",
            Self::Replayed => "oidc_replayed",
            Self::Issuer => "oidc_issuer",
            Self::Denied(_) => "oidc_denied",
            Self::Unreachable(_) => "oidc_unreachable",
            Self::Code(_) => "oidc_code",
            Self::NoToken => "oidc_no_token",
            Self::Token(error) => word(error),
            Self::AccessToken => "oidc_access_token",
            Self::Origin(_) => "oidc_subject",
            Self::Seal => "oidc_seal",
            Self::Store(_) => "unavailable",
        }
    }

    /// Whether the issuer may have changed its keys since it was asked for them.
    pub(super) fn is_unknown_key(&self) -> bool {
        matches!(
            self,
            Self::Token(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
            ))
        )
    }
}

fn word(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "oidc_expired",
        ClaimsVerificationError::InvalidAudience(_) => "oidc_audience",
        ClaimsVerificationError::InvalidIssuer(_) => "oidc_issuer",
        ClaimsVerificationError::InvalidNonce(_) => "oidc_nonce",
        ClaimsVerificationError::SignatureVerification(_) => "oidc_signature",
        _ => "oidc_token",
    }
}

/// What somebody else said, made printable and cut short.
pub(super) fn printable(said: &str) -> String {
    let printable = said.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    printable.take(SHOWN).collect()
}
