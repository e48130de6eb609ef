//! Checkpoints: which log, how many entries, and the root over them.
//!
//! [c2sp.org/tlog-checkpoint](https://c2sp.org/tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use crate::encoding::decimal;
use crate::note::{Note, NoteError, SigningKey, VerifierKey};
use crate::tree::Hash;

/// The state of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the specification fixes it")]
pub struct Checkpoint {
    /// Which log: a URL without a scheme, as a rule, and the name of its key.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A checkpoint with its signatures, that of its log checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why something is no checkpoint to rely on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note is none, or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is of another log.
    #[error("the checkpoint is of the log `{seen}`, and `{expected}` was expected")]
    Origin {
        /// The name of the key.
        expected: String,
        /// The first line.
        seen: String,
    },
    /// The text is none of a checkpoint.
    #[error("this is no checkpoint: {0}")]
    Text(&'static str),
}

impl Checkpoint {
    /// Signs it.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the origin cannot stand in a note.
    pub fn sign(self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointError> {
        let note = Note::new(self.to_string())?.signed(key);
        Ok(SignedCheckpoint {
            checkpoint: self,
            note,
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a checkpoint; lines after the third are extensions, and passed over.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let missing = CheckpointError::Text("it has three lines: origin, size, root");
        let mut lines = text
            .strip_suffix('\n')
            .ok_or_else(|| missing.clone())?
            .split('\n');
        let mut line = || lines.next().ok_or_else(|| missing.clone());
        let (origin, size, root) = (line()?, line()?, line()?);
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(CheckpointError::Text("a line is empty"));
        }
        let number = "the second line is not a decimal number in its shortest form";
        let hash = "the third line is not a hash in base64";
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(CheckpointError::Text(number))?,
            root: Hash::from_base64(root).ok_or(CheckpointError::Text(hash))?,
        })
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint and checks that its log has signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(bytes: &[u8], log: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        note.verify(std::slice::from_ref(log))?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if checkpoint.origin != log.name().as_str() {
            return Err(CheckpointError::Origin {
                expected: log.name().to_string(),
                seen: checkpoint.origin,
            });
        }
        Ok(Self { checkpoint, note })
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note that says it.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The same with the signatures of witnesses added.
    #[must_use]
    pub fn cosigned(mut self, signatures: Vec<crate::note::Signature>) -> Self {
        self.note = signatures.into_iter().fold(self.note, Note::with);
        self
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_and_other_spellings_are_refused() {
        let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let text = format!("example.com/log\n0\n{root}\n");
        assert_eq!(text.parse::<Checkpoint>().unwrap().to_string(), text);
        let extended: Checkpoint = format!("{text}extension\n").parse().unwrap();
        assert_eq!(extended.to_string(), text);
        for wrong in [
            String::new(),
            format!("\n0\n{root}\n"),
            format!("o\n00\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n1\n{}\n", &root[1..]),
            format!("o\n1\n{root}"),
            format!("o\n1\n{root}\n\n"),
            "o\n1\n".to_owned(),
        ] {
            assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
        }
    }
}
