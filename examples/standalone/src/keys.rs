//! The keys that wrap secrets, from where the settings say.

use std::env::{self, VarError};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certlocker_core::{
    FileKey, FileKeyError, InvalidKey, KeyFile, KeyRing, KeyWrap, LocalKey, Secret,
};

use crate::config::{KeySource, Settings};

/// The keys of this process.
#[derive(Clone)]
#[non_exhaustive]
pub struct Keys {
    /// The file of the key that wraps, if it is in one that is ours to renew.
    pub file: Option<Arc<FileKey>>,
    /// All of them.
    pub ring: Arc<KeyRing>,
    retired: Vec<Arc<dyn KeyWrap>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ring.fmt(f)
    }
}

/// Why a key cannot be had; never with the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No service manager handed this process credentials.
    #[error("there is no credential `{0}`: CREDENTIALS_DIRECTORY is not set")]
    Credential(String),
    /// A file with a key.
    #[error(transparent)]
    File(#[from] FileKeyError),
    /// A variable holds something else.
    #[error("the environment variable {name} holds no key in base64")]
    Invalid {
        /// The variable.
        name: String,
        /// What is wrong with it.
        #[source]
        why: InvalidKey,
    },
    /// A file with a passphrase.
    #[error("the passphrase in {} cannot be used", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        why: io::Error,
    },
    /// A variable that is not there, or no text.
    #[error("the environment variable {0}, which should hold a key in base64, is not set")]
    Variable(String),
}

impl Keys {
    /// The keys that the settings name; a file that is named for the key that wraps is made when it
    /// is missing.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(settings: &Settings) -> Result<Self, KeyError> {
        let (current, file) = current(settings)?;
        let sources = settings.retired_key.iter();
        let retired: Vec<_> = sources.map(key).collect::<Result<_, _>>()?;
        Ok(Self {
            file,
            ring: Arc::new(KeyRing::new(current, retired.clone())),
            retired,
        })
    }

    /// The keys that are here besides the one that wraps, by id, and where those are that are files.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn others(&self) -> Result<Vec<(String, Option<PathBuf>)>, KeyError> {
        let kept = self
            .file
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |file| file.kept())?;
        let kept = kept.into_iter().map(|(id, path)| (id, Some(path)));
        let retired = self.retired.iter().map(|key| (key.key_id(), None));
        let current = self.ring.key_id();
        Ok(kept
            .chain(retired)
            .filter(|(id, _)| *id != current)
            .collect())
    }
}

/// Where the key file of the settings is, if the key that wraps is in one.
pub fn file_of(settings: &Settings) -> Option<&Path> {
    match &settings.master_key_from {
        None => Some(&settings.master_key_file),
        Some(KeySource::File { path, .. }) => Some(path),
        Some(_) => None,
    }
}

type Current = (Arc<dyn KeyWrap>, Option<Arc<FileKey>>);

fn current(settings: &Settings) -> Result<Current, KeyError> {
    let (path, passphrase_file) = match &settings.master_key_from {
        None => (
            &settings.master_key_file,
            &settings.master_key_passphrase_file,
        ),
        Some(KeySource::File {
            passphrase_file,
            path,
        }) => (path, passphrase_file),
        Some(other) => return Ok((key(other)?, None)),
    };
    let file = key_file(path, passphrase_file.as_deref())?;
    let file = Arc::new(file.open_or_create(&mut crate::random::fill)?);
    Ok((file.clone(), Some(file)))
}

fn key(source: &KeySource) -> Result<Arc<dyn KeyWrap>, KeyError> {
    Ok(match source {
        KeySource::Credential {
            name,
            passphrase_file,
        } => {
            let directory = credentials().ok_or_else(|| KeyError::Credential(name.clone()))?;
            let file = key_file(&directory.join(name), passphrase_file.as_deref())?;
            Arc::new(file.of_service_manager().open()?)
        }
        KeySource::Environment(name) => Arc::new(variable(name)?),
        KeySource::File {
            passphrase_file,
            path,
        } => Arc::new(key_file(path, passphrase_file.as_deref())?.open()?),
    })
}

fn key_file(path: &Path, passphrase_file: Option<&Path>) -> Result<KeyFile, KeyError> {
    let file = KeyFile::at(path);
    let Some(passphrase_file) = passphrase_file else {
        return Ok(file);
    };
    let passphrase = passphrase(passphrase_file).map_err(|why| KeyError::Passphrase {
        path: passphrase_file.to_owned(),
        why,
    })?;
    Ok(file.protected_by(passphrase))
}

fn variable(name: &str) -> Result<LocalKey, KeyError> {
    let text = match env::var(name) {
        Ok(text) => Secret::new(text.into_bytes()),
        // What is no text is not shown either.
        Err(VarError::NotPresent | VarError::NotUnicode(_)) => {
            return Err(KeyError::Variable(name.to_owned()));
        }
    };
    let text = str::from_utf8(text.expose()).unwrap_or_default();
    LocalKey::from_base64(text).map_err(|why| KeyError::Invalid {
        name: name.to_owned(),
        why,
    })
}

/// The first line of a file that only its owner can read, or a service manager put there.
fn passphrase(path: &Path) -> io::Result<Secret> {
    const LONGEST: u64 = 4_096;
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let is_credential = credentials().is_some_and(|directory| path.starts_with(directory));
    if mode & if is_credential { 0o037 } else { 0o077 } != 0 {
        let why = format!("it has mode {mode:03o}: nobody but its owner may read it (chmod 600)");
        return Err(io::Error::other(why));
    }
    let mut text = Vec::with_capacity(LONGEST as usize);
    file.take(LONGEST).read_to_end(&mut text)?;
    let text = Secret::new(text);
    let line = text
        .expose()
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next();
    match line {
        Some(line) if !line.is_empty() => Ok(Secret::new(line.to_vec())),
        _ => Err(io::Error::other("its first line is empty")),
    }
}

fn credentials() -> Option<PathBuf> {
    let directory = env::var_os("CREDENTIALS_DIRECTORY")?;
    fs::canonicalize(directory).ok()
}
