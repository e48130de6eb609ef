//! The data directory: what lies where, and how it comes there.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::atomic::{self, Readers};
use crate::operator::AdminToken;

/// The data directory.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// Something in the data directory cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what} {} cannot be used", path.display())]
pub struct HomeError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Home {
    /// The directory at `path`, made if it is missing, for its owner only.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn prepare(path: &Path) -> Result<Self, HomeError> {
        let failed = |source| HomeError {
            what: "the data directory",
            path: path.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        Self::at(path)
    }

    /// The directory at `path`, which has to exist.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn at(path: &Path) -> Result<Self, HomeError> {
        let absolute = path.canonicalize();
        absolute.map(Self).map_err(|source| HomeError {
            what: "the data directory",
            path: path.to_owned(),
            source,
        })
    }

    /// Where it is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The root certificate, in PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// The bootstrap token of the operator plane.
    pub fn admin_token_file(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// The directory of the audit log.
    pub fn audit_log(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// The key that verifies the audit log.
    pub fn audit_key_file(&self) -> PathBuf {
        self.0.join("audit.vkey")
    }

    fn links_file(&self) -> PathBuf {
        self.0.join("gateway.url")
    }

    /// Reads the bootstrap token, making one first if there is none.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn admin_token(&self) -> Result<AdminToken, HomeError> {
        let path = self.admin_token_file();
        let failed = |source| HomeError {
            what: "the operator's token",
            path: path.clone(),
            source,
        };
        if !path.exists() {
            let mut token = [0; 32];
            crate::random::fill(&mut token);
            let text = format!("{}\n", URL_SAFE_NO_PAD.encode(token));
            atomic::write(&path, text.as_bytes(), Readers::Owner).map_err(failed)?;
        }
        fs::read_to_string(&path)
            .map(|text| AdminToken::new(&text))
            .map_err(failed)
    }

    /// Writes the root certificate.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn write_ca(&self, pem: &str) -> Result<(), HomeError> {
        let path = self.ca_file();
        atomic::write(&path, pem.as_bytes(), Readers::Everyone).map_err(|source| HomeError {
            what: "the CA file",
            path,
            source,
        })
    }

    /// Writes the key that verifies the audit log.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn write_audit_key(&self, key: &str) -> Result<(), HomeError> {
        let path = self.audit_key_file();
        let text = format!("{key}\n");
        atomic::write(&path, text.as_bytes(), Readers::Everyone).map_err(|source| HomeError {
            what: "the audit log's key",
            path,
            source,
        })
    }

    /// Notes under which URL the gateway is served, for commands that run beside it.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn write_base_url(&self, url: &str) -> Result<(), HomeError> {
        let path = self.links_file();
        atomic::write(&path, url.as_bytes(), Readers::Everyone).map_err(|source| HomeError {
            what: "the note of the URL",
            path,
            source,
        })
    }

    /// Under which URL the gateway was served last.
    pub fn base_url(&self) -> Option<String> {
        fs::read_to_string(self.links_file()).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::prepare(&directory.path().join("data")).unwrap();
        home.admin_token().unwrap();
        let first = fs::read_to_string(home.admin_token_file()).unwrap();
        home.admin_token().unwrap();
        assert_eq!(fs::read_to_string(home.admin_token_file()).unwrap(), first);
        assert_eq!(
            fs::metadata(home.admin_token_file())
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(home.path()).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = Home::prepare(Path::new("/proc/certlocker")).unwrap_err();
        assert!(error.to_string().contains("/proc/certlocker"), "{error}");
    }
}
