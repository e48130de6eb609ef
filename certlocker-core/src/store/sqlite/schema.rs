//! How a database is made, recognised, brought up to date and connected to.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::SqliteError;

#[allow(unreachable_pub, missing_docs, reason = "written by the macro")]
mod embedded {
    refinery::embed_migrations!("src/store/sqlite/migrations");
}

/// "CLKR", as the first migration sets it.
pub(super) const APPLICATION: i32 = 0x434c_4b52;

/// How long a transaction waits for one of another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than there are statements.
const STATEMENTS: usize = 40;

/// A connection that writes, to a database that is recognised and up to date.
pub(super) fn open(path: &Path) -> Result<Connection, SqliteError> {
    make(path).map_err(|error| SqliteError::unusable(path, error))?;
    let unusable = |error| SqliteError::unusable(path, error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unusable)?;
    recognise(&connection, path)?;
    prepare(&connection).map_err(unusable)?;
    migrate(&mut connection, path)?;
    note_in_memory(&connection).map_err(unusable)?;
    Ok(connection)
}

/// A connection that writes, to a database that was opened before.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&connection)?;
    note_in_memory(&connection)?;
    Ok(connection)
}

/// A connection that reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this a statement with `LIMIT :limit` is planned anew, from its text, each time that a
    // limit is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Makes an empty file for its owner only; SQLite gives the files beside it the same mode.
///
/// A file that exists is not opened: to close it again would drop the locks that another
/// connection of this process holds on it.
fn make(path: &Path) -> io::Result<()> {
    match private(path) {
        Ok(_) => synchronise_directory(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A new file that its owner only can read.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn synchronise_directory(of: &Path) -> io::Result<()> {
    let directory = of.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<(), SqliteError> {
    let unusable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => SqliteError::NotADatabase(path.to_path_buf()),
        _ => SqliteError::unusable(path, by_its_cause(error)),
    };
    let found = application(connection).map_err(unusable)?;
    let empty = found == 0 && tables(connection).map_err(unusable)? == 0;
    if found != APPLICATION && !empty {
        return Err(SqliteError::Foreign {
            expected: APPLICATION,
            found,
            path: path.to_path_buf(),
        });
    }
    let (found, known) = (version(connection).map_err(unusable)?, known());
    if found > known {
        let path = path.to_path_buf();
        return Err(SqliteError::Newer { found, known, path });
    }
    Ok(())
}

pub(super) fn application(connection: &Connection) -> rusqlite::Result<i32> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// How many tables there are, besides that of the migrations: it exists before the first of them
/// is done.
fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'refinery%' \
        AND name NOT LIKE 'sqlite%'";
    connection.query_row(tables, [], |row| row.get(0))
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    if !connection.table_exists(None, "refinery_schema_history")? {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    connection.query_row(newest, [], |row| row.get(0))
}

/// An empty database as a release with this version made it.
#[cfg(test)]
pub(super) fn of_version(path: &Path, version: u32) {
    let mut connection = Connection::open(path).unwrap();
    prepare(&connection).unwrap();
    let target = refinery::Target::Version(version.try_into().unwrap());
    let runner = embedded::migrations::runner().set_target(target);
    runner.run(&mut connection).unwrap();
}

/// The newest version that this release knows.
pub(super) fn known() -> u32 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter();
    let newest = versions.map(|migration| migration.version()).max();
    newest
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or(0)
}

/// Says how the database is written, and sees whether it can be.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let prepared = set(connection).and_then(|()| is_writable(connection));
    prepared.map_err(by_its_cause)
}

fn by_its_cause(error: rusqlite::Error) -> rusqlite::Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => {
            let code = ffi::Error::new(ffi::SQLITE_CANTOPEN);
            rusqlite::Error::SqliteFailure(code, Some(READ_ONLY.to_owned()))
        }
        _ => error,
    }
}

const READ_ONLY: &str = "its files can be opened for reading only: this process may not write them, \
    or their disk takes no writes";

fn set(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // Pages that are written again and again reach the database once in so many.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 8_000, |_| Ok(()))
}

/// SQLite opens for reading what it cannot open for writing, the database or the log beside it, and
/// says so at the first write only.
fn is_writable(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_readonly("main")? {
        let code = ffi::Error::new(ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(code, None));
    }
    match connection.execute_batch("BEGIN IMMEDIATE") {
        Ok(()) => connection.execute_batch("ROLLBACK"),
        // Another process may be writing.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Keeps in memory, and not in a file for each transaction, what a savepoint may have to take back.
/// A migration may have to sort more than fits there, and comes before.
fn note_in_memory(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), SqliteError> {
    let before = version(connection).ok();
    let Err(error) = embedded::migrations::runner().run(connection) else {
        return Ok(());
    };
    // Another process may have done the same at the same moment.
    match version(connection) {
        Ok(after) if after == known() && before != Some(after) => Ok(()),
        _ => Err(SqliteError::unusable(path, error)),
    }
}
