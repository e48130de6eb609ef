//! Questions about records, put together from what is asked for.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, Result};

use super::sql::number;
use crate::Sequence;
use crate::store::{Direction, RecordQuery, StoredRecord};

/// The bytes of the records that a query finds.
pub(super) fn find(connection: &Connection, query: &RecordQuery) -> Result<Vec<Vec<u8>>> {
    let (statement, values) = question(query, lead(connection, query)?);
    let mut statement = connection.prepare_cached(&statement)?;
    let values = rusqlite::params_from_iter(values);
    statement.query_map(values, |row| row.get(0))?.collect()
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
    let few = count.query_row((actor.to_string(), most), |row| row.get::<_, i64>(0))? < most;
    Ok(if few { Lead::Actor } else { Lead::Code })
}

/// A statement that reads no more rows than an index of one condition finds, and its values.
pub(super) fn question(query: &RecordQuery, lead: Lead) -> (String, Vec<Value>) {
    let (beyond, order) = match query.direction {
        Direction::OldestFirst => (">", "ASC"),
        Direction::NewestFirst => ("<", "DESC"),
    };
    let mut conditions = Conditions::default();
    let from = match &query.about {
        None => "record",
        Some(subject) => {
            conditions.add("record_subject.subject = ?", subject.to_string());
            "record_subject CROSS JOIN record ON record.sequence = record_subject.sequence"
        }
    };
    let sequence = match &query.about {
        None => "record.sequence",
        Some(_) => "record_subject.sequence",
    };
    if let Some(after) = query.after {
        conditions.add(&format!("{sequence} {beyond} ?"), place(after));
    }
    // With a plus before it a column is looked at without its index.
    let both = query.actor.is_some() && query.code.is_some();
    if let Some(code) = &query.code {
        let plus = if both && lead == Lead::Actor { "+" } else { "" };
        conditions.add(&format!("{plus}record.code = ?"), code.clone());
    }
    if let Some(actor) = &query.actor {
        let plus = if both && lead == Lead::Code { "+" } else { "" };
        conditions.add(&format!("{plus}record.actor = ?"), actor.to_string());
    }
    // Times are nearly in the order of the sequence: they say where to begin, and are looked at
    // again there, without the index, whose order is another one. Left to itself, SQLite looks for
    // the least and the largest sequence by reading records from the one end.
    if let Some(since) = query.since {
        let bound = "(SELECT min(sequence) FROM record INDEXED BY record_time WHERE time >= ?)";
        conditions.add(&format!("{sequence} >= {bound}"), since.to_string());
        conditions.add("+record.time >= ?", since.to_string());
    }
    if let Some(until) = query.until {
        let bound = "(SELECT max(sequence) FROM record INDEXED BY record_time WHERE time < ?)";
        conditions.add(&format!("{sequence} <= {bound}"), until.to_string());
        conditions.add("+record.time < ?", until.to_string());
    }
    let (conditions, mut values) = conditions.all();
    values.push(number(query.limit).into());
    let statement = format!(
        "SELECT record.bytes FROM {from} WHERE {conditions} ORDER BY {sequence} {order} LIMIT ?"
    );
    (statement, values)
}

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, text: &str, value: impl Into<Value>) {
        self.texts.push(text.to_owned());
        self.values.push(value.into());
    }

    fn all(self) -> (String, Vec<Value>) {
        let texts = if self.texts.is_empty() {
            "true".to_owned()
        } else {
            self.texts.join(" AND ")
        };
        (texts, self.values)
    }
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
