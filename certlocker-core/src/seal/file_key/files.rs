//! How keys lie in files, and come there.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::super::{
    LocalKey,
    protected::{self, Cost, Locked},
};
use super::{FileKey, FileKeyError, Held};
use crate::{Random, Secret};

/// Where a key file is, and what protects it.
pub struct KeyFile {
    cost: Cost,
    passphrase: Option<Secret>,
    path: PathBuf,
    readers: Readers,
}

/// Who may read a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    Owner,
    /// The group too: the service manager shows who may read by the bits of the group.
    Group,
}

/// What is different when a file was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

const NAME_BEGINS: &str = "local:";
const NAME_ENDS: &str = ".key";

impl KeyFile {
    /// A file without a passphrase.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            cost: Cost::RECOMMENDED,
            passphrase: None,
            path: path.as_ref().to_owned(),
            readers: Readers::Owner,
        }
    }

    /// Whose key this passphrase protects.
    pub fn protected_by(self, passphrase: Secret) -> Self {
        let passphrase = Some(passphrase);
        Self { passphrase, ..self }
    }

    /// That a service manager put there as a credential, for this service only.
    pub fn of_service_manager(self) -> Self {
        let readers = Readers::Group;
        Self { readers, ..self }
    }

    #[cfg(test)]
    pub(super) fn cheap(self) -> Self {
        let cost = Cost::LEAST;
        Self { cost, ..self }
    }

    /// The key that is there.
    ///
    /// # Errors
    /// [`FileKeyError`], if there is no file, it lets others read it, it holds no key, or the
    /// passphrase is not its own.
    pub fn open(self) -> Result<FileKey, FileKeyError> {
        let stamp = self.stamp();
        let current = self.read()?.into();
        let others = Vec::new();
        let held = RwLock::new(Held {
            current,
            others,
            stamp,
        });
        Ok(FileKey { file: self, held })
    }

    /// The key that is there, or a new one, if there is no file.
    ///
    /// # Errors
    /// Those of [`KeyFile::open`], and [`FileKeyError::Unusable`] if a new file cannot be written.
    pub fn open_or_create(self, random: Random<'_>) -> Result<FileKey, FileKeyError> {
        if !self.path.exists() {
            self.write(&self.path, &LocalKey::random(random), random)?;
        }
        self.open()
    }

    pub(super) fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some(Stamp {
            inode: inode(&metadata),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    pub(super) fn read(&self) -> Result<LocalKey, FileKeyError> {
        self.read_at(&self.path)
    }

    /// The key of this id, if it is in the directory.
    pub(super) fn read_kept(&self, key_id: &str) -> Result<Option<LocalKey>, FileKeyError> {
        let Some(path) = self.place_of(key_id).filter(|path| path.exists()) else {
            return Ok(None);
        };
        let key = self.read_at(&path)?;
        Ok(Some(key).filter(|key| key.id() == key_id))
    }

    /// Puts a key into the directory.
    pub(super) fn keep(&self, key: &LocalKey, random: Random<'_>) -> Result<(), FileKeyError> {
        let directory = self.directory();
        if !directory.exists() {
            let mut builder = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            let made = builder.recursive(true).create(&directory);
            made.map_err(|source| unusable(&directory, source))?;
            synced(&self.path).map_err(|source| unusable(&directory, source))?;
        }
        let place = self.place_of(key.id());
        let place = place.expect("the id of a key is what names of files are made from");
        self.write(&place, key, random)
    }

    /// Gives a key of the directory the place of the one that wraps.
    pub(super) fn put(&self, key: &LocalKey) -> Result<(), FileKeyError> {
        let place = self.place_of(key.id());
        let place = place.expect("the id of a key is what names of files are made from");
        let new = beside(&self.path);
        let put = fs::hard_link(&place, &new)
            .and_then(|()| fs::rename(&new, &self.path))
            .and_then(|()| synced(&self.path));
        put.map_err(|source| unusable(&self.path, source))
    }

    pub(super) fn kept(&self) -> Result<Vec<(String, PathBuf)>, FileKeyError> {
        let directory = self.directory();
        let listed = match fs::read_dir(&directory) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unusable(&directory, source)),
        };
        let mut kept = Vec::new();
        for entry in listed {
            let path = entry.map_err(|source| unusable(&directory, source))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let digits = name.and_then(|name| name.strip_suffix(NAME_ENDS));
            if let Some(digits) = digits.filter(|digits| is_digits(digits)) {
                kept.push((format!("{NAME_BEGINS}{digits}"), path));
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// Where the keys are that it replaced.
    pub fn directory(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".d");
        name.into()
    }

    /// Ids come from stored bytes, too, and are no paths.
    fn place_of(&self, key_id: &str) -> Option<PathBuf> {
        let digits = key_id.strip_prefix(NAME_BEGINS)?;
        let name = format!("{digits}{NAME_ENDS}");
        is_digits(digits).then(|| self.directory().join(name))
    }

    fn read_at(&self, path: &Path) -> Result<LocalKey, FileKeyError> {
        let file = File::open(path).map_err(|source| unusable(path, source))?;
        check_mode(&file, path, self.readers)?;
        // Room for one byte too many, which is one too many.
        let mut bytes = Zeroizing::new(Vec::with_capacity(protected::LENGTH + 1));
        let mut start = file.take(protected::LENGTH as u64 + 1);
        let read = start.read_to_end(&mut bytes);
        read.map_err(|source| unusable(path, source))?;
        let path = path.to_path_buf();
        let length = |path| FileKeyError::Length {
            expected: LocalKey::LENGTH,
            path,
        };
        let key = match (&self.passphrase, protected::is_protected(&bytes)) {
            _ if bytes.len() == LocalKey::LENGTH && self.passphrase.is_some() => {
                return Err(FileKeyError::Unprotected { path });
            }
            _ if bytes.len() == LocalKey::LENGTH => Ok(Secret::new(std::mem::take(&mut bytes))),
            (None, true) => return Err(FileKeyError::Protected { path }),
            (Some(passphrase), true) => protected::unprotect(&bytes, passphrase),
            (_, false) => Err(Locked::Form),
        };
        match key {
            Ok(key) => LocalKey::from_bytes(key).map_err(|_| length(path)),
            Err(Locked::Form) => Err(length(path)),
            Err(Locked::Passphrase) => Err(FileKeyError::WrongPassphrase { path }),
        }
    }

    /// Writes a key beside `path` and gives it that name when it is whole; one that another process
    /// put there in the meantime stays.
    fn write(&self, path: &Path, key: &LocalKey, random: Random<'_>) -> Result<(), FileKeyError> {
        let failed = |source| unusable(path, source);
        let bytes = Zeroizing::new(match &self.passphrase {
            None => key.bytes().to_vec(),
            Some(passphrase) => {
                let protected = protected::protect(key.bytes(), passphrase, self.cost, random);
                let why = "the passphrase cannot be used";
                protected.map_err(|_| failed(io::Error::other(why)))?
            }
        });
        let new = beside(path);
        let named = written(&new, &bytes).and_then(|()| match fs::hard_link(&new, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
        // Whatever became of it, this name is not needed any more.
        let _ = fs::remove_file(&new);
        named.and_then(|()| synced(path)).map_err(failed)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyFile").field(&self.path).finish()
    }
}

fn is_digits(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

fn unusable(path: &Path, source: io::Error) -> FileKeyError {
    let path = path.to_path_buf();
    FileKeyError::Unusable { path, source }
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path, readers: Readers) -> Result<(), FileKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| unusable(path, source))?;
    let mode = metadata.permissions().mode() & 0o777;
    let others = match readers {
        Readers::Owner => 0o077,
        Readers::Group => 0o037,
    };
    if mode & others == 0 {
        return Ok(());
    }
    let path = path.to_path_buf();
    Err(FileKeyError::Exposed { mode, path })
}

#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path, _: Readers) -> Result<(), FileKeyError> {
    Ok(())
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// A name in the same directory that is this process's own.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    name.into()
}

fn written(new: &Path, key: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(new)?;
    file.write_all(key)?;
    file.sync_all()
}

/// Makes the name of a file durable.
fn synced(path: &Path) -> io::Result<()> {
    let directory = path.parent();
    let directory = directory.filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}
