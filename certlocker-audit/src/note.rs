//! Signed notes: a text and the signatures below it.
//!
//! [c2sp.org/signed-note](https://c2sp.org/signed-note), with Ed25519 signatures and Ed25519
//! cosignatures ([c2sp.org/tlog-cosignature](https://c2sp.org/tlog-cosignature)).

mod key;
mod signing;

use std::fmt;
use std::str::FromStr;

use crate::encoding::{base64, from_base64};

pub use key::{Algorithm, InvalidKey, KeyId, KeyName, VerifierKey};
pub use signing::{InvalidSigningKey, SigningKey};

/// More signatures than any note needs; fewer than would cost much to look at.
const MAX_SIGNATURES: usize = 100;

/// A text with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One line below the text of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the specification fixes it")]
pub struct Signature {
    /// The name of the key.
    pub name: KeyName,
    /// Its id.
    pub id: KeyId,
    /// What the algorithm of the key gives.
    pub bytes: Vec<u8>,
}

/// Why a note is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is no note.
    #[error("this is no signed note: {0}")]
    Malformed(&'static str),
    /// A key that is known did not sign this.
    #[error("the signature of `{0}` is not one of this text")]
    Signature(KeyName),
    /// No key that is known signed.
    #[error("none of the known keys ({expected}) has signed; signatures are by: {seen}")]
    Unsigned {
        /// The keys that are known.
        expected: String,
        /// Who signed.
        seen: String,
    },
}

impl Note {
    /// A text that nobody has signed yet.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if it does not end with a line end, or has other control
    /// characters.
    pub fn new(text: String) -> Result<Self, NoteError> {
        let foreign = |c: char| c.is_ascii_control() && c != '\n';
        if !text.ends_with('\n') || text.contains(foreign) {
            return Err(NoteError::Malformed(
                "a text ends with a line end, and has no other control characters",
            ));
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// Adds a signature.
    #[must_use]
    pub fn with(mut self, signature: Signature) -> Self {
        self.signatures.push(signature);
        self
    }

    /// Signs it.
    #[must_use]
    pub fn signed(self, key: &SigningKey) -> Self {
        let signature = key.sign(&self.text);
        self.with(signature)
    }

    /// Reads a note; its signatures are not checked.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let all = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let end = all
            .rfind("\n\n")
            .ok_or_else(|| malformed("it has no blank line"))?;
        let (text, signatures) = (&all[..=end], &all[end + 2..]);
        let lines = signatures
            .strip_suffix('\n')
            .ok_or_else(|| malformed("there is no line of a signature"))?;
        let mut note = Self::new(text.to_owned())?;
        for line in lines.split('\n') {
            let signature = Signature::parse(line);
            let signature = signature.ok_or_else(|| malformed("a line is no signature"))?;
            note.signatures.push(signature);
        }
        if note.signatures.len() > MAX_SIGNATURES {
            return Err(malformed("it has too many signatures"));
        }
        Ok(note)
    }

    /// What was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, checked or not.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Checks the signatures of keys that are known, and tells which of the keys have signed;
    /// signatures by other keys are passed over.
    ///
    /// # Errors
    /// [`NoteError::Signature`] if one of a known key is wrong, [`NoteError::Unsigned`] if there is
    /// none.
    pub fn verify<'a>(&self, keys: &'a [VerifierKey]) -> Result<Vec<&'a VerifierKey>, NoteError> {
        let mut signers = Vec::new();
        for signature in &self.signatures {
            let mut known = keys.iter();
            let key = known.find(|key| key.name() == &signature.name && key.id() == signature.id);
            let Some(key) = key else { continue };
            if !key.verifies(&self.text, &signature.bytes) {
                return Err(NoteError::Signature(signature.name.clone()));
            }
            if !signers.contains(&key) {
                signers.push(key);
            }
        }
        if signers.is_empty() {
            return Err(self.unsigned(keys));
        }
        Ok(signers)
    }

    fn unsigned(&self, keys: &[VerifierKey]) -> NoteError {
        let known = keys
            .iter()
            .map(|key| format!("{}+{}", key.name(), key.id()));
        let seen = self.signatures.iter();
        let seen = seen.map(|signature| format!("{}+{}", signature.name, signature.id));
        NoteError::Unsigned {
            expected: known.collect::<Vec<_>>().join(", "),
            seen: seen.collect::<Vec<_>>().join(", "),
        }
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        Ok(())
    }
}

impl Signature {
    /// Reads the line of a signature, without its end.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let decoded = from_base64(encoded)?;
        let (id, bytes) = decoded.split_first_chunk()?;
        (!bytes.is_empty()).then_some(Self {
            name: name.parse().ok()?,
            id: KeyId(*id),
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = base64(&[&self.id.0[..], &self.bytes].concat());
        write!(f, "\u{2014} {} {encoded}", self.name)
    }
}

#[cfg(test)]
mod tests;
