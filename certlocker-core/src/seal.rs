//! Secrets sealed in the store itself, each by a key of its own that a wrapping key protects.

mod envelope;
mod file_key;
mod key_ring;
mod local_key;
mod protected;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::{
    Attribution, Changeset, History, KeyWrap, Ledger, RecordQuery, RecordedSecret, Sealed,
    SealedBytes, Secret, SecretError, SecretId, SecretPurpose, SecretRows, SecretStore, Subject,
    Timestamp, Transition, Versioned,
};
use envelope::{ALGORITHM, Envelope, NONCE, joined};

pub use file_key::{FileKey, FileKeyError, KeyFile};
pub use key_ring::KeyRing;
pub use local_key::{InvalidKey, LocalKey};

/// The secret store that keeps sealed bytes as rows beside everything else.
///
/// Each version of a secret is encrypted with XChaCha20-Poly1305 under a data key of its own, which
/// is wrapped by `K` and kept beside it. The bytes are bound to the tenant, the purpose, the id and
/// the version of the secret; the wrapped data key to all of them and to the key that wraps it.
/// Bytes moved to another row, or asked for under another purpose, do not open. Which key unwraps is
/// read from the bytes; none is ever tried.
///
/// Which bytes are the current ones is what the newest record about them says: an older copy in
/// their place is refused.
pub struct SealedSecrets<S: ?Sized, K> {
    key: K,
    store: Arc<S>,
    tenant: String,
}

impl<S: ?Sized, K> SealedSecrets<S, K> {
    /// Secrets in `store`, sealed under `key`, of no tenant in particular.
    pub fn new(store: Arc<S>, key: K) -> Self {
        let tenant = String::new();
        Self { key, store, tenant }
    }

    /// Those of one tenant: what is sealed for another does not open.
    pub fn for_tenant(self, tenant: impl Into<String>) -> Self {
        let tenant = tenant.into();
        Self { tenant, ..self }
    }

    fn context(&self, id: &SecretId, purpose: SecretPurpose, version: u64) -> Context {
        Context(joined(&[
            b"certlocker/secret/v2",
            self.tenant.as_bytes(),
            purpose.as_str().as_bytes(),
            id.to_string().as_bytes(),
            &version.to_be_bytes(),
            &[ALGORITHM],
        ]))
    }
}

impl<S: ?Sized, K> fmt::Debug for SealedSecrets<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecrets").finish_non_exhaustive()
    }
}

impl<S: Ledger + History + SecretRows + ?Sized, K: KeyWrap> SealedSecrets<S, K> {
    /// The same secret with its data key under the key that wraps now; nothing if it is so already.
    ///
    /// The secret itself stays sealed.
    ///
    /// # Errors
    /// Those of [`SecretStore::open`], and [`SecretError::Wrap`].
    pub async fn rewrap(
        &self,
        id: &SecretId,
        now: Timestamp,
    ) -> Result<Option<Transition<Sealed>>, SecretError> {
        let kept = self.current(id).await?;
        let key_id = self.key.key_id();
        if kept.value.key_id() == key_id {
            return Ok(None);
        }
        let envelope = Envelope::read(kept.value.blob()).map_err(unreadable)?;
        let context = self.context(id, kept.value.purpose(), kept.value.version());
        let key = self.data_key(&envelope, &context).await?;
        let envelope = Envelope {
            wrapped: self.wrapped(&key_id, &key, &context).await?,
            key_id,
            ..envelope
        };
        Ok(Some(kept.rewrap(envelope.sealed()?, now)))
    }

    /// What is stored, if it is what the newest record says.
    async fn current(&self, id: &SecretId) -> Result<Versioned<Sealed>, SecretError> {
        loop {
            let sealed = self.store.sealed(id).await?;
            let (seen, expected) = (
                RecordedSecret::from(&sealed.value),
                self.recorded(id).await?,
            );
            if expected.as_ref() == Some(&seen) {
                return Ok(sealed);
            }
            // Another process may have stored other bytes between the two looks.
            if self.store.sealed(id).await?.version == sealed.version {
                let expected = expected.map(|expected| expected.to_string());
                return Err(SecretError::RolledBack {
                    id: *id,
                    expected: expected.unwrap_or_else(|| "a record about it".to_owned()),
                    seen: seen.to_string(),
                });
            }
        }
    }

    async fn recorded(&self, id: &SecretId) -> Result<Option<RecordedSecret>, SecretError> {
        let query = RecordQuery {
            about: Some(Subject::Sealed(*id)),
            ..RecordQuery::newest(1)
        };
        let newest = self.store.find_records(&query).await?;
        let event = newest.first().map(|record| &record.event);
        Ok(event.and_then(RecordedSecret::of))
    }

    async fn sealed(
        &self,
        secret: &Secret,
        context: &Context,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
    ) -> Result<SealedBytes, SecretError> {
        let (mut key, mut nonce) = (vec![0; KEY], [0; NONCE]);
        random(&mut key);
        random(&mut nonce);
        let (key, key_id) = (Secret::new(key), self.key.key_id());
        let envelope = Envelope {
            ciphertext: encrypt(&key, &nonce, &context.0, secret),
            nonce,
            wrapped: self.wrapped(&key_id, &key, context).await?,
            key_id,
        };
        envelope.sealed()
    }

    /// The data key, wrapped and found to come back: what does not would be lost with the key
    /// before.
    async fn wrapped(
        &self,
        key_id: &str,
        key: &Secret,
        context: &Context,
    ) -> Result<Vec<u8>, SecretError> {
        let context = context.under(key_id);
        let wrapped = self.key.wrap_key(key_id, key, &context).await?;
        let back = self.key.unwrap_key(key_id, &wrapped, &context).await?;
        if back.expose() == key.expose() {
            return Ok(wrapped);
        }
        let why = format!("the key {key_id} unwraps something else than it wrapped");
        Err(SecretError::Wrap(why.into()))
    }

    async fn data_key(
        &self,
        envelope: &Envelope,
        context: &Context,
    ) -> Result<Secret, SecretError> {
        let (key_id, wrapped) = (&envelope.key_id, &envelope.wrapped);
        let context = context.under(key_id);
        self.key.unwrap_key(key_id, wrapped, &context).await
    }
}

#[async_trait]
impl<S: Ledger + History + SecretRows + ?Sized, K: KeyWrap> SecretStore for SealedSecrets<S, K> {
    async fn seal(
        &self,
        secret: &Secret,
        purpose: SecretPurpose,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        let id = SecretId::new(now, &mut *random);
        let context = self.context(&id, purpose, Sealed::FIRST);
        let bytes = self.sealed(secret, &context, random).await?;
        Ok(Sealed::store(id, purpose, bytes, now))
    }

    async fn replace(
        &self,
        id: &SecretId,
        secret: &Secret,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        let kept = self.current(id).await?;
        let context = self.context(id, kept.value.purpose(), kept.value.version() + 1);
        let bytes = self.sealed(secret, &context, random).await?;
        Ok(kept.replace(bytes, now))
    }

    async fn open(
        &self,
        id: &SecretId,
        purpose: SecretPurpose,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Secret, SecretError> {
        let sealed = self.current(id).await?;
        let meant = sealed.value.purpose();
        if meant != purpose {
            let (meant, asked) = (meant.as_str(), purpose.as_str());
            return Err(unreadable(format!(
                "it was sealed as {meant} and asked for as {asked}"
            )));
        }
        let envelope = Envelope::read(sealed.value.blob()).map_err(unreadable)?;
        let context = self.context(id, purpose, sealed.value.version());
        let key = self.data_key(&envelope, &context).await?;
        let secret = decrypt(&key, &envelope, &context.0)?;
        let opened = Changeset::fact(&sealed.opened(now), by);
        self.store.commit(opened).await?;
        Ok(secret)
    }
}

/// What sealed bytes are bound to.
struct Context(Vec<u8>);

impl Context {
    /// What the data key is bound to besides.
    fn under(&self, key_id: &str) -> Vec<u8> {
        joined(&[&self.0, key_id.as_bytes()])
    }
}

/// The length of a key of XChaCha20-Poly1305.
const KEY: usize = 32;

fn unreadable(why: impl Into<String>) -> SecretError {
    SecretError::Unreadable(why.into())
}

fn cipher(key: &Secret) -> Option<XChaCha20Poly1305> {
    XChaCha20Poly1305::new_from_slice(key.expose()).ok()
}

fn encrypt(key: &Secret, nonce: &[u8; NONCE], aad: &[u8], secret: &Secret) -> Vec<u8> {
    let msg = secret.expose();
    let cipher = cipher(key).expect("the key was made with the length of a key");
    let sealed = cipher.encrypt(&XNonce::from(*nonce), Payload { msg, aad });
    sealed.expect("a secret in memory is shorter than the cipher's 256 GiB")
}

fn decrypt(key: &Secret, envelope: &Envelope, aad: &[u8]) -> Result<Secret, SecretError> {
    let length = || unreadable(format!("its key has {} bytes", key.expose().len()));
    let cipher = cipher(key).ok_or_else(length)?;
    let msg = envelope.ciphertext.as_slice();
    let opened = cipher.decrypt(&XNonce::from(envelope.nonce), Payload { msg, aad });
    let opened = opened.map_err(|_| {
        unreadable("its bytes were changed, or were sealed under another id or purpose")
    })?;
    Ok(Secret::new(opened))
}
