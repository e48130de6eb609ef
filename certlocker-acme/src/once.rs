//! What one of many processes makes, and the others find.

use std::time::Duration;

use certlocker_core::{Kind, Lease, Store, StoreError, Timestamp};
use tokio::time::Instant;

/// The turn to make something that is not there yet.
///
/// Whoever has the turn looks once more before it makes the thing: somebody else may have made it
/// between the look and the turn.
pub(crate) struct Turn {
    held: Option<Lease>,
    key: &'static str,
    kind: Kind,
    now: Timestamp,
    started: Instant,
}

/// Longer than it takes to make a key and write it.
const LEASE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

impl Turn {
    pub(crate) fn new(kind: Kind, key: &'static str, now: Timestamp) -> Self {
        Self {
            held: None,
            key,
            kind,
            now,
            started: Instant::now(),
        }
    }

    /// The lease once it was held during a look; until then nothing, after a short pause where
    /// somebody else has it.
    pub(crate) async fn come(&mut self, store: &dyn Store) -> Result<Option<Lease>, StoreError> {
        if let Some(lease) = self.held.take() {
            return Ok(Some(lease));
        }
        let now = self.now.after(self.started.elapsed());
        let until = now.after(LEASE);
        self.held = store.claim(self.kind, self.key, now, until).await?;
        if self.held.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    pub(crate) async fn give_up(self, store: &dyn Store) -> Result<(), StoreError> {
        match self.held {
            Some(lease) => store.release(&lease).await,
            None => Ok(()),
        }
    }
}
