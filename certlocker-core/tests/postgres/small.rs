//! A server with a file system that can be filled.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::server::Server;

/// A server with a small file system of its own, gone with it.
pub(crate) struct Small {
    folder: TempDir,
    pub(crate) server: Server,
}

/// What the file system is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Whatever the test puts there.
    Anything,
    /// The write-ahead log.
    Wal,
}

const MOUNT: &str = r#"mount -t tmpfs -o size=$SIZE,uid=$(id -u postgres) tmpfs "$0" && exec "$@""#;

impl Small {
    /// None if PostgreSQL is not installed, or file systems cannot be mounted.
    pub(crate) fn new(holds: Holds) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let place = folder.path().join("small");
        fs::create_dir(&place).unwrap();
        let tried = Command::new("unshare").args(["--mount", "true"]).output();
        if !tried.is_ok_and(|output| output.status.success()) {
            let left_out = "file systems cannot be mounted here";
            let required = env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_some();
            assert!(!required, "{left_out}");
            eprintln!("left out: {left_out}");
            return None;
        }
        // A new server has a write-ahead log of two or three segments.
        let (size, wal) = match holds {
            Holds::Anything => ("SIZE=20m", None),
            Holds::Wal => ("SIZE=96m", Some(place.join("wal"))),
        };
        let mut wrapper: Vec<String> = ["env", size, "unshare", "--mount", "sh", "-c", MOUNT]
            .map(str::to_owned)
            .into();
        wrapper.push(place.display().to_string());
        let server = Server::start_within(&wrapper, wal.as_deref())?;
        Some(Self { folder, server })
    }

    pub(crate) fn place(&self) -> PathBuf {
        self.folder.path().join("small")
    }

    /// Takes the rest of the room.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.server.inside(&self.place()).join("filler");
        let mut filler = File::create(&path).unwrap();
        let mut length = 1 << 20;
        while length > 0 {
            if filler.write_all(&vec![0; length]).is_err() {
                length /= 2;
            }
        }
        path
    }
}
