//! What looks at challenges.

use async_trait::async_trait;
use certlocker_core::{Attempt, Identifier, Method, Timestamp};

/// Looks at a challenge once and tells what it found.
///
/// An attempt ends by itself within a bounded time, whatever the other side does; when it is
/// repeated is not its concern.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Makes one attempt.
    async fn attempt(&self, challenge: &Armed) -> Attempt;
}

/// A challenge whose answer the client says is in place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built by the gateway for every validator"
)]
pub struct Armed {
    /// What is to be proven, without `*.`.
    pub identifier: Identifier,
    /// The token and the thumbprint of the account's key
    /// ([RFC 8555 section 8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1)).
    pub key_authorization: String,
    /// The challenge type.
    pub method: Method,
    /// The time now.
    pub started: Timestamp,
    /// The token.
    pub token: String,
}
