//! Secrets sealed in the store itself, each by a key of its own that a wrapping key protects.

mod envelope;
mod file_key;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::{
    Attribution, Changeset, KeyWrap, Ledger, Sealed, Secret, SecretError, SecretId, SecretPurpose,
    SecretRows, SecretStore, Timestamp, Transition,
};
use envelope::{ALGORITHM, Envelope, NONCE, joined};

pub use file_key::{FileKey, FileKeyError};

/// The secret store that keeps sealed bytes as rows beside everything else.
///
/// Each secret is encrypted with XChaCha20-Poly1305 under a key of its own, which is wrapped by
/// `K` and kept beside it. Both are bound to the id, the purpose and the wrapping key, so that
/// bytes moved to another row, or asked for under another purpose, do not open. Which key unwraps
/// is read from the bytes; none is ever tried.
pub struct SealedSecrets<S: ?Sized, K> {
    key: K,
    store: Arc<S>,
}

impl<S: ?Sized, K> SealedSecrets<S, K> {
    /// Secrets in `store`, sealed under `key`.
    pub fn new(store: Arc<S>, key: K) -> Self {
        Self { key, store }
    }
}

impl<S: ?Sized, K> fmt::Debug for SealedSecrets<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecrets").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: Ledger + SecretRows + ?Sized, K: KeyWrap> SecretStore for SealedSecrets<S, K> {
    async fn seal(
        &self,
        secret: &Secret,
        purpose: SecretPurpose,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        let id = SecretId::new(now, &mut *random);
        let (mut key, mut nonce) = (vec![0; KEY], [0; NONCE]);
        random(&mut key);
        random(&mut nonce);
        let (key, key_id) = (Secret::new(key), self.key.key_id());
        let context = context(&id, purpose, &key_id);
        let envelope = Envelope {
            ciphertext: encrypt(&key, &nonce, &context, secret),
            nonce,
            wrapped: self.key.wrap_key(&key, &context).await?,
            key_id,
        };
        let blob = envelope.bytes().map_err(SecretError::Wrap)?;
        Ok(Sealed::store(id, purpose, blob, now))
    }

    async fn open(
        &self,
        id: &SecretId,
        purpose: SecretPurpose,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Secret, SecretError> {
        let sealed = self.store.sealed(id).await?;
        let meant = sealed.value.purpose();
        if meant != purpose {
            let (meant, asked) = (meant.as_str(), purpose.as_str());
            return Err(unreadable(format!(
                "it was sealed as {meant} and asked for as {asked}"
            )));
        }
        let envelope = Envelope::read(sealed.value.blob()).map_err(unreadable)?;
        let context = context(id, purpose, &envelope.key_id);
        let unwrapped = self
            .key
            .unwrap_key(&envelope.key_id, &envelope.wrapped, &context);
        let key = unwrapped.await?;
        let secret = decrypt(&key, &envelope, &context)?;
        let opened = Changeset::fact(&sealed.opened(now), by);
        self.store.commit(opened).await?;
        Ok(secret)
    }
}

/// The length of a key of XChaCha20-Poly1305.
const KEY: usize = 32;

fn context(id: &SecretId, purpose: SecretPurpose, key_id: &str) -> Vec<u8> {
    joined(&[
        b"certlocker/secret/v1",
        purpose.as_str().as_bytes(),
        id.to_string().as_bytes(),
        key_id.as_bytes(),
        &[ALGORITHM],
    ])
}

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
