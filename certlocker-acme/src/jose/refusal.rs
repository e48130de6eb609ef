//! Why a signed request is not accepted.

use crate::problem::{Problem, ProblemType, json_error};

use super::Algorithm;

/// Why a JWS or a key is not accepted. Display is a sentence that may be sent to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The signature algorithm is not accepted.
    #[error("the signature algorithm `{0}` is not accepted here; {accepted} are", accepted = Algorithm::NAMES.join(", "))]
    Algorithm(String),
    /// The key cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(String),
    /// The request does not read.
    #[error("the signed request does not read: {0}")]
    Malformed(String),
    /// The signature or MAC is not one by this key over this content.
    #[error("the signature does not verify with this key")]
    Signature,
}

impl Refusal {
    pub(super) fn algorithm(name: &str) -> Self {
        Self::Algorithm(printable(name))
    }

    pub(super) fn key(why: impl Into<String>) -> Self {
        Self::Key(why.into())
    }

    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }

    pub(super) fn json(what: &str, error: &serde_json::Error) -> Self {
        Self::Malformed(format!("{what}: {}", json_error(error)))
    }
}

/// What a client sent, cut short and without control characters.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .take(60)
        .flat_map(char::escape_default)
        .collect()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::Algorithm(_) => ProblemType::BadSignatureAlgorithm,
            Refusal::Key(_) => ProblemType::BadPublicKey,
            Refusal::Malformed(_) | Refusal::Signature => ProblemType::Malformed,
        };
        Self::new(kind, refusal.to_string())
    }
}
