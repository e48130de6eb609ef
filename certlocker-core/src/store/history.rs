//! Questions to the ledger: by whom, what, when; and records with the index beside them.

use async_trait::async_trait;

use super::{Direction, StoreError};
use crate::{Actor, Record, Sequence, Subject, Timestamp};

/// Which records, from where, how many. A record is found if it is everything that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordQuery {
    /// Those about this.
    pub about: Option<Subject>,
    /// Those by this actor.
    pub actor: Option<Actor>,
    /// Those after this one in the direction of reading.
    pub after: Option<Sequence>,
    /// Those of this kind, by its code.
    pub code: Option<String>,
    /// The order of reading.
    pub direction: Direction,
    /// At most so many.
    pub limit: usize,
    /// Those at this instant or later.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
}

impl RecordQuery {
    /// The newest `limit` records.
    pub fn newest(limit: usize) -> Self {
        Self {
            about: None,
            actor: None,
            after: None,
            code: None,
            direction: Direction::NewestFirst,
            limit,
            since: None,
            until: None,
        }
    }

    /// The oldest `limit` records.
    pub fn oldest(limit: usize) -> Self {
        Self {
            direction: Direction::OldestFirst,
            ..Self::newest(limit)
        }
    }

    /// Whether a record is one of those asked for, besides its being about something.
    pub fn finds(&self, record: &Record) -> bool {
        let is_after = |after: Sequence| match self.direction {
            Direction::OldestFirst => record.sequence > after,
            Direction::NewestFirst => record.sequence < after,
        };
        self.after.is_none_or(is_after)
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| *actor == record.actor)
            && self
                .code
                .as_ref()
                .is_none_or(|code| *code == record.event.code())
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
    }
}

/// A record as it is stored: its canonical bytes, and what the store finds it by.
///
/// What it is found by follows from the bytes; that it does is what an audit checks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every store")]
pub struct StoredRecord {
    /// Its place.
    pub sequence: Sequence,
    /// Its canonical bytes, as they were written.
    pub bytes: Vec<u8>,
    /// The code under which it is found.
    pub code: String,
    /// The subjects under which it is found, sorted.
    pub subjects: Vec<String>,
}

/// Records found by more than their subject, and read with the index beside them.
#[async_trait]
pub trait History: Send + Sync {
    /// The records that a query finds, no more than it asks for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], and [`StoreError::Corrupt`] for a record that does not read.
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError>;

    /// At most `limit` records after `after`, oldest first, with all that they are found by; also
    /// those that do not read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError>;
}
