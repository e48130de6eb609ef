//! Nonces that were spent, where several processes honour each other's.

use async_trait::async_trait;

use super::StoreError;
use crate::Timestamp;

/// Remembers which nonces were spent.
///
/// These rows are operational: they carry no record, and need not survive a crash. A store that
/// forgets them begins a new epoch, and what was issued in an earlier one is refused, so that
/// nothing is spent twice.
#[async_trait]
pub trait SpentNonces: Send + Sync {
    /// The epoch in which nonces are spent now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn nonce_epoch(&self) -> Result<u64, StoreError>;

    /// Spends a nonce; false if it was spent before, by whatever process, or its epoch is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; it may be spent then.
    async fn spend_nonce(&self, nonce: &SpentNonce) -> Result<bool, StoreError>;

    /// Forgets those that nobody accepts any more since before `before`, up to `limit`; the answer
    /// is how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn forget_nonces(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// A nonce, as far as it matters to spend it once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever issues nonces")]
pub struct SpentNonce {
    /// The epoch in which it was issued.
    pub epoch: u64,
    /// What tells it from all others.
    pub number: [u8; 16],
    /// When it is not accepted any more.
    pub until: Timestamp,
}
