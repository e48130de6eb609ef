//! Questions about records, put together from what is asked for.

use async_trait::async_trait;
use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;

use super::{PostgresStore, sql};
use crate::record::json;
use crate::store::{Direction, History, RecordQuery, StoredRecord};
use crate::{Record, Sequence, StoreError};

pub(super) const STORED: &str = "SELECT record.sequence, record.bytes, record.code, \
    array(SELECT subject FROM record_subject WHERE record_subject.sequence = record.sequence \
    ORDER BY subject) FROM record WHERE record.sequence > $1 ORDER BY record.sequence LIMIT $2";

type Values = Vec<Box<dyn ToSql + Send + Sync>>;

#[async_trait]
impl History for PostgresStore {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        let (statement, values) = question(query);
        let given = values
            .iter()
            .map(|value| value.as_ref() as &(dyn ToSql + Sync));
        let found = self.ask(&statement, &given.collect::<Vec<_>>()).await?;
        let records = found.iter().map(|row| Record::from_canonical(row.get(0)));
        Ok(records.collect::<Result<_, _>>()?)
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

/// A statement with a condition for each thing that is asked for, and its values.
fn question(query: &RecordQuery) -> (String, Values) {
    let (beyond, order) = match query.direction {
        Direction::OldestFirst => (">", "ASC"),
        Direction::NewestFirst => ("<", "DESC"),
    };
    let (from, sequence) = match &query.about {
        None => ("record", "record.sequence"),
        Some(_) => (
            "record_subject JOIN record ON record.sequence = record_subject.sequence",
            "record_subject.sequence",
        ),
    };
    let mut conditions = Conditions::default();
    if let Some(subject) = &query.about {
        conditions.add("record_subject.subject =", subject.to_string());
    }
    if let Some(after) = query.after {
        conditions.add(&format!("{sequence} {beyond}"), place(after));
    }
    if let Some(code) = &query.code {
        conditions.add("record.code =", code.clone());
    }
    if let Some(actor) = &query.actor {
        conditions.add("record.actor =", as_written(&actor.to_string()));
    }
    if let Some(since) = query.since {
        conditions.add("record.time >=", since.to_string());
    }
    if let Some(until) = query.until {
        conditions.add("record.time <", until.to_string());
    }
    let (conditions, mut values) = conditions.all();
    values.push(Box::new(sql::number(query.limit)));
    let statement = format!(
        "SELECT record.bytes FROM {from} WHERE {conditions} ORDER BY {sequence} {order} LIMIT ${}",
        values.len()
    );
    (statement, values)
}

/// A text as it stands between the quotation marks of a record.
fn as_written(text: &str) -> String {
    let quoted = String::from_utf8_lossy(&json(&text)).into_owned();
    quoted[1..quoted.len() - 1].to_owned()
}

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Values,
}

impl Conditions {
    fn add(&mut self, text: &str, value: impl ToSql + Send + Sync + 'static) {
        self.values.push(Box::new(value));
        self.texts.push(format!("{text} ${}", self.values.len()));
    }

    fn all(self) -> (String, Values) {
        let texts = if self.texts.is_empty() {
            "true".to_owned()
        } else {
            self.texts.join(" AND ")
        };
        (texts, self.values)
    }
}
