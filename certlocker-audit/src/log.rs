//! A log in files: appended to, signed, and whole after every crash.
//!
//! An append writes bundles, then tiles, then the checkpoint, each of them durable before the next
//! and under a name of its own until it is whole. What the checkpoint names is therefore there; what
//! a crash left beside it is written again by the next append.

mod edge;

use std::io;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::files::{Files, Source, write_whole};
use crate::note::SigningKey;
use crate::proof::Receipt;
use crate::reader::{ReadError, Tiles};
use crate::tile::{CHECKPOINT, EntryTooLong, Resource};
use crate::tree::{Hash, consistency, inclusion};

use edge::Edge;

/// A log that entries are appended to. There may be one such for a place.
#[derive(Debug)]
pub struct Log<F> {
    files: F,
    key: Arc<SigningKey>,
    edge: Edge,
    checkpoint: SignedCheckpoint,
    failed: bool,
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The checkpoint is not one of ours.
    #[error("the log's checkpoint is not to be trusted")]
    Checkpoint(#[from] CheckpointError),
    /// The tiles do not lead to the signed root.
    #[error(
        "the tiles of the log lead to the root {seen} at size {size}, and {expected} is signed"
    )]
    Damaged {
        /// The size that is signed.
        size: u64,
        /// The root that is signed.
        expected: Hash,
        /// What the tiles give.
        seen: Hash,
    },
    /// Something else is where an entry should go.
    #[error("{0} is there with other entries than those that are to be written")]
    Diverged(String),
    /// A write failed before; nothing is written until the log is opened again.
    #[error(
        "a write of the log failed before, so what is on the disk is not known; it has to be opened again"
    )]
    Failed,
    /// An entry is too long.
    #[error(transparent)]
    TooLong(#[from] EntryTooLong),
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl<F: Files> Log<F> {
    /// Opens the log in `files`, or begins one there; its name is that of the key.
    ///
    /// # Errors
    /// [`LogError`]; nothing is changed then.
    pub fn open(files: F, key: impl Into<Arc<SigningKey>>) -> Result<Self, LogError> {
        let key = key.into();
        let checkpoint = match files.read(CHECKPOINT) {
            Ok(bytes) => SignedCheckpoint::open(&bytes, key.verifier())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => begin(&files, &key)?,
            Err(source) => {
                let path = CHECKPOINT.to_owned();
                return Err(ReadError::Unreadable { path, source }.into());
            }
        };
        let edge = Edge::read(&files, checkpoint.checkpoint().size)?;
        let (expected, seen) = (checkpoint.checkpoint().root, edge.root());
        if expected != seen {
            let size = edge.size();
            return Err(LogError::Damaged {
                size,
                expected,
                seen,
            });
        }
        Ok(Self {
            files,
            key,
            edge,
            checkpoint,
            failed: false,
        })
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Where it is kept.
    pub fn files(&self) -> &F {
        &self.files
    }

    /// Appends entries and signs the new checkpoint; once this returns they are durable.
    ///
    /// # Errors
    /// [`LogError::TooLong`] if an entry does not fit: nothing is written. After any other error
    /// the log takes nothing until it is opened again; its size is then the old or the new one.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<&SignedCheckpoint, LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        let mut edge = self.edge.clone();
        let written = edge.extend(entries)?;
        if written.is_empty() {
            return Ok(&self.checkpoint);
        }
        self.failed = true;
        for (resource, bytes) in &written {
            self.put(*resource, bytes)?;
        }
        self.checkpoint = publish(&self.files, &self.key, &edge)?;
        self.edge = edge;
        self.failed = false;
        self.remove_partials(&written);
        Ok(&self.checkpoint)
    }

    /// Adds the signatures of witnesses to the newest checkpoint.
    ///
    /// # Errors
    /// [`LogError::Write`]; the log has to be opened again then.
    pub fn add_cosignatures(
        &mut self,
        signatures: Vec<crate::note::Signature>,
    ) -> Result<(), LogError> {
        let cosigned = self.checkpoint.clone().cosigned(signatures);
        self.failed = true;
        put_checkpoint(&self.files, &cosigned)?;
        self.checkpoint = cosigned;
        self.failed = false;
        Ok(())
    }

    /// The proof that an entry is in the log, as one text to hand out; nothing if there is no such
    /// entry.
    ///
    /// # Errors
    /// [`LogError::Read`].
    pub fn receipt(&self, index: u64) -> Result<Option<Receipt>, LogError> {
        receipt(&self.files, &self.checkpoint, index)
    }

    /// The proof that the log at size `old` is its own beginning; nothing if it was never so large.
    ///
    /// # Errors
    /// [`LogError::Read`].
    pub fn consistency(&self, old: u64) -> Result<Option<Vec<Hash>>, LogError> {
        let tiles = Tiles::new(&self.files, self.size());
        Ok(consistency(old, self.size(), &tiles)?)
    }

    /// Removes the full bundles of entries below `minimum`; the tree stays, and with it every
    /// proof. Not to be done without a written policy of retention; see [`Plan`](crate::prune::Plan).
    ///
    /// # Errors
    /// [`LogError::Write`]; what was removed until then is gone.
    pub fn prune(&self, minimum: u64) -> Result<(), LogError> {
        crate::prune::remove_below(&self.files, minimum.min(self.size()))
    }

    /// What a crash left there is replaced if it begins as this does: whether it is durable is not
    /// known. Anything else there is another history.
    fn put(&self, resource: Resource, bytes: &[u8]) -> Result<(), LogError> {
        let path = resource.to_string();
        match self.files.read(&path) {
            Ok(found) if found != bytes => return Err(LogError::Diverged(path)),
            _ => {}
        }
        let written = write_whole(&self.files, &path, bytes);
        written.map_err(|source| LogError::Write { path, source })
    }

    /// A partial resource is of no use once it is full. One that stays does no harm.
    fn remove_partials(&self, written: &[(Resource, Vec<u8>)]) {
        let paths = written.iter().map(|(resource, _)| resource.to_string());
        for path in paths.filter(|path| !path.contains(".p/")) {
            let _ = self.files.remove(&format!("{path}.p"));
        }
    }
}

/// The proof that entry `index` is in the log with this checkpoint; nothing if it has none such.
///
/// # Errors
/// [`LogError::Read`].
pub fn receipt(
    source: &dyn Source,
    checkpoint: &SignedCheckpoint,
    index: u64,
) -> Result<Option<Receipt>, LogError> {
    let size = checkpoint.checkpoint().size;
    let path = inclusion(index, size, &Tiles::new(source, size))?;
    Ok(path.map(|path| Receipt {
        index,
        extra: None,
        path,
        checkpoint: checkpoint.note().clone(),
    }))
}

fn begin<F: Files>(files: &F, key: &SigningKey) -> Result<SignedCheckpoint, LogError> {
    publish(files, key, &Edge::default())
}

fn publish<F: Files>(
    files: &F,
    key: &SigningKey,
    edge: &Edge,
) -> Result<SignedCheckpoint, LogError> {
    let checkpoint = Checkpoint {
        origin: key.verifier().name().to_string(),
        size: edge.size(),
        root: edge.root(),
    };
    let signed = checkpoint.sign(key)?;
    put_checkpoint(files, &signed)?;
    Ok(signed)
}

fn put_checkpoint<F: Files>(files: &F, signed: &SignedCheckpoint) -> Result<(), LogError> {
    let written = write_whole(files, CHECKPOINT, signed.to_string().as_bytes());
    written.map_err(|source| LogError::Write {
        path: CHECKPOINT.to_owned(),
        source,
    })
}
