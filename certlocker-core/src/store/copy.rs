//! What a copy of a database consists of, whichever database it comes from or goes to.
//!
//! Rows, entries and records are copied as they are stored. Operational rows (claims, spent nonces)
//! are not: they are worth nothing anywhere else.

use super::{PostgresError, SqliteError, StoredRecord};
use crate::Sequence;

/// Why a database could not be copied to another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There is something in the database already.
    #[error(
        "{database} is in use, it has {records} records: a backup is restored into an empty database"
    )]
    NotEmpty {
        /// Where.
        database: String,
        /// How many records are there.
        records: u64,
    },
    /// The copy has records that do not follow each other.
    #[error("the backup is damaged: record {expected} was expected, and {found} follows")]
    Gap {
        /// The place that has to come next.
        expected: Sequence,
        /// The one that came.
        found: Sequence,
    },
    /// The PostgreSQL database.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The SQLite database.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
}

/// Some of what is copied, in the order of its table.
pub(super) enum Piece {
    Rows(Vec<CopiedRow>),
    Entries(Vec<CopiedEntry>),
    Records(Vec<StoredRecord>),
    /// That was all. What ends without it has broken off.
    End,
}

pub(super) struct CopiedRow {
    pub(super) kind: String,
    pub(super) key: String,
    pub(super) version: i64,
    pub(super) snapshot: Vec<u8>,
}

pub(super) struct CopiedEntry {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) key: String,
    pub(super) single: bool,
}

/// How many rows, entries or records make a piece.
pub(super) const PIECE: usize = 500;
/// How many pieces are under way at a time.
pub(super) const PIECES: usize = 4;
