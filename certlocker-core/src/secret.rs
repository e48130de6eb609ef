//! Secrets: bytes that show themselves to nobody, and how they are kept.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::certificate::Der;
use crate::change::{Entry, private};
use crate::{
    Aggregate, Attribution, Event, Fact, Kind, SecretId, StoreError, Timestamp, Transition,
    Versioned,
};

/// Secret bytes: no Debug that shows them, no Serialize, no Clone; overwritten when dropped.
///
/// ```compile_fail,E0599
/// let secret = certlocker_core::Secret::new(vec![1, 2, 3]);
/// let copy = secret.clone();
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Shows the bytes to the one who uses them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a secret is for; a sealed secret opens only under the purpose it was sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SecretPurpose {
    /// The key that signs the audit log's checkpoints.
    AuditKey,
    /// The private key of a certificate authority.
    CaKey,
    /// The key of a person's sign-in codes.
    CodeKey,
    /// The MAC key of a scoped client's credential.
    EabMacKey,
    /// The private key of a listener's certificate.
    ListenerKey,
    /// The key under which nonces are issued by every process that shares the store.
    NonceKey,
}

impl SecretPurpose {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuditKey => "audit-key",
            Self::CaKey => "ca-key",
            Self::CodeKey => "code-key",
            Self::EabMacKey => "eab-mac-key",
            Self::ListenerKey => "listener-key",
            Self::NonceKey => "nonce-key",
        }
    }
}

/// A sealed secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    id: SecretId,
    blob: Der,
    purpose: SecretPurpose,
}

impl Sealed {
    /// Stores sealed bytes under an id that was bound into them.
    pub fn store(
        id: SecretId,
        purpose: SecretPurpose,
        blob: Vec<u8>,
        now: Timestamp,
    ) -> Transition<Self> {
        let sealed = Self {
            id,
            blob: Der(blob),
            purpose,
        };
        let stored = Event::SecretStored {
            purpose,
            secret_id: id,
            sha256: sealed.sha256(),
        };
        Transition::create(sealed, vec![stored], now)
    }

    /// Its id.
    pub fn id(&self) -> &SecretId {
        &self.id
    }

    /// What it is for.
    pub fn purpose(&self) -> SecretPurpose {
        self.purpose
    }

    /// The sealed bytes.
    pub fn blob(&self) -> &[u8] {
        &self.blob.0
    }

    /// SHA-256 of the sealed bytes, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hexadecimal(&Sha256::digest(&self.blob.0))
    }
}

impl Versioned<Sealed> {
    /// The fact that it was opened, to be recorded before the secret is handed out.
    pub fn opened(&self, now: Timestamp) -> Fact {
        Fact::new(
            Event::SecretOpened {
                purpose: self.value.purpose,
                secret_id: self.value.id,
            },
            now,
        )
    }
}

impl private::Sealed for Sealed {}

impl Aggregate for Sealed {
    const KIND: Kind = Kind::Secret;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::new(Self::BY_PURPOSE, self.purpose.as_str())]
    }
}

impl Sealed {
    /// The index of secrets by purpose.
    pub(crate) const BY_PURPOSE: &'static str = "purpose";
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Seals secrets and opens them again.
///
/// Sealing writes nothing: the transition it gives is committed together with whatever needs the
/// secret, so that neither exists without the other.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Seals `secret` for `purpose`.
    ///
    /// # Errors
    /// [`SecretError::Wrap`] when the key that wraps it cannot be used.
    async fn seal(
        &self,
        secret: &Secret,
        purpose: SecretPurpose,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError>;

    /// Opens a secret for `purpose`; the record that `by` opened it is durable before this returns.
    ///
    /// # Errors
    /// [`SecretError::Store`] when it cannot be read or the record cannot be written;
    /// [`SecretError::Unreadable`] when it was sealed for something else, by another key, or changed.
    async fn open(
        &self,
        id: &SecretId,
        purpose: SecretPurpose,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Secret, SecretError>;
}

/// Wraps the keys that seal secrets: a file, a hardware module, a cloud's key service.
#[async_trait]
pub trait KeyWrap: Send + Sync {
    /// Which key wraps now; stored beside each wrapped key and given back to [`KeyWrap::unwrap_key`].
    fn key_id(&self) -> String;

    /// Wraps `key`, bound to `context`.
    ///
    /// # Errors
    /// [`SecretError::Wrap`] with the cause.
    async fn wrap_key(&self, key: &Secret, context: &[u8]) -> Result<Vec<u8>, SecretError>;

    /// Unwraps what the key named `key_id` wrapped under the same `context`.
    ///
    /// # Errors
    /// [`SecretError::UnknownKey`] for a key that is not here, [`SecretError::Unreadable`] when
    /// the bytes or the context are not the ones that were wrapped.
    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError>;
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The store failed.
    #[error("the secret's row or record could not be read or written")]
    Store(#[from] StoreError),
    /// The key that wrapped it is not here.
    #[error("the secret was sealed under the key `{0}`, which is not the one in use")]
    UnknownKey(String),
    /// It does not open.
    #[error("the secret does not open: {0}")]
    Unreadable(String),
    /// The wrapping key cannot be used.
    #[error("the wrapping key cannot be used")]
    Wrap(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret");
    }
}
