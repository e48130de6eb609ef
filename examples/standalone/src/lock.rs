//! One server at a time on a data directory.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Holds a data directory for this process until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct DataDirLock {
    directory: PathBuf,
    _file: File,
}

/// Why a data directory cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process holds it.
    #[error(
        "the data directory {} is in use by {holder}; stop that server, or give this one another \
         --data-dir",
        directory.display()
    )]
    Held {
        /// The data directory.
        directory: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// The directory, or the lock in it, cannot be made.
    #[error("cannot use the data directory {}: {reason}", directory.display())]
    Unusable {
        /// The data directory.
        directory: PathBuf,
        /// What the system said.
        #[source]
        reason: io::Error,
    },
}

/// Who holds a data directory; the process is unknown in the moment before it wrote its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "the server with process id {pid}"),
            None => f.write_str("another server"),
        }
    }
}

impl DataDirLock {
    /// Creates the directory, for its owner only, if it is missing, and takes it.
    ///
    /// # Errors
    /// [`LockError::Held`] at once if another process, or another lock in this one, has it.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let unusable = |reason| LockError::Unusable {
            directory: directory.to_owned(),
            reason,
        };
        create(directory).map_err(unusable)?;
        let directory = std::path::absolute(directory).map_err(unusable)?;
        let mut file = open(&directory).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(LockError::Held { directory, holder });
            }
            Err(TryLockError::Error(reason)) => return Err(unusable(reason)),
        }
        sign(&mut file).map_err(unusable)?;
        Ok(Self {
            directory,
            _file: file,
        })
    }

    /// The data directory, as an absolute path.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn create(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)
}

/// The file stays when the lock ends: removing it would let two processes lock two files of the
/// same name.
fn open(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(directory.join("certlocker.lock"))
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    Holder(read.ok().and_then(|_| text.trim().parse().ok()))
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_and_told_who_has_the_directory() {
        let root = tempfile::tempdir().unwrap();
        let first = DataDirLock::take(root.path()).unwrap();
        let error = DataDirLock::take(root.path()).unwrap_err().to_string();
        let expect = format!(
            "in use by the server with process id {};",
            std::process::id()
        );
        assert!(error.contains(&expect), "{error}");
        drop(first);
        DataDirLock::take(root.path()).unwrap();
    }

    #[test]
    fn a_number_left_by_an_ended_server_does_not_hold_the_directory() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("certlocker.lock");
        std::fs::write(&path, "1234567890\n").unwrap();
        let _lock = DataDirLock::take(root.path()).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_holder_that_wrote_no_number_yet_is_another_server() {
        let root = tempfile::tempdir().unwrap();
        let file = open(root.path()).unwrap();
        file.try_lock().unwrap();
        let error = DataDirLock::take(root.path()).unwrap_err();
        assert!(
            matches!(
                error,
                LockError::Held {
                    holder: Holder(None),
                    ..
                }
            ),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_missing_directory_is_made_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let lock = DataDirLock::take(&root.path().join("a/b")).unwrap();
        let mode = lock.directory().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = DataDirLock::take(&path).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!(
                "cannot use the data directory {}: ",
                path.display()
            )),
            "{error}"
        );
    }
}
