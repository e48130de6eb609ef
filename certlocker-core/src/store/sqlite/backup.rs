//! A copy of the database while it is in use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use futures_channel::oneshot;
use rusqlite::Connection;

use super::{SqliteError, schema};

/// Copies on a thread of its own: it takes as long as the database is large.
pub(super) async fn copy(from: &Path, to: &Path) -> Result<(), SqliteError> {
    let (done, answer) = oneshot::channel();
    let (from, to) = (from.to_path_buf(), to.to_path_buf());
    let of = from.clone();
    thread::spawn(move || {
        let _ = done.send(made(&to, |partial| write(&from, partial)));
    });
    let broke_off = |_| Err(SqliteError::unusable(&of, "the copying thread broke off"));
    answer.await.unwrap_or_else(broke_off)
}

/// Lets a database be written, checks it, and only then gives it its name; nothing is left behind
/// if that fails.
pub(super) fn made(
    to: &Path,
    write: impl FnOnce(&Path) -> Result<(), SqliteError>,
) -> Result<(), SqliteError> {
    if to.exists() {
        return Err(SqliteError::Exists(to.to_path_buf()));
    }
    let partial = partial(to);
    let copied = room(&partial)
        .and_then(|()| write(&partial))
        .and_then(|()| check(&partial))
        .and_then(|()| settle(&partial, to));
    if copied.is_err() {
        // The reason to tell is the first one.
        let _ = remove(&partial);
    }
    copied
}

/// The file, and what SQLite leaves beside one that it did not come to close.
fn remove(partial: &Path) -> io::Result<()> {
    for beside in ["-wal", "-shm", ""] {
        let mut name = partial.as_os_str().to_owned();
        name.push(beside);
        match fs::remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// An empty file for the owner only, where an earlier attempt may have left one.
fn room(partial: &Path) -> Result<(), SqliteError> {
    let made = remove(partial).and_then(|()| schema::private(partial));
    made.map(drop)
        .map_err(|error| SqliteError::unusable(partial, error))
}

fn write(from: &Path, partial: &Path) -> Result<(), SqliteError> {
    let unusable = |error| SqliteError::unusable(from, error);
    let source = schema::reader(from).map_err(unusable)?;
    let Some(name) = partial.to_str() else {
        return Err(SqliteError::unusable(partial, "its name is not UTF-8"));
    };
    source
        .execute("VACUUM INTO ?1", [name])
        .map(drop)
        .map_err(unusable)
}

fn check(partial: &Path) -> Result<(), SqliteError> {
    let unusable = |error| SqliteError::unusable(partial, error);
    let found = integrity(&schema::reader(partial).map_err(unusable)?).map_err(unusable)?;
    if found == "ok" {
        return Ok(());
    }
    Err(SqliteError::Damaged {
        copy: partial.to_path_buf(),
        found,
    })
}

/// `ok`, or the first thing that is wrong.
pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
}

fn settle(partial: &Path, to: &Path) -> Result<(), SqliteError> {
    let settled = || {
        File::open(partial)?.sync_all()?;
        fs::rename(partial, to)?;
        schema::synchronise_directory(to)
    };
    settled().map_err(|error: io::Error| SqliteError::unusable(to, error))
}
