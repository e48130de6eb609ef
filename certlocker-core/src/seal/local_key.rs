//! A wrapping key that this process holds itself.

use std::fmt;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::envelope::{NONCE, joined};
use super::{KEY, cipher, unreadable};
use crate::secret::hexadecimal;
use crate::{KeyWrap, Random, Secret, SecretError};

/// A wrapping key in the memory of this process, wherever it came from.
///
/// Its id follows from the key, so that it is the same key in a file, in an environment variable
/// and in a credential.
pub struct LocalKey {
    id: String,
    key: Secret,
}

/// Something that is no key; it is not shown.
#[derive(Debug, thiserror::Error)]
#[error("this is no key: {expected} bytes were expected, and {seen} are there")]
#[non_exhaustive]
pub struct InvalidKey {
    /// How many bytes a key has.
    pub expected: usize,
    /// What is there.
    pub seen: String,
}

impl LocalKey {
    /// How many bytes a key has.
    pub const LENGTH: usize = KEY;

    /// The key with these bytes.
    ///
    /// # Errors
    /// [`InvalidKey`], if there are more or less.
    pub fn from_bytes(key: Secret) -> Result<Self, InvalidKey> {
        match key.expose().len() {
            KEY => Ok(Self::of(key)),
            other => Err(InvalidKey::of(other.to_string())),
        }
    }

    /// The key whose bytes this is in base64, as in an environment variable; white space around it
    /// is ignored.
    ///
    /// # Errors
    /// [`InvalidKey`], if it is something else.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKey> {
        let decoded = STANDARD.decode(text.trim());
        let decoded = decoded.map_err(|_| InvalidKey::of("no base64".to_owned()))?;
        Self::from_bytes(Secret::new(decoded))
    }

    /// A new key.
    pub fn random(random: Random<'_>) -> Self {
        let mut key = vec![0; KEY];
        random(&mut key);
        Self::of(Secret::new(key))
    }

    fn of(key: Secret) -> Self {
        let digest = Sha256::digest(&*Zeroizing::new(joined(&[
            b"certlocker/local-key/v1",
            key.expose(),
        ])));
        let id = format!("local:{}", hexadecimal(&digest[..8]));
        Self { id, key }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.key.expose()
    }

    /// A nonce that follows from what it is used for: the same only for the same key under the
    /// same context, which then wraps to the same bytes.
    fn nonce(&self, key: &Secret, context: &[u8]) -> [u8; NONCE] {
        let of = Zeroizing::new(joined(&[
            b"certlocker/wrap-nonce/v1",
            self.key.expose(),
            context,
            key.expose(),
        ]));
        let digest: [u8; 32] = Sha256::digest(&*of).into();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&digest[..NONCE]);
        nonce
    }

    fn is_named(&self, key_id: &str) -> Result<(), SecretError> {
        if key_id == self.id {
            return Ok(());
        }
        Err(SecretError::UnknownKey(key_id.to_owned()))
    }
}

impl InvalidKey {
    fn of(seen: String) -> Self {
        Self {
            expected: KEY,
            seen,
        }
    }
}

fn bound(context: &[u8]) -> Vec<u8> {
    joined(&[b"certlocker/wrap/v1", context])
}

#[async_trait]
impl KeyWrap for LocalKey {
    fn key_id(&self) -> String {
        self.id.clone()
    }

    async fn wrap_key(
        &self,
        key_id: &str,
        key: &Secret,
        context: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        self.is_named(key_id)?;
        let (nonce, aad) = (self.nonce(key, context), bound(context));
        let payload = Payload {
            msg: key.expose(),
            aad: &aad,
        };
        let cipher = cipher(&self.key).expect("the length was checked when it was read");
        let wrapped = cipher.encrypt(&XNonce::from(nonce), payload);
        let wrapped = wrapped.map_err(|error| SecretError::Wrap(error.to_string().into()))?;
        Ok([nonce.as_slice(), &wrapped].concat())
    }

    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError> {
        self.is_named(key_id)?;
        let cut_short = || unreadable("its wrapped key is cut short");
        let (nonce, msg) = wrapped.split_first_chunk::<NONCE>().ok_or_else(cut_short)?;
        let aad = bound(context);
        let cipher = cipher(&self.key).expect("the length was checked when it was read");
        let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad });
        let changed =
            |_| unreadable("its wrapped key was changed, or sealed under another id or purpose");
        opened.map(Secret::new).map_err(changed)
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalKey").field(&self.id).finish()
    }
}
