//! What one of many processes makes, and the others find.

use std::time::Duration;

use certlocker_core::{
    Actor, Attribution, Changeset, Component, Kind, Lease, Page, Secret, SecretError,
    SecretPurpose, SecretStore, Store, StoreError, Timestamp, Trigger,
};
use tokio::time::Instant;

use crate::gateway::random;

/// Why a key that processes share cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedKeyError {
    /// It cannot be sealed or opened.
    #[error("the key cannot be sealed or opened")]
    Secret(#[from] SecretError),
    /// The store failed.
    #[error("the key cannot be read from or written to the store")]
    Store(#[from] StoreError),
}

/// How long a shared key is, in bytes.
const KEY: usize = 32;

/// The random key for `purpose` that all processes with this store have; made and sealed first if
/// there is none. That it is opened is recorded.
///
/// # Errors
/// [`SharedKeyError`].
pub async fn shared_key(
    store: &dyn Store,
    secrets: &dyn SecretStore,
    purpose: SecretPurpose,
    now: Timestamp,
) -> Result<Secret, SharedKeyError> {
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let mut turn = Turn::new(Kind::Secret, purpose.as_str(), now);
    loop {
        let found = store.sealed_for(purpose, Page::newest(1)).await?;
        if let Some(sealed) = found.first() {
            turn.give_up(store).await?;
            return Ok(secrets.open(sealed.value.id(), purpose, &by, now).await?);
        }
        if let Some(lease) = turn.come(store).await? {
            let mut key = vec![0; KEY];
            random(&mut key);
            let key = Secret::new(key);
            let sealed = secrets.seal(&key, purpose, &mut random, now).await?;
            let changes = Changeset::of(sealed.by(&by)).under(lease);
            store.commit(changes).await?;
            return Ok(key);
        }
    }
}

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
