//! One transaction with a savepoint for each changeset.

use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Result, ffi, named_params};

use super::super::claims::Claims;
use super::super::sql;
use super::{Commit, Work};
use crate::change::Write;
use crate::{Changeset, Draft, Entry, Expected, Kind, Sequence, StoreError, Version};

/// What became of one changeset in a transaction that landed; none is a conflict.
type Outcome = Option<Sequence>;

/// Why no changeset of a transaction can be acknowledged.
struct Broken {
    cause: Cause,
    in_doubt: bool,
}

/// One cause for all callers of a transaction.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Arc<rusqlite::Error>);

impl Broken {
    fn nothing_written(error: rusqlite::Error) -> Self {
        let cause = Cause(Arc::new(error));
        Self {
            cause,
            in_doubt: false,
        }
    }

    fn answer(&self) -> StoreError {
        let cause = Box::new(self.cause.clone());
        if self.in_doubt {
            StoreError::Indeterminate(cause)
        } else {
            StoreError::Unavailable(cause)
        }
    }
}

impl Work {
    pub(super) fn write(&mut self, batch: Vec<Commit>) {
        let written = self.transaction(&batch);
        self.failed = written.is_err();
        self.settle(&batch, written.as_ref().ok());
        match written {
            Ok(outcomes) => {
                for (commit, outcome) in batch.into_iter().zip(outcomes) {
                    let _ = commit.answer.send(outcome.ok_or(StoreError::Conflict));
                }
            }
            Err(broken) => {
                for commit in batch {
                    let _ = commit.answer.send(Err(broken.answer()));
                }
            }
        }
    }

    fn transaction(&mut self, batch: &[Commit]) -> std::result::Result<Vec<Outcome>, Broken> {
        #[cfg(test)]
        let trap = self.trap.take();
        let claims = Arc::clone(&self.claims);
        let connection = self.connection().map_err(Broken::nothing_written)?;
        let written = all(connection, &claims, batch);
        #[cfg(test)]
        trap.inspect(|trap| trap());
        let landed = match written {
            Ok(outcomes) => match run(connection, "COMMIT") {
                Ok(()) => return Ok(outcomes),
                Err(error) => Broken {
                    in_doubt: !is_rolled_back(connection, &error),
                    cause: Cause(Arc::new(error)),
                },
            },
            Err(error) => Broken::nothing_written(error),
        };
        // Whatever is left of the transaction ends with the connection.
        self.connection = None;
        Err(landed)
    }

    /// Ends the claims of what landed, and leaves the others.
    fn settle(&self, batch: &[Commit], outcomes: Option<&Vec<Outcome>>) {
        let mut claims = self.claims.lock();
        for (place, commit) in batch.iter().enumerate() {
            let Some(lease) = commit.changes.lease() else {
                continue;
            };
            match outcomes {
                Some(outcomes) if outcomes[place].is_some() => claims.end(lease),
                // That of a conflict was left when it was found.
                Some(_) => {}
                None => claims.leave(lease),
            }
        }
    }
}

/// Whether a failed COMMIT surely left nothing. After an error of input or output the pages may be
/// on their way to the disk, whatever SQLite has taken back in memory.
fn is_rolled_back(connection: &Connection, error: &rusqlite::Error) -> bool {
    let sure = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy | ErrorCode::DiskFull)
    );
    sure && (connection.is_autocommit() || run(connection, "ROLLBACK").is_ok())
}

fn run(connection: &Connection, statement: &str) -> Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

fn all(connection: &Connection, claims: &Claims, batch: &[Commit]) -> Result<Vec<Outcome>> {
    run(connection, "BEGIN IMMEDIATE")?;
    // Another process may have written since the last transaction.
    let head: i64 = connection
        .prepare_cached(sql::HEAD)?
        .query_row([], |row| row.get(0))?;
    let mut head = Sequence::new(u64::try_from(head).unwrap_or(0));
    let mut outcomes = Vec::with_capacity(batch.len());
    for commit in batch {
        outcomes.push(one(connection, claims, &commit.changes, &mut head)?);
    }
    Ok(outcomes)
}

fn one(
    connection: &Connection,
    claims: &Claims,
    changes: &Changeset,
    head: &mut Sequence,
) -> Result<Outcome> {
    if changes
        .lease()
        .is_some_and(|lease| !claims.lock().begin(lease))
    {
        return Ok(None);
    }
    run(connection, "SAVEPOINT changeset")?;
    let fits = writes(connection, changes.writes())?;
    if !fits {
        run(connection, "ROLLBACK TO changeset")?;
        if let Some(lease) = changes.lease() {
            claims.lock().leave(lease);
        }
    }
    let first = if changes.drafts().is_empty() {
        *head
    } else {
        head.next()
    };
    if fits {
        for draft in changes.drafts() {
            *head = head.next();
            append(connection, draft, *head)?;
        }
    }
    run(connection, "RELEASE changeset")?;
    Ok(fits.then_some(first))
}

fn writes(connection: &Connection, writes: &[Write]) -> Result<bool> {
    for write in writes {
        if !fits(connection, write)? {
            return Ok(false);
        }
        match made(connection, write) {
            Ok(()) => {}
            Err(error) if is_taken(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn fits(connection: &Connection, write: &Write) -> Result<bool> {
    let mut statement = connection.prepare_cached(sql::VERSION)?;
    let given = named_params! { ":kind": write.kind.as_str(), ":key": write.key };
    let found: Option<i64> = statement.query_row(given, |row| row.get(0)).optional()?;
    let expected = match write.expected {
        Expected::Absent => None,
        Expected::At(version) => Some(signed(version.get())),
    };
    Ok(found == expected)
}

/// Whether another row has a unique entry; it is the database that knows.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn made(connection: &Connection, write: &Write) -> Result<()> {
    match &write.snapshot {
        Some(snapshot) => put(connection, write, write.expected.makes(), snapshot)?,
        None => {
            let mut statement = connection.prepare_cached(sql::REMOVE)?;
            let given = named_params! { ":kind": write.kind.as_str(), ":key": write.key };
            statement.execute(given)?;
        }
    }
    for entry in &write.removed {
        leave(connection, write.kind, entry, &write.key)?;
    }
    for entry in &write.added {
        enter(connection, write.kind, entry, &write.key)?;
    }
    Ok(())
}

fn put(connection: &Connection, write: &Write, version: Version, snapshot: &[u8]) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::PUT)?;
    let given = named_params! {
        ":kind": write.kind.as_str(),
        ":key": write.key,
        ":version": signed(version.get()),
        ":snapshot": snapshot,
    };
    statement.execute(given).map(drop)
}

fn leave(connection: &Connection, kind: Kind, entry: &Entry, key: &str) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::LEAVE)?;
    let given = named_params! {
        ":kind": kind.as_str(), ":name": entry.name, ":value": entry.value, ":key": key,
    };
    statement.execute(given).map(drop)
}

fn enter(connection: &Connection, kind: Kind, entry: &Entry, key: &str) -> Result<()> {
    let mut statement = connection.prepare_cached(sql::ENTER)?;
    let given = named_params! {
        ":kind": kind.as_str(),
        ":name": entry.name,
        ":value": entry.value,
        ":key": key,
        ":single": entry.unique,
    };
    statement.execute(given).map(drop)
}

fn append(connection: &Connection, draft: &Draft, sequence: Sequence) -> Result<()> {
    let (place, bytes) = (signed(sequence.get()), draft.at(sequence));
    let mut statement = connection.prepare_cached(sql::APPEND)?;
    let given = named_params! { ":sequence": place, ":code": draft.code(), ":bytes": bytes };
    statement.execute(given)?;
    let mut statement = connection.prepare_cached(sql::ABOUT)?;
    for subject in draft.subjects() {
        let subject = subject.to_string();
        statement.execute(named_params! { ":subject": subject, ":sequence": place })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_commit_is_in_doubt_unless_its_cause_excludes_that_it_landed() {
        let connection = Connection::open_in_memory().unwrap();
        let codes = [
            (ffi::SQLITE_BUSY, true),
            (ffi::SQLITE_CONSTRAINT_FOREIGNKEY, true),
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_FSYNC, false),
            (ffi::SQLITE_NOMEM, false),
            (ffi::SQLITE_CORRUPT, false),
        ];
        for (code, sure) in codes {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(is_rolled_back(&connection, &error), sure, "{error}");
        }
    }
}
