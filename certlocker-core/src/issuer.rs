//! What turns a finalized order into a chain.

use std::time::Duration;

use async_trait::async_trait;

use crate::{CertificateRequest, Chain, Description, Failure, Order, Timestamp};

/// Turns finalized orders into certificate chains: a CA of our own, an outside one, a stored chain.
///
/// An order may be brought more than once, when the process that brought it before died: the id of
/// the order is the idempotency key, and an issuer with memory answers with the same chain.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// Signs `request` for `order`, which was checked against it and is in state processing.
    ///
    /// # Errors
    /// [`IssueFailure`], by whether asking again can help.
    async fn issue(
        &self,
        order: &Order,
        request: &CertificateRequest,
        now: Timestamp,
    ) -> Result<Issued, IssueFailure>;

    /// Whether asking leaves traces elsewhere, at another authority or a signer with a memory. If
    /// so, an order is committed as processing before the issuer is asked, so that it is asked for
    /// the same order again after a crash; if not, the request, the certificate and the valid order
    /// are one commit.
    fn is_remote(&self) -> bool;
}

/// A chain and what its leaf says.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by every issuer")]
pub struct Issued {
    /// The chain.
    pub chain: Chain,
    /// What the leaf says.
    pub description: Description,
}

/// Why there is no chain.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "for good, or for now")]
pub enum IssueFailure {
    /// The issuer will not sign this.
    Refused(Failure),
    /// The issuer gave no answer; it is asked again.
    NoAnswer {
        /// What was seen.
        failure: Failure,
        /// When it wants to be asked again, if it said so.
        retry_after: Option<Duration>,
    },
}
