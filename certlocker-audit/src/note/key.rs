//! Keys that verify notes, in their text form.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::cosignature;
use crate::encoding::{base64, from_base64};

/// The name of a key: not empty, without white space and without `+`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let foreign = |c: char| c.is_whitespace() || c == '+' || c.is_control();
        if text.is_empty() || text.contains(foreign) {
            return Err(InvalidKey(
                "a name is not empty, and has no white space and no `+`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Four bytes that tell keys of one name apart. The text form is hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs, reason = "any four bytes are an id")]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// What a key signs, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 over a checkpoint and the time, by a witness.
    Cosignature,
    /// Ed25519 over the text.
    Ed25519,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Cosignature => 0x04,
            Self::Ed25519 => 0x01,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Cosignature, Self::Ed25519]
            .into_iter()
            .find(|algorithm| algorithm.byte() == byte)
    }
}

/// What verifies the signatures of one signer. The text form is `name+id+key`
/// ([signed-note, verifier keys](https://c2sp.org/signed-note#verifier-keys)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    algorithm: Algorithm,
    key: [u8; 32],
}

impl VerifierKey {
    /// The key with this name and these bytes.
    pub fn new(name: KeyName, algorithm: Algorithm, key: [u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(name.as_str())
            .chain_update([b'\n', algorithm.byte()])
            .chain_update(key)
            .finalize();
        let id = KeyId([digest[0], digest[1], digest[2], digest[3]]);
        Self {
            name,
            id,
            algorithm,
            key,
        }
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is one of `text`.
    pub(crate) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => self.ed25519(text.as_bytes(), signature),
            Algorithm::Cosignature => cosignature::split(signature).is_some_and(|(time, bytes)| {
                self.ed25519(cosignature::message(time, text).as_bytes(), bytes)
            }),
        }
    }

    fn ed25519(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        key.verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm.byte()], &self.key[..]].concat();
        write!(f, "{}+{}+{}", self.name, self.id, base64(&key))
    }
}

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no verifier key: {0}")]
pub struct InvalidKey(&'static str);

impl FromStr for VerifierKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.splitn(3, '+');
        let mut part = || {
            parts
                .next()
                .ok_or(InvalidKey("it has the form name+id+key"))
        };
        let (name, id, key): (KeyName, _, _) = (part()?.parse()?, part()?, part()?);
        let key = from_base64(key).ok_or(InvalidKey("the key is not base64"))?;
        let (algorithm, key) = key.split_first().ok_or(InvalidKey("the key is empty"))?;
        let algorithm = Algorithm::of(*algorithm);
        let algorithm = algorithm.ok_or(InvalidKey("the algorithm is not known here"))?;
        let key = key.try_into();
        let key = key.map_err(|_| InvalidKey("an Ed25519 key has 32 bytes"))?;
        let parsed = Self::new(name, algorithm, key);
        if parsed.id.to_string() != id {
            return Err(InvalidKey("the id is not that of the name and the key"));
        }
        Ok(parsed)
    }
}
