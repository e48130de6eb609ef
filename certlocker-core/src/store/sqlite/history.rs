//! Questions about records, put together from what is asked for.

mod question;

use std::collections::HashMap;

use rusqlite::{Connection, Result, named_params};

use super::sql::number;
use crate::Sequence;
use crate::record::as_written;
use crate::store::{Direction, RecordQuery, StoredRecord};
use question::question;

/// The bytes of the records that a query finds.
pub(super) fn find(connection: &Connection, query: &RecordQuery) -> Result<Vec<Vec<u8>>> {
    let lead = lead(connection, query)?;
    let mut found = Vec::new();
    for part in parts(connection, query)? {
        let rest = query.limit.saturating_sub(found.len());
        if rest > 0 {
            let (statement, values) = question(query, lead, part, rest);
            let mut statement = connection.prepare_cached(&statement)?;
            let values = rusqlite::params_from_iter(values);
            let rows = statement.query_map(values, |row| row.get(0))?;
            found.extend(rows.collect::<Result<Vec<_>>>()?);
        }
    }
    Ok(found)
}

/// Where it is looked for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everywhere.
    All,
    /// In the blocks up to this record, of which first and last times are noted.
    Blocks(i64),
    /// After this record.
    Rest(i64),
}

/// How many records a block has; migrations have the number too.
pub(super) const BLOCK: i64 = 1_024;

/// The last record of the blocks that are noted.
pub(super) const NOTED: &str = "SELECT coalesce(max(block) + 1, 0) * 1024 FROM record_span";

/// In the direction of reading. Records that are written meanwhile are in the rest, whatever
/// becomes of it.
fn parts(connection: &Connection, query: &RecordQuery) -> Result<Vec<Part>> {
    if query.since.is_none() && query.until.is_none() {
        return Ok(vec![Part::All]);
    }
    let noted = noted(connection)?;
    let mut parts = vec![Part::Blocks(noted), Part::Rest(noted)];
    if query.direction == Direction::NewestFirst {
        parts.reverse();
    }
    Ok(parts)
}

fn noted(connection: &Connection) -> Result<i64> {
    let mut statement = connection.prepare_cached(NOTED)?;
    statement.query_row([], |row| row.get(0))
}

pub(super) const NOTE: &str = "INSERT INTO record_span (block, earliest, latest) \
    SELECT :block, min(time), max(time) FROM record \
    WHERE sequence > :block * 1024 AND sequence <= :block * 1024 + 1024";

/// Whether a block became whole between these records.
pub(super) fn ends_a_block(before: Sequence, head: Sequence) -> bool {
    place(before) / BLOCK < place(head) / BLOCK
}

/// Notes the times of every block that is whole, up to this record.
pub(super) fn note_blocks(connection: &Connection, head: Sequence) -> Result<()> {
    let (first, end) = (noted(connection)? / BLOCK, place(head) / BLOCK);
    let mut statement = connection.prepare_cached(NOTE)?;
    for block in first..end {
        statement.execute(named_params! { ":block": block })?;
    }
    Ok(())
}

/// By which index records are looked for when both an actor and a kind are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    Actor,
    Code,
}

/// From so many records on, an actor's are no longer counted.
const MANY: usize = 1_000;

/// The actor leads unless it has done a lot: without statistics SQLite takes either, and what is of
/// the kind may be nearly everything.
fn lead(connection: &Connection, query: &RecordQuery) -> Result<Lead> {
    let (Some(actor), Some(_), None) = (&query.actor, &query.code, &query.about) else {
        return Ok(Lead::Code);
    };
    let mut count = connection.prepare_cached(
        "SELECT count(*) FROM \
        (SELECT 1 FROM record INDEXED BY record_actor WHERE actor = ? LIMIT ?)",
    )?;
    let most = number(MANY);
    let few = count.query_row((as_written(&actor.to_string()), most), |row| {
        row.get::<_, i64>(0)
    })? < most;
    Ok(if few { Lead::Actor } else { Lead::Code })
}

pub(super) const STORED: &str =
    "SELECT sequence, bytes, code FROM record WHERE sequence > ? ORDER BY sequence LIMIT ?";
pub(super) const SUBJECTS: &str = "SELECT sequence, subject FROM record_subject \
    WHERE sequence > ? AND sequence <= ? ORDER BY sequence, subject";

/// Records with what they are found by.
pub(super) fn stored(
    connection: &Connection,
    after: Sequence,
    limit: usize,
) -> Result<Vec<StoredRecord>> {
    let mut statement = connection.prepare_cached(STORED)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(StoredRecord {
            sequence: sequence(row)?,
            bytes: row.get(1)?,
            code: row.get(2)?,
            subjects: Vec::new(),
        })
    };
    let records = statement.query_map((place(after), number(limit)), read)?;
    let mut records = records.collect::<Result<Vec<_>>>()?;
    if let Some(last) = records.last() {
        let mut subjects = subjects(connection, after, last.sequence)?;
        for record in &mut records {
            record.subjects = subjects.remove(&record.sequence).unwrap_or_default();
        }
    }
    Ok(records)
}

/// What the records after the one and up to the other are found by, sorted.
fn subjects(
    connection: &Connection,
    after: Sequence,
    last: Sequence,
) -> Result<HashMap<Sequence, Vec<String>>> {
    let mut statement = connection.prepare_cached(SUBJECTS)?;
    let mut rows = statement.query((place(after), place(last)))?;
    let mut subjects: HashMap<Sequence, Vec<String>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let of = subjects.entry(sequence(row)?).or_default();
        of.push(row.get(1)?);
    }
    Ok(subjects)
}

fn sequence(row: &rusqlite::Row<'_>) -> Result<Sequence> {
    let sequence: i64 = row.get(0)?;
    Ok(Sequence::new(u64::try_from(sequence).unwrap_or(0)))
}

fn place(sequence: Sequence) -> i64 {
    i64::try_from(sequence.get()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
