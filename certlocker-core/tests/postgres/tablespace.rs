//! A tablespace without room: nothing of what is refused is written, the server's words are told, and
//! the store goes on when there is room again.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use certlocker_core::{Ledger, PostgresStore, Sequence, StoreError};
use tempfile::TempDir;

use crate::nouns::{account, by, fact};
use crate::scene::{plain, runtime};
use crate::server::Server;

/// A server with a small file system of its own, gone with it.
struct Small {
    folder: TempDir,
    server: Server,
}

const MOUNT: &str = r#"mount -t tmpfs -o size=20m,uid=$(id -u postgres) tmpfs "$0" && exec "$@""#;

impl Small {
    /// None if PostgreSQL is not installed, or file systems cannot be mounted.
    fn new() -> Option<Self> {
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
        let mut wrapper: Vec<String> = ["unshare", "--mount", "sh", "-c", MOUNT]
            .map(str::to_owned)
            .into();
        wrapper.push(place.display().to_string());
        let server = Server::start_within(&wrapper)?;
        Some(Self { folder, server })
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("small")
    }

    /// Takes the rest of the room.
    fn fill(&self) -> PathBuf {
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

#[test]
fn a_full_tablespace_is_told_and_the_store_goes_on_when_there_is_room() {
    let Some(small) = Small::new() else { return };
    runtime().block_on(async {
        let admin = plain(&small.server.url("postgres")).await;
        let make = format!(
            "CREATE TABLESPACE small LOCATION '{}'",
            small.place().display()
        );
        admin.batch_execute(&make).await.unwrap();
        let make = "CREATE DATABASE small TABLESPACE small";
        admin.batch_execute(make).await.unwrap();
        let store = PostgresStore::open(&small.server.url("small")).await;
        let store = store.unwrap();
        store.commit(fact("before")).await.unwrap();

        let filler = small.fill();
        let (mut acknowledged, mut label) = (1_u64, 0);
        // What is there has some room in it.
        let cause = loop {
            label += 1;
            let changes = account(&format!("{label}")).by(&by());
            match store.commit(changes.into()).await {
                Ok(place) => {
                    acknowledged += 1;
                    assert_eq!(place.get(), acknowledged);
                }
                Err(StoreError::Unavailable(cause)) => break cause.to_string(),
                Err(error) => panic!("{error}: {error:?}"),
            }
        };
        eprintln!("{acknowledged} acknowledged, then: {cause}");
        assert!(cause.contains("No space left on device (53100)"), "{cause}");
        let checked = store.check().await.unwrap_err();
        let StoreError::Unavailable(cause) = checked else {
            panic!("{checked:?}");
        };
        assert!(cause.to_string().contains("53100"), "{cause}");
        fs::remove_file(filler).unwrap();

        store.check().await.unwrap();
        store.commit(fact("after")).await.unwrap();
        let records = store.records(None, Sequence::START, usize::MAX).await;
        let places: Vec<u64> = records.unwrap().iter().map(|r| r.sequence.get()).collect();
        assert_eq!(places, (1..=acknowledged + 1).collect::<Vec<_>>());
    });
}
