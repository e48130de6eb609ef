//! Every question that is put to the database.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Result, named_params};

use crate::change::DUE;
use crate::{By, Direction, Kind, Query, Row, Sequence, Subject, Timestamp, Version};

pub(super) const ROW: &str =
    "SELECT key, version, snapshot FROM row WHERE kind = :kind AND key = :key";

macro_rules! by_key {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT row.key, row.version, row.snapshot FROM row ",
            "WHERE row.kind = :kind AND row.key ",
            $after,
            " :after ",
            "ORDER BY row.key ",
            $order,
            " LIMIT :limit"
        )
    };
}

/// The join is written so that it starts from the entries, whatever the statistics say.
macro_rules! by_entry {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT row.key, row.version, row.snapshot ",
            "FROM entry CROSS JOIN row ON row.kind = entry.kind AND row.key = entry.key ",
            "WHERE entry.kind = :kind AND entry.name = :name AND entry.value = :value ",
            "AND entry.key ",
            $after,
            " :after ORDER BY entry.key ",
            $order,
            " LIMIT :limit"
        )
    };
}

macro_rules! counted {
    ($from:literal, $after:literal) => {
        concat!(
            "SELECT count(*) FROM (SELECT 1 FROM ",
            $from,
            " AND key ",
            $after,
            " :after LIMIT :limit)"
        )
    };
}

const KEYS_UP: &str = by_key!(">", "ASC");
const KEYS_DOWN: &str = by_key!("<", "DESC");
const ENTRIES_UP: &str = by_entry!(">", "ASC");
const ENTRIES_DOWN: &str = by_entry!("<", "DESC");
const COUNT_KEYS_UP: &str = counted!("row WHERE kind = :kind", ">");
const COUNT_KEYS_DOWN: &str = counted!("row WHERE kind = :kind", "<");
const COUNT_ENTRIES_UP: &str = counted!(
    "entry WHERE kind = :kind AND name = :name AND value = :value",
    ">"
);
const COUNT_ENTRIES_DOWN: &str = counted!(
    "entry WHERE kind = :kind AND name = :name AND value = :value",
    "<"
);

pub(super) const DUE_KEYS: &str = "SELECT key FROM entry \
    WHERE kind = :kind AND name = :name AND value <= :now ORDER BY value, key";

const RECORDS: &str =
    "SELECT bytes FROM record WHERE sequence > :after ORDER BY sequence LIMIT :limit";

const RECORDS_ABOUT: &str = "SELECT record.bytes \
    FROM record_subject AS about CROSS JOIN record ON record.sequence = about.sequence \
    WHERE about.subject = :subject AND about.sequence > :after \
    ORDER BY about.sequence LIMIT :limit";

pub(super) const HEAD: &str = "SELECT coalesce(max(sequence), 0) FROM record";
pub(super) const CREATE: &str = "INSERT INTO row (kind, key, version, snapshot) \
    VALUES (:kind, :key, :version, :snapshot) ON CONFLICT (kind, key) DO NOTHING";
pub(super) const UPDATE: &str = "UPDATE row SET version = :version, snapshot = :snapshot \
    WHERE kind = :kind AND key = :key AND version = :expected";
pub(super) const REMOVE: &str =
    "DELETE FROM row WHERE kind = :kind AND key = :key AND version = :expected";
pub(super) const ENTER: &str = "INSERT INTO entry (kind, name, value, key, single) \
    VALUES (:kind, :name, :value, :key, :single) ON CONFLICT (kind, name, value, key) DO NOTHING";
pub(super) const LEAVE: &str = "DELETE FROM entry \
    WHERE kind = :kind AND name = :name AND value = :value AND key = :key";
pub(super) const APPEND: &str =
    "INSERT INTO record (sequence, code, bytes) VALUES (:sequence, :code, :bytes)";
pub(super) const ABOUT: &str = "INSERT INTO record_subject (subject, sequence) \
    VALUES (:subject, :sequence) ON CONFLICT DO NOTHING";

#[cfg(test)]
macro_rules! named {
    ($($name:ident,)*) => { &[$((stringify!($name), $name)),*] };
}

/// Every statement with its name, for the tests of how each is answered.
#[cfg(test)]
pub(super) const ALL: &[(&str, &str)] = named![
    ROW,
    KEYS_UP,
    KEYS_DOWN,
    ENTRIES_UP,
    ENTRIES_DOWN,
    COUNT_KEYS_UP,
    COUNT_KEYS_DOWN,
    COUNT_ENTRIES_UP,
    COUNT_ENTRIES_DOWN,
    DUE_KEYS,
    RECORDS,
    RECORDS_ABOUT,
    HEAD,
    CREATE,
    UPDATE,
    REMOVE,
    ENTER,
    LEAVE,
    APPEND,
    ABOUT,
];

/// Greater than every key.
const LAST: &str = "\u{10ffff}";

pub(super) fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn bound(query: &Query) -> &str {
    let start = match query.direction {
        Direction::OldestFirst => "",
        Direction::NewestFirst => LAST,
    };
    query.after.as_deref().unwrap_or(start)
}

fn read_row(row: &rusqlite::Row<'_>) -> Result<Row> {
    Ok(Row {
        key: row.get(0)?,
        version: Version::new(positive(row, 1)?),
        snapshot: row.get(2)?,
    })
}

fn positive(row: &rusqlite::Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error))
    })
}

pub(super) fn row(connection: &Connection, kind: Kind, key: &str) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached(ROW)?;
    let given = named_params! { ":kind": kind.as_str(), ":key": key };
    statement.query_row(given, read_row).optional()
}

pub(super) fn rows(connection: &Connection, query: &Query) -> Result<Vec<Row>> {
    let (kind, after, limit) = (query.kind.as_str(), bound(query), number(query.limit));
    match &query.by {
        By::Key => {
            let mut statement = connection.prepare_cached(match query.direction {
                Direction::OldestFirst => KEYS_UP,
                Direction::NewestFirst => KEYS_DOWN,
            })?;
            let given = named_params! { ":kind": kind, ":after": after, ":limit": limit };
            statement.query_map(given, read_row)?.collect()
        }
        By::Entry { name, value } => {
            let mut statement = connection.prepare_cached(match query.direction {
                Direction::OldestFirst => ENTRIES_UP,
                Direction::NewestFirst => ENTRIES_DOWN,
            })?;
            let given = named_params! {
                ":kind": kind, ":name": name, ":value": value, ":after": after, ":limit": limit,
            };
            statement.query_map(given, read_row)?.collect()
        }
    }
}

pub(super) fn count(connection: &Connection, query: &Query) -> Result<usize> {
    let (kind, after, limit) = (query.kind.as_str(), bound(query), number(query.limit));
    let counted = match &query.by {
        By::Key => {
            let mut statement = connection.prepare_cached(match query.direction {
                Direction::OldestFirst => COUNT_KEYS_UP,
                Direction::NewestFirst => COUNT_KEYS_DOWN,
            })?;
            let given = named_params! { ":kind": kind, ":after": after, ":limit": limit };
            statement.query_row(given, |row| positive(row, 0))?
        }
        By::Entry { name, value } => {
            let mut statement = connection.prepare_cached(match query.direction {
                Direction::OldestFirst => COUNT_ENTRIES_UP,
                Direction::NewestFirst => COUNT_ENTRIES_DOWN,
            })?;
            let given = named_params! {
                ":kind": kind, ":name": name, ":value": value, ":after": after, ":limit": limit,
            };
            statement.query_row(given, |row| positive(row, 0))?
        }
    };
    Ok(usize::try_from(counted).unwrap_or(usize::MAX))
}

/// Hands the keys of what is due to `choose`, those due first first; no more are read than it
/// takes.
pub(super) fn due<T>(
    connection: &Connection,
    kind: Kind,
    now: Timestamp,
    choose: impl FnOnce(&mut dyn Iterator<Item = Result<String>>) -> Result<T>,
) -> Result<T> {
    let mut statement = connection.prepare_cached(DUE_KEYS)?;
    let now = now.to_string();
    let given = named_params! { ":kind": kind.as_str(), ":name": DUE, ":now": now };
    choose(&mut statement.query_map(given, |row| row.get(0))?)
}

pub(super) fn records(
    connection: &Connection,
    about: Option<&Subject>,
    after: Sequence,
    limit: usize,
) -> Result<Vec<Vec<u8>>> {
    let after = i64::try_from(after.get()).unwrap_or(i64::MAX);
    let limit = number(limit);
    match about {
        None => {
            let mut statement = connection.prepare_cached(RECORDS)?;
            let given = named_params! { ":after": after, ":limit": limit };
            statement.query_map(given, |row| row.get(0))?.collect()
        }
        Some(subject) => {
            let mut statement = connection.prepare_cached(RECORDS_ABOUT)?;
            let subject = subject.to_string();
            let given = named_params! { ":subject": subject, ":after": after, ":limit": limit };
            statement.query_map(given, |row| row.get(0))?.collect()
        }
    }
}
