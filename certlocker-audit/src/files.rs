//! The few things that a log asks of a file system, and what can be read of one from afar.

mod disk;

use std::io;

pub use disk::Disk;

/// Where the files of a log are read: a directory, a web server.
pub trait Source: Send + Sync {
    /// The bytes at a path below the log's prefix.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there are none; anything else if they cannot be read now.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// Where the files of a log are kept.
///
/// # Contract
/// Paths are relative and have `/` between their parts. A call that returned has its effect on the
/// disk, not in a buffer. A call that failed may have had it, or a part of it.
pub trait Files: Source {
    /// Makes a directory, with those above it.
    ///
    /// # Errors
    /// What the system said.
    fn make_directory(&self, path: &str) -> io::Result<()>;

    /// Writes a file in place of what was there; a reader may see a part of it.
    ///
    /// # Errors
    /// What the system said.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file another name in the same directory, in place of what had it; a reader sees the
    /// one or the other.
    ///
    /// # Errors
    /// What the system said.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, or a directory with the files in it; nothing if it is not there.
    ///
    /// # Errors
    /// What the system said.
    fn remove(&self, path: &str) -> io::Result<()>;
}

/// Whoever can read through a reference can read.
impl<S: Source + ?Sized> Source for &S {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        (**self).read(path)
    }
}

/// Writes a file so that it is there whole or not at all.
///
/// # Errors
/// What the system said; then the file is as it was, or written.
pub fn write_whole<F: Files + ?Sized>(files: &F, path: &str, bytes: &[u8]) -> io::Result<()> {
    if let Some((directory, _)) = path.rsplit_once('/') {
        files.make_directory(directory)?;
    }
    let unfinished = format!("{path}.new");
    files.write(&unfinished, bytes)?;
    files.rename(&unfinished, path)
}
