//! A directory on this machine.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Files, Source};

/// The files below a directory.
#[derive(Clone, Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// The directory at `path`; it is made when something is written.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn of(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Source for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.of(path))
    }
}

impl Files for Disk {
    fn make_directory(&self, path: &str) -> io::Result<()> {
        make(&self.of(path))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.of(path);
        make(parent(&path))?;
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.of(to);
        fs::rename(self.of(from), &to)?;
        synchronise(parent(&to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.of(path);
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| synchronise(parent(&path))),
        }
    }
}

fn parent(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}

/// A directory is on the disk when the one above it is.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    make(parent(directory))?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => synchronise(parent(directory)),
    }
}

fn synchronise(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
