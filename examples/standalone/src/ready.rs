//! The file that says that the server serves, and where.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::atomic::{self, Readers};

/// What those who wait for the server want to know.
#[derive(Clone, Debug, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "scripts rely on these members")]
pub struct Ready {
    /// The URL of the ACME directory.
    pub directory: String,
    /// The root to trust, in PEM.
    pub ca_file: PathBuf,
    /// The URL of the operator plane.
    pub operator_url: String,
    /// The file with the operator token.
    pub admin_token_file: PathBuf,
    /// The server's process.
    pub pid: u32,
}

/// A ready file; it is removed when this is dropped, unless another server has put its own there.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
    text: Vec<u8>,
}

/// Why the ready file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the ready file {}: {reason}", path.display())]
#[non_exhaustive]
pub struct ReadyError {
    /// Where it should be.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub reason: io::Error,
}

impl ReadyFile {
    /// Writes the file, with absolute paths, whole or not at all.
    ///
    /// # Errors
    /// [`ReadyError`] when the directory is missing or cannot be written to.
    pub fn write(path: &Path, ready: &Ready) -> Result<Self, ReadyError> {
        let error = |reason| ReadyError {
            path: path.to_owned(),
            reason,
        };
        let ready = absolute(ready).map_err(error)?;
        let mut text = serde_json::to_vec(&ready).map_err(|reason| error(reason.into()))?;
        text.push(b'\n');
        let path = std::path::absolute(path).map_err(error)?;
        atomic::write(&path, &text, Readers::Everyone).map_err(error)?;
        Ok(Self { path, text })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let ours = std::fs::read(&self.path).is_ok_and(|text| text == self.text);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the ready file stays behind");
        }
    }
}

fn absolute(ready: &Ready) -> io::Result<Ready> {
    Ok(Ready {
        ca_file: std::path::absolute(&ready.ca_file)?,
        admin_token_file: std::path::absolute(&ready.admin_token_file)?,
        ..ready.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(pid: u32) -> Ready {
        Ready {
            directory: "https://localhost:1/rest/acme/directory".to_owned(),
            ca_file: "data/ca.pem".into(),
            operator_url: "https://localhost:2".to_owned(),
            admin_token_file: "/srv/token".into(),
            pid,
        }
    }

    #[test]
    fn the_file_has_the_promised_members_and_absolute_paths() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ready.json");
        let _file = ReadyFile::write(&path, &ready(7)).unwrap();
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let ca_file = std::env::current_dir().unwrap().join("data/ca.pem");
        let expect = serde_json::json!({
            "directory": "https://localhost:1/rest/acme/directory",
            "ca_file": ca_file,
            "operator_url": "https://localhost:2",
            "admin_token_file": "/srv/token",
            "pid": 7,
        });
        assert_eq!(json, expect);
    }

    #[test]
    fn the_file_goes_with_the_server_that_wrote_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ready.json");
        let first = ReadyFile::write(&path, &ready(1)).unwrap();
        let second = ReadyFile::write(&path, &ready(2)).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = ReadyFile::write(Path::new("/nonexistent/ready.json"), &ready(1)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("cannot write the ready file /nonexistent/ready.json: "),
            "{text}"
        );
    }
}
