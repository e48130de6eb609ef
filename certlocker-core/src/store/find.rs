//! Questions to a store that any database can answer from an index.

use crate::Kind;

/// Which rows of a kind, from where, how many.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Rows after this key in the direction of reading, or from the start.
    pub after: Option<String>,
    /// All rows, or those with an index entry.
    pub by: By,
    /// The order of the keys.
    pub direction: Direction,
    /// The kind.
    pub kind: Kind,
    /// At most so many.
    pub limit: usize,
}

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a store has to answer every case")]
pub enum By {
    /// Every row of the kind.
    Key,
    /// Rows that have this entry.
    Entry {
        /// The name of the index.
        name: &'static str,
        /// The value there.
        value: String,
    },
}

/// In which order keys are read; keys of what is created later are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there are two")]
pub enum Direction {
    /// Smallest key first.
    OldestFirst,
    /// Largest key first.
    NewestFirst,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "where, how many, which way")]
pub struct Page {
    /// The key of the last row of the page before.
    pub after: Option<String>,
    /// The order of reading.
    pub direction: Direction,
    /// At most so many.
    pub limit: usize,
}

impl Page {
    /// The newest `limit` rows.
    pub fn newest(limit: usize) -> Self {
        Self {
            after: None,
            direction: Direction::NewestFirst,
            limit,
        }
    }

    /// The oldest `limit` rows.
    pub fn oldest(limit: usize) -> Self {
        Self {
            after: None,
            direction: Direction::OldestFirst,
            limit,
        }
    }

    /// The same, after the row with this key.
    pub fn after(mut self, key: Option<String>) -> Self {
        self.after = key;
        self
    }

    pub(crate) fn of(self, kind: Kind, by: By) -> Query {
        Query {
            after: self.after,
            by,
            direction: self.direction,
            kind,
            limit: self.limit,
        }
    }
}

pub(crate) fn entry(name: &'static str, value: impl std::fmt::Display) -> By {
    By::Entry {
        name,
        value: value.to_string(),
    }
}
