//! Revocation lists: signed by whoever holds the authority's key, kept until they change.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use certlocker_core::{Der, IssueFailure, Revocation, Serial, Timestamp};

/// Signs certificate revocation lists ([RFC 5280 section 5](https://www.rfc-editor.org/rfc/rfc5280#section-5)).
#[async_trait]
pub trait RevocationLists: Send + Sync {
    /// Signs a list of all these certificates.
    ///
    /// # Errors
    /// [`IssueFailure`] when the authority cannot sign.
    async fn sign(&self, list: RevocationList) -> Result<Der, IssueFailure>;
}

/// What a revocation list says.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built by the gateway for every authority"
)]
pub struct RevocationList {
    /// The revoked certificates.
    pub entries: Vec<(Serial, Revocation)>,
    /// Until when it is current.
    pub next_update: Timestamp,
    /// Its number, larger than that of every list before.
    pub number: u64,
    /// From when it is current.
    pub this_update: Timestamp,
}

/// The list that was signed last, until something is revoked or it grows old.
#[derive(Debug, Default)]
pub(crate) struct LatestList(Mutex<Option<(Timestamp, Der)>>);

impl LatestList {
    /// How long a list is served before a new one is signed: other nodes revoke too.
    const FRESH: Duration = Duration::from_secs(60);

    pub(crate) fn fresh(&self, now: Timestamp) -> Option<Der> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (signed, list) = latest.as_ref()?;
        (now.since(*signed) < Self::FRESH).then(|| list.clone())
    }

    pub(crate) fn keep(&self, signed: Timestamp, list: Der) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((signed, list));
    }

    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
