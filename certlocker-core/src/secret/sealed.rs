//! Sealed secrets as they are stored, and what the ledger says of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::SecretPurpose;
use crate::certificate::Der;
use crate::change::{Entry, private};
use crate::{Aggregate, Event, Fact, Kind, SecretId, Timestamp, Transition, Versioned};

/// A sealed secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    id: SecretId,
    blob: Der,
    key_id: String,
    purpose: SecretPurpose,
    version: u64,
}

/// What sealing gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every secret store")]
pub struct SealedBytes {
    /// The sealed bytes.
    pub blob: Vec<u8>,
    /// The key that wraps their data key.
    pub key_id: String,
}

impl Sealed {
    /// The version that a secret begins with.
    pub const FIRST: u64 = 1;

    /// Stores sealed bytes under an id that was bound into them.
    pub fn store(
        id: SecretId,
        purpose: SecretPurpose,
        bytes: SealedBytes,
        now: Timestamp,
    ) -> Transition<Self> {
        let sealed = Self {
            id,
            blob: Der(bytes.blob),
            key_id: bytes.key_id,
            purpose,
            version: Self::FIRST,
        };
        let stored = Event::SecretStored {
            key_id: sealed.key_id.clone(),
            purpose,
            secret_id: id,
            sha256: sealed.sha256(),
            version: sealed.version,
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

    /// The key that wraps its data key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// How many values it has had; each is sealed under a data key of its own.
    pub fn version(&self) -> u64 {
        self.version
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
                version: self.value.version,
            },
            now,
        )
    }

    /// Stores another value, sealed as the version after this one.
    pub fn replace(&self, bytes: SealedBytes, now: Timestamp) -> Transition<Sealed> {
        let sealed = Sealed {
            version: self.value.version + 1,
            ..self.value.with(bytes)
        };
        let replaced = Event::SecretReplaced {
            key_id: sealed.key_id.clone(),
            purpose: sealed.purpose,
            secret_id: sealed.id,
            sha256: sealed.sha256(),
            version: sealed.version,
        };
        self.step(sealed, vec![replaced], now)
    }

    /// Stores the same value with its data key under another key.
    pub fn rewrap(&self, bytes: SealedBytes, now: Timestamp) -> Transition<Sealed> {
        let sealed = self.value.with(bytes);
        let rewrapped = Event::SecretRewrapped {
            key_id: sealed.key_id.clone(),
            old_key_id: self.value.key_id.clone(),
            purpose: sealed.purpose,
            secret_id: sealed.id,
            sha256: sealed.sha256(),
            version: sealed.version,
        };
        self.step(sealed, vec![rewrapped], now)
    }
}

impl Sealed {
    /// The index of secrets by purpose.
    pub(crate) const BY_PURPOSE: &'static str = "purpose";

    fn with(&self, bytes: SealedBytes) -> Self {
        Self {
            blob: Der(bytes.blob),
            key_id: bytes.key_id,
            ..self.clone()
        }
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

/// What a record says about which bytes of a secret are the current ones.
///
/// A row can be put back to what it was; the ledger cannot, without `certlocker-audit` finding it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedSecret {
    /// The secret.
    pub id: SecretId,
    /// SHA-256 of the sealed bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The version of the secret.
    pub version: u64,
}

impl RecordedSecret {
    /// What this event says, if it is one that stores sealed bytes.
    pub fn of(event: &Event) -> Option<Self> {
        let (Event::SecretReplaced {
            secret_id,
            sha256,
            version,
            ..
        }
        | Event::SecretRewrapped {
            secret_id,
            sha256,
            version,
            ..
        }
        | Event::SecretStored {
            secret_id,
            sha256,
            version,
            ..
        }) = event
        else {
            return None;
        };
        Some(Self {
            id: *secret_id,
            sha256: sha256.clone(),
            version: *version,
        })
    }
}

impl From<&Sealed> for RecordedSecret {
    fn from(sealed: &Sealed) -> Self {
        Self {
            id: sealed.id,
            sha256: sealed.sha256(),
            version: sealed.version,
        }
    }
}

impl fmt::Display for RecordedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} with SHA-256 {}", self.version, self.sha256)
    }
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
