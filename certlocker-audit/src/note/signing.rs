//! Keys that sign notes.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use certlocker_core::{Secret, Timestamp};
use zeroize::Zeroizing;

use super::{Algorithm, KeyName, Signature, VerifierKey};
use crate::cosignature;
use crate::encoding::{base64, from_base64};

/// An Ed25519 key that signs under a name.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SigningKey {
    /// How many bytes a seed has.
    pub const SEED: usize = 32;

    /// The key that signs texts, from its seed.
    ///
    /// # Errors
    /// [`InvalidSigningKey`] if the seed has not [`Self::SEED`] bytes.
    pub fn from_seed(name: KeyName, seed: &Secret) -> Result<Self, InvalidSigningKey> {
        Self::with(Algorithm::Ed25519, name, seed.expose())
    }

    /// The key with which a witness cosigns, from its seed.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn witness(name: KeyName, seed: &Secret) -> Result<Self, InvalidSigningKey> {
        Self::with(Algorithm::Cosignature, name, seed.expose())
    }

    /// Reads the text form `PRIVATE+KEY+name+id+key` of Go's `sumdb/note`.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn from_text(text: &Secret) -> Result<Self, InvalidSigningKey> {
        const FORM: InvalidSigningKey =
            InvalidSigningKey("it has the form PRIVATE+KEY+name+id+key");
        let text = std::str::from_utf8(text.expose()).map_err(|_| FORM)?;
        let parts = text.trim_end().strip_prefix("PRIVATE+KEY+").ok_or(FORM)?;
        let mut parts = parts.splitn(3, '+');
        let mut part = || parts.next().ok_or(FORM);
        let (name, id, key) = (part()?, part()?, part()?);
        let name = name
            .parse()
            .map_err(|_| InvalidSigningKey("its name is none"))?;
        let Some(key) = from_base64(key).map(Secret::new) else {
            return Err(InvalidSigningKey("the key is not base64"));
        };
        let Some((1, seed)) = key.expose().split_first() else {
            return Err(InvalidSigningKey("it is no Ed25519 key"));
        };
        let key = Self::with(Algorithm::Ed25519, name, seed)?;
        if key.verifier.id().to_string() != id {
            let other = "the id is not that of the name and the key";
            return Err(InvalidSigningKey(other));
        }
        Ok(key)
    }

    /// The key that signs texts, from its seed, with its text form.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn with_text(name: KeyName, seed: &Secret) -> Result<(Self, Secret), InvalidSigningKey> {
        let key = Self::from_seed(name, seed)?;
        let (name, id) = (key.verifier.name(), key.verifier.id());
        let bytes = Zeroizing::new([&[1], seed.expose()].concat());
        let text = format!("PRIVATE+KEY+{name}+{id}+{}", base64(&bytes));
        Ok((key, Secret::new(text.into_bytes())))
    }

    fn with(algorithm: Algorithm, name: KeyName, seed: &[u8]) -> Result<Self, InvalidSigningKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        let pair = pair.map_err(|_| InvalidSigningKey("a seed has 32 bytes"))?;
        let public = pair.public_key().as_ref().try_into();
        let public = public.expect("an Ed25519 public key has 32 bytes");
        Ok(Self {
            pair,
            verifier: VerifierKey::new(name, algorithm, public),
        })
    }

    /// What verifies its signatures.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text.
    pub(super) fn sign(&self, text: &str) -> Signature {
        self.signature(self.pair.sign(text.as_bytes()).as_ref().to_vec())
    }

    /// Cosigns the text of a checkpoint: a witness vouches that it has seen it at this time.
    pub fn cosign(&self, text: &str, at: Timestamp) -> Signature {
        let time = u64::try_from(at.as_seconds()).unwrap_or(0);
        let message = cosignature::message(time, text);
        let signature = self.pair.sign(message.as_bytes());
        self.signature([&time.to_be_bytes(), signature.as_ref()].concat())
    }

    fn signature(&self, bytes: Vec<u8>) -> Signature {
        Signature {
            name: self.verifier.name().clone(),
            id: self.verifier.id(),
            bytes,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.verifier).finish()
    }
}

/// Bytes that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no signing key: {0}")]
pub struct InvalidSigningKey(&'static str);
