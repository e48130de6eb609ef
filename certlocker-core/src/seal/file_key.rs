//! A wrapping key in a file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::envelope::{NONCE, joined};
use super::{KEY, cipher, unreadable};
use crate::secret::hexadecimal;
use crate::{KeyWrap, Random, Secret, SecretError};

/// A wrapping key in a file that its owner only can read.
///
/// It protects secrets from whoever reads the database, a backup of it perhaps, and not the file:
/// keep them apart.
pub struct FileKey {
    id: String,
    key: Secret,
}

/// Why a key file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileKeyError {
    /// Others may read it, or its group may write it.
    #[error(
        "the key file {path} has mode {mode:03o}: its owner may read and write it, its group may read it, and others nothing (chmod 600)"
    )]
    Exposed {
        /// Its permissions.
        mode: u32,
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("the key file {path} has another length than a key: {expected} bytes were expected")]
    Length {
        /// The length of a key.
        expected: usize,
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
}

impl FileKey {
    /// The key that is in this file.
    ///
    /// # Errors
    /// [`FileKeyError`], if there is no file, it lets others read it, or it holds no key.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileKeyError> {
        let path = path.as_ref();
        let unusable = |source| FileKeyError::Unusable {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(unusable)?;
        check_mode(&file, path)?;
        // Room for one byte too many, which is one too many.
        let mut key = Zeroizing::new(Vec::with_capacity(KEY + 1));
        let mut start = file.take(KEY as u64 + 1);
        start.read_to_end(&mut key).map_err(unusable)?;
        if key.len() != KEY {
            return Err(FileKeyError::Length {
                expected: KEY,
                path: path.to_path_buf(),
            });
        }
        Ok(Self::of(Secret::new(std::mem::take(&mut key))))
    }

    /// The key that is in this file, or a new one, if there is no file.
    ///
    /// # Errors
    /// Those of [`FileKey::open`], and [`FileKeyError::Unusable`] if a new file cannot be written.
    pub fn open_or_create(
        path: impl AsRef<Path>,
        random: Random<'_>,
    ) -> Result<Self, FileKeyError> {
        let path = path.as_ref();
        if !path.exists() {
            let created = create(path, random);
            created.map_err(|source| FileKeyError::Unusable {
                path: path.to_path_buf(),
                source,
            })?;
        }
        Self::open(path)
    }

    fn of(key: Secret) -> Self {
        let digest = Sha256::digest(joined(&[b"certlocker/file-key/v1", key.expose()]));
        let id = format!("file:{}", hexadecimal(&digest[..8]));
        Self { id, key }
    }

    /// A nonce that follows from what it is used for: the same only for the same key under the
    /// same context, which then wraps to the same bytes.
    fn nonce(&self, key: &Secret, context: &[u8]) -> [u8; NONCE] {
        let of = Zeroizing::new(joined(&[
            b"certlocker/wrap-nonce/v1",
            self.key.expose(),
            context,
            key.expose(),
        ]));
        let digest: [u8; 32] = Sha256::digest(&*of).into();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&digest[..NONCE]);
        nonce
    }
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<(), FileKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| FileKeyError::Unusable {
        path: path.to_path_buf(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o037 == 0 {
        return Ok(());
    }
    let path = path.to_path_buf();
    Err(FileKeyError::Exposed { mode, path })
}

#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path) -> Result<(), FileKeyError> {
    Ok(())
}

/// Writes a new key beside `path` and gives it that name when it is whole; a key that another
/// process put there in the meantime stays.
fn create(path: &Path, random: Random<'_>) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let mut key = Zeroizing::new([0; KEY]);
    random(&mut *key);
    let named = write(&new, &*key).and_then(|()| match fs::hard_link(&new, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    // Whatever became of it, this name is not needed any more.
    let _ = fs::remove_file(&new);
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    named.and_then(|()| File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all())
}

fn write(new: &Path, key: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(new)?;
    file.write_all(key)?;
    file.sync_all()
}

fn bound(context: &[u8]) -> Vec<u8> {
    joined(&[b"certlocker/wrap/v1", context])
}

#[async_trait]
impl KeyWrap for FileKey {
    fn key_id(&self) -> String {
        self.id.clone()
    }

    async fn wrap_key(&self, key: &Secret, context: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (nonce, aad) = (self.nonce(key, context), bound(context));
        let payload = Payload {
            msg: key.expose(),
            aad: &aad,
        };
        let cipher = cipher(&self.key).expect("the length was checked when it was read");
        let wrapped = cipher.encrypt(&XNonce::from(nonce), payload);
        let wrapped = wrapped.map_err(|error| SecretError::Wrap(error.to_string().into()))?;
        Ok([nonce.as_slice(), &wrapped].concat())
    }

    async fn unwrap_key(
        &self,
        key_id: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Secret, SecretError> {
        if key_id != self.id {
            return Err(SecretError::UnknownKey(key_id.to_owned()));
        }
        let cut_short = || unreadable("its wrapped key is cut short");
        let (nonce, msg) = wrapped.split_first_chunk::<NONCE>().ok_or_else(cut_short)?;
        let aad = bound(context);
        let cipher = cipher(&self.key).expect("the length was checked when it was read");
        let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad });
        let changed =
            |_| unreadable("its wrapped key was changed, or sealed under another id or purpose");
        opened.map(Secret::new).map_err(changed)
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileKey").field(&self.id).finish()
    }
}
