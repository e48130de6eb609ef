//! The data directory: what lies where, and how it comes there.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use certlocker_core::TokenText;
use zeroize::Zeroizing;

use crate::atomic::{self, Readers};

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

    /// The first token of the operator plane.
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

    /// Reads the first token, if its file is there and has one.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn admin_token(&self) -> Result<Option<TokenText>, HomeError> {
        let path = self.admin_token_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(token_failed(path, source)),
        }
    }

    /// Writes the first token, for the owner of the directory only.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn write_admin_token(&self, token: &TokenText) -> Result<(), HomeError> {
        let path = self.admin_token_file();
        let line = Zeroizing::new(format!("{}\n", token.expose()));
        let written = atomic::write(&path, line.as_bytes(), Readers::Owner);
        written.map_err(|source| token_failed(path, source))
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

fn token_failed(path: PathBuf, source: io::Error) -> HomeError {
    HomeError {
        what: "the operator's token",
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_owner_reads_the_token() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::prepare(&directory.path().join("data")).unwrap();
        let now = certlocker_core::Timestamp::from_seconds(1_700_000_000);
        let token = TokenText::draw(&mut crate::random::fill, now);
        assert!(home.admin_token().unwrap().is_none());
        home.write_admin_token(&token).unwrap();
        assert_eq!(
            home.admin_token().unwrap().unwrap().expose(),
            token.expose()
        );
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.admin_token_file()), 0o600);
        assert_eq!(mode(home.path().to_owned()), 0o700);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = Home::prepare(Path::new("/proc/certlocker")).unwrap_err();
        assert!(error.to_string().contains("/proc/certlocker"), "{error}");
    }
}
