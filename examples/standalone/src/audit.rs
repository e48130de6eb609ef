//! The audit log in the data directory: its files, its key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use certlocker_audit::checkpoint::SignedCheckpoint;
use certlocker_audit::files::{Disk, Files, Source, write_whole};
use certlocker_audit::log::LogError;
use certlocker_audit::note::{InvalidSigningKey, SigningKey, VerifierKey};
use certlocker_core::{
    Attribution, Changeset, Page, Secret, SecretError, SecretPurpose, SecretStore, Store,
    StoreError, Timestamp,
};

use crate::home::Home;

/// The file with the newest checkpoint that is cosigned, beside the newest of all.
pub const WITNESSED: &str = "checkpoint.witnessed";

/// Where the log and its public key are.
#[derive(Clone, Debug)]
pub struct AuditHome {
    files: Disk,
    key: PathBuf,
}

/// Why the audit log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something does not read.
    #[error("{what}: {why}")]
    Invalid {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// The sealed key is none.
    #[error("the key that signs the audit log does not read")]
    Key(#[from] InvalidSigningKey),
    /// The log cannot be opened or read.
    #[error("the audit log, in `audit` of the data directory, cannot be used")]
    Log(#[from] LogError),
    /// The key cannot be sealed or opened.
    #[error("the key that signs the audit log cannot be sealed or opened")]
    Secret(#[from] SecretError),
    /// The store failed.
    #[error("the key that signs the audit log cannot be read from or written to the store")]
    Store(#[from] StoreError),
}

impl AuditHome {
    /// The log of a data directory.
    pub fn of(home: &Home) -> Self {
        Self {
            files: Disk::at(home.audit_log()),
            key: home.audit_key_file(),
        }
    }

    /// The files of the log.
    pub fn files(&self) -> &Disk {
        &self.files
    }

    /// The newest checkpoint that witnesses have cosigned as the policy asks, if there is one.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn witnessed(&self) -> Result<Option<SignedCheckpoint>, AuditError> {
        match self.files.read(WITNESSED) {
            Ok(bytes) => {
                let opened = SignedCheckpoint::open(&bytes, &self.verifier()?);
                Ok(Some(opened.map_err(LogError::from)?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.witnessed_file(source)),
        }
    }

    /// Keeps a checkpoint that witnesses have cosigned.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn keep_witnessed(&self, checkpoint: &SignedCheckpoint) -> Result<(), AuditError> {
        let kept = write_whole(&self.files, WITNESSED, checkpoint.to_string().as_bytes());
        kept.map_err(|source| self.witnessed_file(source))
    }

    /// Keeps it no longer: nobody adds to it.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn forget_witnessed(&self) -> Result<(), AuditError> {
        let removed = self.files.remove(WITNESSED);
        removed.map_err(|source| self.witnessed_file(source))
    }

    fn witnessed_file(&self, source: io::Error) -> AuditError {
        AuditError::File {
            path: self.files.path().join(WITNESSED),
            source,
        }
    }

    /// The key that verifies the log, as the server wrote it.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn verifier(&self) -> Result<VerifierKey, AuditError> {
        verifier(&read(&self.key)?)
    }
}

/// A file as text.
///
/// # Errors
/// [`AuditError::File`].
pub fn read(path: &Path) -> Result<String, AuditError> {
    fs::read_to_string(path).map_err(|source| AuditError::File {
        path: path.to_owned(),
        source,
    })
}

/// A key from its text form.
///
/// # Errors
/// [`AuditError::Invalid`].
pub fn verifier(text: &str) -> Result<VerifierKey, AuditError> {
    text.trim().parse().map_err(|error| AuditError::Invalid {
        what: "the key of the audit log".to_owned(),
        why: format!("{error}"),
    })
}

/// The key that signs the log, from the store, or a new one with this name; that it was opened is
/// recorded. The name is sealed with the key, so that it stays when the URL changes.
///
/// # Errors
/// [`AuditError`].
pub async fn signing_key(
    store: &dyn Store,
    secrets: &dyn SecretStore,
    name: &str,
    by: &Attribution,
    now: Timestamp,
) -> Result<SigningKey, AuditError> {
    let page = Page::newest(1);
    let kept = store.sealed_for(SecretPurpose::AuditKey, page).await?;
    if let Some(kept) = kept.first() {
        let purpose = SecretPurpose::AuditKey;
        let opened = secrets.open(kept.value.id(), purpose, by, now).await?;
        return Ok(SigningKey::from_text(&opened)?);
    }
    let mut seed = vec![0; SigningKey::SEED];
    crate::random::fill(&mut seed);
    let name = name.parse().map_err(|error| AuditError::Invalid {
        what: "the name of the audit log".to_owned(),
        why: format!("{error}"),
    })?;
    let (key, text) = SigningKey::with_text(name, &Secret::new(seed))?;
    let mut random = crate::random::fill;
    let sealed = secrets
        .seal(&text, SecretPurpose::AuditKey, &mut random, now)
        .await?;
    store.commit(Changeset::of(sealed.by(by))).await?;
    Ok(key)
}
