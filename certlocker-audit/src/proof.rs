//! Receipts: that an entry is in a log, in one text that is checked without the log.
//!
//! [c2sp.org/tlog-proof](https://c2sp.org/tlog-proof).

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::encoding::{base64, decimal, from_base64};
use crate::note::{Note, NoteError, VerifierKey};
use crate::tree::{Hash, ProofError, leaf_hash, verify_inclusion};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// No path in a tree is longer.
const LONGEST_PATH: usize = 64;

/// The place of an entry, the path from there to the root, and the signed root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the specification fixes it")]
pub struct Receipt {
    /// The index of the entry.
    pub index: u64,
    /// What the one who made it added, if anything.
    pub extra: Option<Vec<u8>>,
    /// The audit path, leaf side first.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The checkpoint is not one of the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is no receipt.
    #[error("this is no tlog-proof: {0}")]
    Malformed(&'static str),
    /// The path does not lead from the entry to the root.
    #[error(transparent)]
    Path(#[from] ProofError),
}

impl Receipt {
    /// Checks that the log with this key has `entry` at the place that the receipt names.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(
        &self,
        entry: &[u8],
        log: &VerifierKey,
    ) -> Result<SignedCheckpoint, ReceiptError> {
        let signed = SignedCheckpoint::open(self.checkpoint.to_string().as_bytes(), log)?;
        let checkpoint = signed.checkpoint();
        let leaf = leaf_hash(entry);
        verify_inclusion(
            &leaf,
            self.index,
            checkpoint.size,
            &self.path,
            &checkpoint.root,
        )?;
        Ok(signed)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let malformed = ReceiptError::Malformed;
        let (head, note) = text
            .split_once("\n\n")
            .ok_or_else(|| malformed("it has no blank line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("its first line is not that of version 1"));
        }
        let extra = lines.peek().and_then(|line| line.strip_prefix("extra "));
        let extra = match extra {
            Some(extra) => {
                lines.next();
                Some(from_base64(extra).ok_or_else(|| malformed("`extra` is not base64"))?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(decimal);
        let path: Option<Vec<Hash>> = lines.map(Hash::from_base64).collect();
        let path = path.filter(|path| path.len() <= LONGEST_PATH);
        Ok(Self {
            index: index.ok_or_else(|| malformed("there is no index"))?,
            extra,
            path: path.ok_or_else(|| malformed("the path is not one of hashes"))?,
            checkpoint: Note::parse(note.as_bytes())
                .map_err(|error: NoteError| CheckpointError::Note(error))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use certlocker_core::Secret;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::SigningKey;
    use crate::tree::{inclusion, root};

    fn receipt(index: u64) -> (Receipt, VerifierKey) {
        let key = SigningKey::from_seed("l.example".parse().unwrap(), &Secret::new(vec![7; 32]));
        let key = key.unwrap();
        let leaves: Vec<Hash> = (0_u8..7).map(|entry| leaf_hash(&[entry])).collect();
        let checkpoint = Checkpoint {
            origin: "l.example".to_owned(),
            size: 7,
            root: root(&leaves),
        };
        let receipt = Receipt {
            index,
            extra: (index == 3).then(|| b"more".to_vec()),
            path: inclusion(index, 7, leaves.as_slice()).unwrap().unwrap(),
            checkpoint: checkpoint.sign(&key).unwrap().note().clone(),
        };
        (receipt, key.verifier().clone())
    }

    #[test]
    fn a_receipt_is_checked_without_the_log() {
        for index in 0..7 {
            let (receipt, key) = receipt(index);
            let read: Receipt = receipt.to_string().parse().unwrap();
            assert_eq!(read, receipt);
            let entry = [u8::try_from(index).unwrap()];
            assert_eq!(read.verify(&entry, &key).unwrap().checkpoint().size, 7);
            assert!(read.verify(b"x", &key).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_of_a_receipt_is_refused() {
        let (receipt, key) = receipt(4);
        let bytes = receipt.to_string().into_bytes();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1 << bit;
                let text = String::from_utf8(wrong).ok();
                let read = text.and_then(|text| text.parse::<Receipt>().ok());
                let accepted = read.is_some_and(|read| read.verify(&[4], &key).is_ok());
                assert!(!accepted, "byte {place}, bit {bit}");
            }
        }
    }
}
