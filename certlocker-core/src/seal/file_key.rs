//! Wrapping keys in a file, and in the directory beside it.

mod files;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use super::LocalKey;
use crate::{KeyWrap, Random, Secret, SecretError};
pub use files::KeyFile;
use files::Stamp;

/// A wrapping key in a file that its owner only can read, and those that it replaced.
///
/// The file has the key that wraps; the directory of the same name with `.d` behind it has every key
/// that wrapped before, each in a file that is named by its id. Both are looked at again when the
/// file has changed, or a key is asked for that is not known yet: another process can renew the key
/// while this one runs.
///
/// It protects secrets from whoever reads the database, a backup of it perhaps, and not the file:
/// keep them apart.
pub struct FileKey {
    file: KeyFile,
    held: RwLock<Held>,
}

#[derive(Clone)]
struct Held {
    current: Arc<LocalKey>,
    others: Vec<Arc<LocalKey>>,
    stamp: Option<Stamp>,
}

/// Why a key file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileKeyError {
    /// Others may read or write it.
    #[error(
        "the key file {path} has mode {mode:03o}: nobody but its owner may read or write it (chmod 600)"
    )]
    Exposed {
        /// Its permissions.
        mode: u32,
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error(
        "the key file {path} holds no key: {expected} bytes were expected, or a key that a passphrase protects"
    )]
    Length {
        /// The length of a key.
        expected: usize,
        /// The file.
        path: PathBuf,
    },
    /// Its passphrase is needed.
    #[error("the key file {path} is protected by a passphrase, and none was given")]
    Protected {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase was given for a key without.
    #[error(
        "a passphrase was given for the key file {path}, which is not protected by one: give none, or make a new key and retire this one"
    )]
    Unprotected {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("the key file {path} cannot be used")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The passphrase is another one.
    #[error("the key file {path} does not open with the passphrase that was given, or was changed")]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
}

impl FileKey {
    /// The key that is in this file; see [`KeyFile::open`].
    ///
    /// # Errors
    /// [`FileKeyError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileKeyError> {
        KeyFile::at(path).open()
    }

    /// The key that is in this file, or a new one; see [`KeyFile::open_or_create`].
    ///
    /// # Errors
    /// [`FileKeyError`].
    pub fn open_or_create(
        path: impl AsRef<Path>,
        random: Random<'_>,
    ) -> Result<Self, FileKeyError> {
        KeyFile::at(path).open_or_create(random)
    }

    /// Puts a new key in the place of the one that wraps; the answer is its id.
    ///
    /// Both are in the directory before anything is wrapped under the new one, so that nothing is
    /// lost by a crash, or when two do this at the same time.
    ///
    /// # Errors
    /// [`FileKeyError::Unusable`]; then the key that wraps is as it was.
    pub fn renew(&self, random: Random<'_>) -> Result<String, FileKeyError> {
        let new = LocalKey::random(random);
        self.file.keep(&self.current(), random)?;
        self.file.keep(&new, random)?;
        self.file.put(&new)?;
        Ok(new.key_id())
    }

    /// The keys in the directory: their ids, and where they are.
    ///
    /// # Errors
    /// [`FileKeyError::Unusable`].
    pub fn kept(&self) -> Result<Vec<(String, PathBuf)>, FileKeyError> {
        self.file.kept()
    }

    /// The key that wraps, after a look at whether it is another one by now.
    fn current(&self) -> Arc<LocalKey> {
        let stamp = self.file.stamp();
        let held = self.held();
        if held.stamp == stamp {
            return held.current;
        }
        // What cannot be read, because it is being replaced perhaps, leaves the one before.
        let Ok(read) = self.file.read() else {
            return held.current;
        };
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut held.current, Arc::new(read));
        held.others.push(before);
        held.stamp = stamp;
        held.current.clone()
    }

    fn named(&self, key_id: &str) -> Result<Arc<LocalKey>, SecretError> {
        let current = self.current();
        let others = self.held().others;
        let mut known = std::iter::once(current).chain(others);
        if let Some(key) = known.find(|key| key.id() == key_id) {
            return Ok(key);
        }
        let read = self.file.read_kept(key_id);
        let read = read.map_err(|error| SecretError::Wrap(error.into()))?;
        let read = Arc::new(read.ok_or_else(|| SecretError::UnknownKey(key_id.to_owned()))?);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.others.push(read.clone());
        Ok(read)
    }

    fn held(&self) -> Held {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}

#[async_trait]
impl KeyWrap for FileKey {
    fn key_id(&self) -> String {
        self.current().key_id()
    }

    async fn wrap_key(
        &self,
        key_id: &str,
        key: &Secret,
        context: &[u8],
    ) -> Result<Vec<u8>, SecretError> {
        self.named(key_id)?.wrap_key(key_id, key, context).await
    }

    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError> {
        let key = self.named(key_id)?;
        key.unwrap_key(key_id, wrapped, context).await
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.held().current.key_id();
        f.debug_tuple("FileKey").field(&id).finish()
    }
}
