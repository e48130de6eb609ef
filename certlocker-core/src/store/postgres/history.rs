//! Questions about records, put together from what is asked for.

mod question;

use async_trait::async_trait;
use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;

use super::{PostgresStore, sql};
use crate::store::{Direction, History, RecordQuery, StoredRecord};
use crate::{Record, Sequence, StoreError};

pub(super) use question::question;

pub(super) const STORED: &str = "SELECT record.sequence, record.bytes, record.code, \
    array(SELECT subject FROM record_subject WHERE record_subject.sequence = record.sequence \
    ORDER BY subject) FROM record WHERE record.sequence > $1 ORDER BY record.sequence LIMIT $2";

/// The last record of the blocks that are noted.
pub(super) const NOTED: &str = "SELECT coalesce( \
    (SELECT block + 1 FROM record_span ORDER BY block DESC LIMIT 1), 0) * 1024";

/// Notes the times of every block that is whole, up to a record.
pub(super) const NOTE: &str = "INSERT INTO record_span (block, earliest, latest) \
    SELECT whole.block, span.earliest, span.latest FROM generate_series( \
    coalesce((SELECT block + 1 FROM record_span ORDER BY block DESC LIMIT 1), 0), $1::bigint / 1024 - 1) AS whole (block) \
    CROSS JOIN LATERAL (SELECT min(time) AS earliest, max(time) AS latest FROM record \
    WHERE sequence > whole.block * 1024 AND sequence <= whole.block * 1024 + 1024 OFFSET 0) AS span";

/// How many records a block has; migrations have the number too.
const BLOCK: i64 = 1_024;

/// Whether a block became whole between these records.
pub(super) fn ends_a_block(before: i64, head: i64) -> bool {
    before / BLOCK < head / BLOCK
}

/// Where it is looked for records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Everywhere.
    All,
    /// In the blocks up to this record, of which first and last times are noted.
    Blocks(i64),
    /// After this record.
    Rest(i64),
}

pub(super) type Values = Vec<Box<dyn ToSql + Send + Sync>>;

#[async_trait]
impl History for PostgresStore {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for part in self.parts(query).await? {
            let rest = query.limit.saturating_sub(records.len());
            if rest == 0 {
                break;
            }
            let (statement, values) = question(query, part, rest);
            let given = values
                .iter()
                .map(|value| value.as_ref() as &(dyn ToSql + Sync));
            let found = self.ask(&statement, &given.collect::<Vec<_>>()).await?;
            for row in &found {
                records.push(Record::from_canonical(row.get(0))?);
            }
        }
        Ok(records)
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let found = self
            .ask(STORED, &[&place(after), &sql::number(limit)])
            .await?;
        Ok(found.iter().map(stored).collect())
    }
}

impl PostgresStore {
    /// In the direction of reading. Records that are written meanwhile are in the rest, whatever
    /// becomes of it.
    async fn parts(&self, query: &RecordQuery) -> Result<Vec<Part>, StoreError> {
        if query.since.is_none() && query.until.is_none() {
            return Ok(vec![Part::All]);
        }
        let found = self.ask(NOTED, &[]).await?;
        let noted = found.first().map_or(0, |row| row.get(0));
        let mut parts = vec![Part::Blocks(noted), Part::Rest(noted)];
        if query.direction == Direction::NewestFirst {
            parts.reverse();
        }
        Ok(parts)
    }
}

pub(super) fn stored(row: &Found) -> StoredRecord {
    let sequence: i64 = row.get(0);
    StoredRecord {
        sequence: Sequence::new(sequence.unsigned_abs()),
        bytes: row.get(1),
        code: row.get(2),
        subjects: row.get(3),
    }
}

fn place(sequence: Sequence) -> i64 {
    i64::try_from(sequence.get()).unwrap_or(i64::MAX)
}
