//! One transaction for many changesets.

use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, Result};

use super::super::claims::Claims;
use super::super::{history, sql};
use super::statements::{Statements, Written};
use super::{Commit, Work};
use crate::{Changeset, Sequence, StoreError};

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

/// Writes a batch in one go; only if a changeset conflicts when some of it is written already, all is
/// taken back and done again with a savepoint for each: savepoints cost a third of a transaction.
fn all(connection: &Connection, claims: &Claims, batch: &[Commit]) -> Result<Vec<Outcome>> {
    let mut transaction = Transaction::begin(connection, claims)?;
    if let Some(outcomes) = transaction.in_one_go(batch)? {
        return Ok(outcomes);
    }
    drop(transaction);
    run(connection, "ROLLBACK")?;
    Transaction::begin(connection, claims)?.each_by_itself(batch)
}

/// A transaction, as far as it came.
struct Transaction<'a> {
    claims: &'a Claims,
    connection: &'a Connection,
    head: Sequence,
    statements: Statements<'a>,
}

/// What became of one changeset.
enum One {
    Landed(Sequence),
    Conflict,
    /// It conflicts, and what was written of it has to be taken back.
    Torn,
}

impl<'a> Transaction<'a> {
    fn begin(connection: &'a Connection, claims: &'a Claims) -> Result<Self> {
        run(connection, "BEGIN IMMEDIATE")?;
        // Another process may have written since the last transaction.
        let head: i64 = connection
            .prepare_cached(sql::HEAD)?
            .query_row([], |row| row.get(0))?;
        Ok(Self {
            claims,
            connection,
            head: Sequence::new(u64::try_from(head).unwrap_or(0)),
            statements: Statements::of(connection)?,
        })
    }

    /// None if a changeset has to be taken back.
    fn in_one_go(&mut self, batch: &[Commit]) -> Result<Option<Vec<Outcome>>> {
        let (before, mut outcomes) = (self.head, Vec::with_capacity(batch.len()));
        for commit in batch {
            outcomes.push(match self.one(&commit.changes)? {
                One::Landed(place) => Some(place),
                One::Conflict => None,
                One::Torn => {
                    let begun = batch[..=outcomes.len()].iter();
                    begun.for_each(|commit| self.leave(&commit.changes));
                    return Ok(None);
                }
            });
        }
        self.note_blocks(before)?;
        Ok(Some(outcomes))
    }

    fn each_by_itself(&mut self, batch: &[Commit]) -> Result<Vec<Outcome>> {
        let (before, mut outcomes) = (self.head, Vec::with_capacity(batch.len()));
        for commit in batch {
            run(self.connection, "SAVEPOINT changeset")?;
            outcomes.push(match self.one(&commit.changes)? {
                One::Landed(place) => Some(place),
                One::Conflict => None,
                One::Torn => {
                    run(self.connection, "ROLLBACK TO changeset")?;
                    self.leave(&commit.changes);
                    None
                }
            });
            run(self.connection, "RELEASE changeset")?;
        }
        self.note_blocks(before)?;
        Ok(outcomes)
    }

    fn one(&mut self, changes: &Changeset) -> Result<One> {
        let mut lease = changes.lease().into_iter();
        if !lease.all(|lease| self.claims.lock().begin(lease)) {
            return Ok(One::Conflict);
        }
        match self.statements.write(changes.writes())? {
            Written::All => {}
            Written::Part => return Ok(One::Torn),
            Written::Nothing => {
                self.leave(changes);
                return Ok(One::Conflict);
            }
        }
        let first = match changes.drafts() {
            [] => self.head,
            _ => self.head.next(),
        };
        for draft in changes.drafts() {
            self.head = self.head.next();
            self.statements.append(draft, self.head)?;
        }
        Ok(One::Landed(first))
    }

    /// Leaves the claim of what is not written.
    fn leave(&self, changes: &Changeset) {
        if let Some(lease) = changes.lease() {
            self.claims.lock().leave(lease);
        }
    }

    fn note_blocks(&self, before: Sequence) -> Result<()> {
        match history::ends_a_block(before, self.head) {
            true => history::note_blocks(self.connection, self.head),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

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
