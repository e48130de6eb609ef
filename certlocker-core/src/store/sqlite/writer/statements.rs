//! The statements that write, looked up once for a transaction.

use rusqlite::{CachedStatement, Connection, Result, ffi};

use super::super::sql;
use crate::change::Write;
use crate::{Draft, Entry, Expected, Sequence};

/// Values are given in the order in which a statement first names them.
pub(super) struct Statements<'c> {
    about: CachedStatement<'c>,
    append: CachedStatement<'c>,
    create: CachedStatement<'c>,
    enter: CachedStatement<'c>,
    leave: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    update: CachedStatement<'c>,
}

/// How far the writes of a changeset came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    All,
    /// The first did not find what it expects: nothing was written.
    Nothing,
    /// One that is not the first did not.
    Part,
}

impl<'c> Statements<'c> {
    pub(super) fn of(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            about: connection.prepare_cached(sql::ABOUT)?,
            append: connection.prepare_cached(sql::APPEND)?,
            create: connection.prepare_cached(sql::CREATE)?,
            enter: connection.prepare_cached(sql::ENTER)?,
            leave: connection.prepare_cached(sql::LEAVE)?,
            remove: connection.prepare_cached(sql::REMOVE)?,
            update: connection.prepare_cached(sql::UPDATE)?,
        })
    }

    /// Makes writes one after the other, up to the first that does not find what it expects.
    pub(super) fn write(&mut self, writes: &[Write]) -> Result<Written> {
        let mut done = Written::Nothing;
        for write in writes {
            if !self.row(write)? {
                return Ok(done);
            }
            done = Written::Part;
            match self.entries(write) {
                Ok(()) => {}
                Err(error) if is_taken(&error) => return Ok(done),
                Err(error) => return Err(error),
            }
        }
        Ok(Written::All)
    }

    /// Whether the row was as it is expected to be, and so is written.
    fn row(&mut self, write: &Write) -> Result<bool> {
        let (kind, key) = (write.kind.as_str(), &write.key);
        let makes = signed(write.expected.makes().get());
        let changed = match (write.expected, &write.snapshot) {
            (Expected::Absent, snapshot) => {
                let snapshot = snapshot.as_deref().unwrap_or_default();
                let created = self.create.execute((kind, key, makes, snapshot))?;
                if created == 1 && write.snapshot.is_none() {
                    self.remove.execute((kind, key, makes))?;
                }
                created
            }
            (Expected::At(version), Some(snapshot)) => {
                let given = (makes, snapshot, kind, key, signed(version.get()));
                self.update.execute(given)?
            }
            (Expected::At(version), None) => {
                self.remove.execute((kind, key, signed(version.get())))?
            }
        };
        Ok(changed == 1)
    }

    fn entries(&mut self, write: &Write) -> Result<()> {
        let (kind, key) = (write.kind.as_str(), &write.key);
        for Entry { name, value, .. } in &write.removed {
            self.leave.execute((kind, name, value, key))?;
        }
        for Entry {
            name,
            value,
            unique,
        } in &write.added
        {
            self.enter.execute((kind, name, value, key, unique))?;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, draft: &Draft, sequence: Sequence) -> Result<()> {
        let place = signed(sequence.get());
        let given = (place, draft.code(), draft.at(sequence));
        self.append.execute(given)?;
        for subject in draft.subjects() {
            self.about.execute((subject.to_string(), place))?;
        }
        Ok(())
    }
}

/// Whether another row has a unique entry; it is the database that knows.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
