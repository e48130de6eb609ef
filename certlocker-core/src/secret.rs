//! Secrets: bytes that show themselves to nobody, and how they are kept.

mod sealed;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Attribution, SecretId, StoreError, Timestamp, Transition};

pub(crate) use sealed::hexadecimal;
pub use sealed::{RecordedSecret, Sealed, SealedBytes};

/// Secret bytes: no Debug, no Serialize, no Clone; overwritten when dropped.
///
/// It cannot be copied,
///
/// ```compile_fail,E0599
/// let secret = certlocker_core::Secret::new(vec![1, 2, 3]);
/// let copy = secret.clone();
/// ```
///
/// nor shown by mistake,
///
/// ```compile_fail,E0277
/// let secret = certlocker_core::Secret::new(vec![1, 2, 3]);
/// println!("{secret:?}");
/// ```
///
/// ```compile_fail,E0277
/// let secret = certlocker_core::Secret::new(vec![1, 2, 3]);
/// println!("{secret}");
/// ```
///
/// nor written anywhere as part of something else:
///
/// ```compile_fail,E0277
/// let secret = certlocker_core::Secret::new(vec![1, 2, 3]);
/// serde_json::to_vec(&secret);
/// ```
#[allow(
    missing_debug_implementations,
    reason = "what cannot be shown is not shown by mistake"
)]
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

/// What a secret is for; a sealed secret opens only under the purpose it was sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SecretPurpose {
    /// The key that signs the audit log's checkpoints.
    AuditKey,
    /// The private key of a certificate authority.
    CaKey,
    /// What a cloud lets in.
    CloudCredential,
    /// The key of a person's sign-in codes.
    CodeKey,
    /// The MAC key of a scoped client's credential.
    EabMacKey,
    /// A private key that lets one in to hosts.
    HostKey,
    /// The private key of a listener's certificate.
    ListenerKey,
    /// The key under which nonces are issued by every process that shares the store.
    NonceKey,
    /// The private key that signs certificates of SSH.
    SshCaKey,
}

impl SecretPurpose {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuditKey => "audit-key",
            Self::CaKey => "ca-key",
            Self::CloudCredential => "cloud-credential",
            Self::CodeKey => "code-key",
            Self::EabMacKey => "eab-mac-key",
            Self::HostKey => "host-key",
            Self::ListenerKey => "listener-key",
            Self::NonceKey => "nonce-key",
            Self::SshCaKey => "ssh-ca-key",
        }
    }
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

    /// Seals another value for a secret that is stored: its next version, under a data key of its
    /// own.
    ///
    /// # Errors
    /// Those of [`SecretStore::seal`], and [`SecretError::RolledBack`].
    async fn replace(
        &self,
        id: &SecretId,
        secret: &Secret,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError>;

    /// Opens a secret for `purpose`; the record that `by` opened it is durable before this returns.
    ///
    /// # Errors
    /// [`SecretError::Store`] when it cannot be read or the record cannot be written;
    /// [`SecretError::RolledBack`] when what is stored is not what the newest record says;
    /// [`SecretError::UnknownKey`] when the key that wrapped it is not here;
    /// [`SecretError::Unreadable`] when it was sealed for something else, or changed.
    async fn open(
        &self,
        id: &SecretId,
        purpose: SecretPurpose,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Secret, SecretError>;
}

/// Wraps the keys that seal secrets: a file, a hardware module, a key service.
///
/// Keys are told apart by their id, which names one key for ever: another key has another id. None
/// is ever tried.
#[async_trait]
pub trait KeyWrap: Send + Sync {
    /// Which key wraps now; bound into what it wraps, and given back to [`KeyWrap::unwrap_key`].
    fn key_id(&self) -> String;

    /// Wraps `key` under the key named `key_id`, bound to `context`.
    ///
    /// # Errors
    /// [`SecretError::UnknownKey`] for a key that is not here, [`SecretError::Wrap`] with the cause.
    async fn wrap_key(
        &self,
        key_id: &str,
        key: &Secret,
        context: &[u8],
    ) -> Result<Vec<u8>, SecretError>;

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

#[async_trait]
impl<K: KeyWrap + ?Sized> KeyWrap for Arc<K> {
    fn key_id(&self) -> String {
        self.as_ref().key_id()
    }

    async fn wrap_key(
        &self,
        key_id: &str,
        key: &Secret,
        context: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        self.as_ref().wrap_key(key_id, key, context).await
    }

    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError> {
        self.as_ref().unwrap_key(key_id, wrapped, context).await
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The store failed.
    #[error("the secret's row or record could not be read or written")]
    Store(#[from] StoreError),
    /// What is stored is not what was stored last.
    #[error(
        "secret {id} is not what was stored last: {expected} was expected, and {seen} is there; an older copy was put in its place, or its records are gone"
    )]
    RolledBack {
        /// The secret.
        id: SecretId,
        /// What the newest record says.
        expected: String,
        /// What is stored.
        seen: String,
    },
    /// The key that wrapped it is not here.
    #[error(
        "the secret was sealed under the key {}, which is not here: put that key back, as a retired one, until nothing is sealed under it",
        .0.escape_debug()
    )]
    UnknownKey(String),
    /// It does not open.
    #[error("the secret does not open: {0}")]
    Unreadable(String),
    /// The wrapping key cannot be used.
    #[error("the wrapping key cannot be used")]
    Wrap(#[source] Box<dyn std::error::Error + Send + Sync>),
}
