//! Files that are there whole or not at all, whatever happens while they are written.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "its owner, or anybody")]
pub enum Readers {
    /// Anybody.
    Everyone,
    /// Its owner.
    Owner,
}

/// Writes a file in the place of what is at `path`; once this returns, the file outlasts a crash.
///
/// # Errors
/// What the system said; what was at `path` before is then still there.
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".certlocker-");
    #[cfg(unix)]
    builder.permissions(permissions(readers));
    let mut file = builder.tempfile_in(parent)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    file.as_file().set_permissions(permissions(readers))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_directory(parent)
}

#[cfg(unix)]
fn permissions(readers: Readers) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(match readers {
        Readers::Everyone => 0o644,
        Readers::Owner => 0o600,
    })
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_one_before_and_leaves_nothing_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        write(&path, b"a long first text", Readers::Owner).unwrap();
        write(&path, b"second", Readers::Owner).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(root.path().read_dir().unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_those_who_may_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        for (readers, mode) in [(Readers::Everyone, 0o644), (Readers::Owner, 0o600)] {
            let path = root.path().join(mode.to_string());
            write(&path, b"x", readers).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("directory");
        std::fs::create_dir_all(path.join("full")).unwrap();
        assert!(write(&path, b"x", Readers::Owner).is_err());
        assert_eq!(root.path().read_dir().unwrap().count(), 1);
        assert!(write(&root.path().join("missing/x"), b"x", Readers::Owner).is_err());
    }
}
