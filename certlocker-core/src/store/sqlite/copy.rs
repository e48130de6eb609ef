//! A database that is made of pieces, and one that is taken apart.

use std::path::Path;

use rusqlite::{Connection, Result, named_params};

use super::{SqliteError, backup, history, schema, sql};
use crate::Sequence;
use crate::store::StoredRecord;
use crate::store::copy::{CopiedEntry, CopiedRow, PIECE, Piece};

/// Makes a database at `to`, where there is nothing yet, of the pieces that come; it gets its name
/// once it was checked, and nothing is left behind if they break off.
pub(in super::super) fn make(
    to: &Path,
    mut pieces: impl FnMut() -> Option<Piece>,
) -> std::result::Result<(), SqliteError> {
    backup::made(to, |partial| {
        let connection = schema::open(partial)?;
        let unusable = |error| SqliteError::unusable(partial, error);
        if !fill(&connection, &mut pieces).map_err(unusable)? {
            return Err(SqliteError::unusable(to, "the copy broke off"));
        }
        // A copy is one file.
        connection
            .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
            .map_err(unusable)
    })
}

/// Whether the pieces came to their end.
fn fill(connection: &Connection, pieces: &mut impl FnMut() -> Option<Piece>) -> Result<bool> {
    connection.execute_batch("BEGIN")?;
    let mut last = Sequence::START;
    while let Some(piece) = pieces() {
        match piece {
            Piece::Rows(rows) => rows.iter().try_for_each(|row| put(connection, row))?,
            Piece::Entries(all) => all.iter().try_for_each(|entry| enter(connection, entry))?,
            Piece::Records(all) => {
                all.iter()
                    .try_for_each(|record| append(connection, record))?;
                last = all.last().map_or(last, |record| record.sequence);
            }
            Piece::End => {
                history::note_blocks(connection, last)?;
                connection.execute_batch("COMMIT")?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn put(connection: &Connection, row: &CopiedRow) -> Result<()> {
    let given = named_params! {
        ":kind": row.kind, ":key": row.key, ":version": row.version, ":snapshot": row.snapshot,
    };
    connection
        .prepare_cached(sql::CREATE)?
        .execute(given)
        .map(drop)
}

fn enter(connection: &Connection, entry: &CopiedEntry) -> Result<()> {
    let given = named_params! {
        ":kind": entry.kind,
        ":name": entry.name,
        ":value": entry.value,
        ":key": entry.key,
        ":single": entry.single,
    };
    connection
        .prepare_cached(sql::ENTER)?
        .execute(given)
        .map(drop)
}

fn append(connection: &Connection, record: &StoredRecord) -> Result<()> {
    let sequence = i64::try_from(record.sequence.get()).unwrap_or(i64::MAX);
    let given =
        named_params! { ":sequence": sequence, ":code": record.code, ":bytes": record.bytes };
    connection.prepare_cached(sql::APPEND)?.execute(given)?;
    let mut about = connection.prepare_cached(sql::ABOUT)?;
    for subject in &record.subjects {
        about.execute(named_params! { ":subject": subject, ":sequence": sequence })?;
    }
    Ok(())
}

/// Hands over all pieces of the database at `from`, as it is at one moment, until `take` wants no
/// more. The file is only read: it may be from an earlier release.
pub(in super::super) fn take_apart(
    from: &Path,
    mut take: impl FnMut(Piece) -> bool,
) -> std::result::Result<(), SqliteError> {
    let unusable = |error| SqliteError::unusable(from, error);
    let connection = schema::reader(from).map_err(unusable)?;
    schema::recognise(&connection, from)?;
    pieces(&connection, &mut take).map_err(unusable)
}

pub(super) const ROWS: &str = "SELECT kind, key, version, snapshot FROM row ORDER BY kind, key";
pub(super) const ENTRIES: &str =
    "SELECT kind, name, value, key, single FROM entry ORDER BY kind, name, value, key";

fn pieces(connection: &Connection, take: &mut impl FnMut(Piece) -> bool) -> Result<()> {
    connection.execute_batch("BEGIN")?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(CopiedRow {
            kind: row.get(0)?,
            key: row.get(1)?,
            version: row.get(2)?,
            snapshot: row.get(3)?,
        })
    };
    let entry = |row: &rusqlite::Row<'_>| {
        Ok(CopiedEntry {
            kind: row.get(0)?,
            name: row.get(1)?,
            value: row.get(2)?,
            key: row.get(3)?,
            single: row.get(4)?,
        })
    };
    let all = table(connection, ROWS, row, |rows| take(Piece::Rows(rows)))?
        && table(connection, ENTRIES, entry, |all| take(Piece::Entries(all)))?
        && records(connection, take)?;
    if all {
        take(Piece::End);
    }
    Ok(())
}

/// False if no more is wanted.
fn table<T>(
    connection: &Connection,
    question: &str,
    read: impl Fn(&rusqlite::Row<'_>) -> Result<T>,
    mut take: impl FnMut(Vec<T>) -> bool,
) -> Result<bool> {
    let mut statement = connection.prepare(question)?;
    let mut rows = statement.query_map([], read)?;
    loop {
        let piece = rows.by_ref().take(PIECE).collect::<Result<Vec<T>>>()?;
        if piece.is_empty() {
            return Ok(true);
        }
        if !take(piece) {
            return Ok(false);
        }
    }
}

fn records(connection: &Connection, take: &mut impl FnMut(Piece) -> bool) -> Result<bool> {
    let mut after = Sequence::START;
    loop {
        let piece = history::stored(connection, after, PIECE)?;
        let Some(last) = piece.last() else {
            return Ok(true);
        };
        after = last.sequence;
        if !take(Piece::Records(piece)) {
            return Ok(false);
        }
    }
}
