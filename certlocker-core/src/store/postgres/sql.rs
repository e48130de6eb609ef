//! Every question that is put to the database for reading.

use tokio_postgres::Row as Found;

use super::text::{read, stored};
use crate::{By, Direction, Query, Row, Version};

pub(super) const ROW: &str =
    "SELECT key, version, snapshot FROM row AS r WHERE kind = $1 AND key = $2";

macro_rules! by_key {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT key, version, snapshot FROM row AS r WHERE kind = $1 AND key ",
            $after,
            " $2 ORDER BY key ",
            $order,
            " LIMIT $3"
        )
    };
}

/// Chosen among the entries alone, so that the rows of other values are not walked.
macro_rules! by_entry {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT r.key, r.version, r.snapshot FROM (SELECT key FROM entry ",
            "WHERE kind = $1 AND name = $4 AND value = $5 AND key ",
            $after,
            " $2 ORDER BY key ",
            $order,
            " LIMIT $3) AS chosen JOIN row AS r ON r.kind = $1 AND r.key = chosen.key ",
            "ORDER BY r.key ",
            $order
        )
    };
}

macro_rules! counted {
    ($from:literal, $after:literal) => {
        concat!(
            "SELECT count(*) FROM (SELECT FROM ",
            $from,
            " AND key ",
            $after,
            " $2 LIMIT $3) AS counted"
        )
    };
}

pub(super) const KEYS_UP: &str = by_key!(">", "ASC");
pub(super) const KEYS_DOWN: &str = by_key!("<", "DESC");
pub(super) const ENTRIES_UP: &str = by_entry!(">", "ASC");
pub(super) const ENTRIES_DOWN: &str = by_entry!("<", "DESC");
pub(super) const COUNT_KEYS_UP: &str = counted!("row AS r WHERE kind = $1", ">");
pub(super) const COUNT_KEYS_DOWN: &str = counted!("row AS r WHERE kind = $1", "<");
pub(super) const COUNT_ENTRIES_UP: &str =
    counted!("entry WHERE kind = $1 AND name = $4 AND value = $5", ">");
pub(super) const COUNT_ENTRIES_DOWN: &str =
    counted!("entry WHERE kind = $1 AND name = $4 AND value = $5", "<");

pub(super) const RECORDS: &str =
    "SELECT bytes FROM record WHERE sequence > $1 ORDER BY sequence LIMIT $2";

pub(super) const RECORDS_ABOUT: &str = "SELECT record.bytes FROM \
    (SELECT sequence FROM record_subject WHERE subject = $3 AND sequence > $1 \
    ORDER BY sequence LIMIT $2) AS about JOIN record USING (sequence) ORDER BY sequence";

/// What reads a page of rows.
pub(super) fn rows(query: &Query) -> &'static str {
    match (&query.by, query.direction) {
        (By::Key, Direction::OldestFirst) => KEYS_UP,
        (By::Key, Direction::NewestFirst) => KEYS_DOWN,
        (By::Entry { .. }, Direction::OldestFirst) => ENTRIES_UP,
        (By::Entry { .. }, Direction::NewestFirst) => ENTRIES_DOWN,
    }
}

/// What counts them.
pub(super) fn count(query: &Query) -> &'static str {
    match (&query.by, query.direction) {
        (By::Key, Direction::OldestFirst) => COUNT_KEYS_UP,
        (By::Key, Direction::NewestFirst) => COUNT_KEYS_DOWN,
        (By::Entry { .. }, Direction::OldestFirst) => COUNT_ENTRIES_UP,
        (By::Entry { .. }, Direction::NewestFirst) => COUNT_ENTRIES_DOWN,
    }
}

/// Greater than every key.
const LAST: &str = "\u{10ffff}";

pub(super) fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn bound(query: &Query) -> String {
    let start = match query.direction {
        Direction::OldestFirst => "",
        Direction::NewestFirst => LAST,
    };
    stored(query.after.as_deref().unwrap_or(start)).into_owned()
}

pub(super) fn row(found: &Found) -> Row {
    let version: i64 = found.get(1);
    Row {
        key: read(found.get(0)),
        version: Version::new(version.unsigned_abs()),
        snapshot: found.get(2),
    }
}
