//! Looking whether a client controls an identifier, as the engine asks for it.

use async_trait::async_trait;
use certlocker_core::{Attempt, Identifier, Method, Timestamp};

/// Looks for the proof that a challenge asks for.
///
/// An attempt ends by itself, within a time that the implementation bounds, and never fails
/// otherwise than by its outcome: trouble on our own side is
/// [`Outcome::NoAnswer`](certlocker_core::Outcome::NoAnswer) of the kind
/// [`ServerInternal`](certlocker_core::FailureKind::ServerInternal). Attempts run beside each
/// other, also for one challenge, and dropping the future gives an attempt up. What comes back is
/// stored in the record and shown to operators, so it must hold nothing secret.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Looks once, without a retry.
    async fn attempt(&self, challenge: &Armed) -> Attempt;
}

/// A challenge whose answer its client says is in place ([RFC 8555 section 7.5.1]).
///
/// [RFC 8555 section 7.5.1]: https://www.rfc-editor.org/rfc/rfc8555#section-7.5.1
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built by every caller of a validator"
)]
pub struct Armed {
    /// What is to be proven; a wildcard stands for the name below it.
    pub identifier: Identifier,
    /// The token, a dot, and the thumbprint of the account key ([RFC 8555 section 8.1]).
    ///
    /// [RFC 8555 section 8.1]: https://www.rfc-editor.org/rfc/rfc8555#section-8.1
    pub key_authorization: String,
    /// Where to look for the proof.
    pub method: Method,
    /// When this attempt begins.
    pub started: Timestamp,
    /// The token of the challenge, in base64url.
    pub token: String,
}
