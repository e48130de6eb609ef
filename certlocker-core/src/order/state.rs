//! The states of an order, and what each knows.

use serde::{Deserialize, Serialize};

use super::CertificateRequest;
use crate::{CertificateId, Failure, FailureKind, Identifier, Method, Timestamp};

/// How far an order came ([RFC 8555 section 7.1.6]).
///
/// [RFC 8555 section 7.1.6]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "the states of the RFC")]
pub enum State {
    /// Some authorization is not valid yet.
    Pending,
    /// Every authorization is valid; a certificate request may come.
    Ready(Ready),
    /// The issuer is at work.
    Processing(Processing),
    /// The certificate is there.
    Valid(Valid),
    /// It ended without one.
    Invalid(Invalid),
}

/// What a ready order knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ready {
    /// Since when.
    pub since: Timestamp,
}

/// What an order knows while the issuer is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Processing {
    /// How often the issuer was asked in vain.
    pub attempts: u32,
    /// When it is asked next.
    pub due: Timestamp,
    /// Why it was in vain the last time.
    pub last_error: Option<Failure>,
    /// What is to be signed.
    pub request: CertificateRequest,
    /// Since when.
    pub since: Timestamp,
}

/// What an order knows once its certificate is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Valid {
    /// The certificate.
    pub certificate: CertificateId,
    /// When the client fetched it for the first time.
    pub downloaded: Option<Timestamp>,
    /// Since when.
    pub since: Timestamp,
}

/// What an order knows once it ended without a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invalid {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why an order ended without a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Its account was closed.
    AccountDeactivated,
    /// Its holder gave back an authorization.
    AuthorizationDeactivated(Identifier),
    /// Challenges were failed.
    Challenges(Vec<FailedChallenge>),
    /// Its time was up.
    Expired,
    /// The issuer refused, or its scope no longer allowed it.
    Issuance(Failure),
}

/// A failed challenge, as a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedChallenge {
    /// Why.
    pub failure: Failure,
    /// What was to be proven.
    pub identifier: Identifier,
    /// How.
    pub method: Method,
}

impl Reason {
    /// The reason as one failure.
    pub fn failure(&self) -> Failure {
        match self {
            Self::AccountDeactivated => {
                Failure::new(FailureKind::Unauthorized, "the account was deactivated")
            }
            Self::AuthorizationDeactivated(identifier) => Failure::new(
                FailureKind::Unauthorized,
                format!("the authorization for {identifier} was deactivated by the account"),
            ),
            Self::Challenges(failed) => combined(failed),
            Self::Expired => Failure::new(
                FailureKind::Unauthorized,
                "the order expired before it was finalized",
            ),
            Self::Issuance(failure) => failure.clone(),
        }
    }
}

fn combined(failed: &[FailedChallenge]) -> Failure {
    let sentence = |one: &FailedChallenge| {
        format!(
            "{} for {}: {}",
            one.method, one.identifier, one.failure.detail
        )
    };
    match failed {
        [one] => Failure {
            detail: sentence(one),
            ..one.failure.clone()
        },
        several => {
            let kind = several
                .first()
                .map_or(FailureKind::ServerInternal, |one| one.failure.kind);
            Failure::new(
                kind,
                several.iter().map(sentence).collect::<Vec<_>>().join("; "),
            )
        }
    }
}

/// The status of an order, without what each state knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the states of the RFC")]
#[expect(missing_docs, reason = "the words of RFC 8555 section 7.1.6")]
pub enum OrderStatus {
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

impl OrderStatus {
    /// Every status, in the order in which an order passes them.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Ready,
        Self::Processing,
        Self::Valid,
        Self::Invalid,
    ];

    /// The RFC's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}
