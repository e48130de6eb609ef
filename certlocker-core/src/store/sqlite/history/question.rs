//! One statement for a part of the records, with a condition for each thing that is asked for.

use rusqlite::types::Value;

use super::super::sql::number;
use super::{BLOCK, Lead, Part, place};
use crate::record::as_written;
use crate::store::{Direction, RecordQuery};

/// A statement that reads no more rows of a part than an index of one condition finds, and its
/// values.
pub(super) fn question(
    query: &RecordQuery,
    lead: Lead,
    part: Part,
    limit: usize,
) -> (String, Vec<Value>) {
    let Source { from, sequence, by } = Source::of(query, part);
    let mut conditions = Conditions::default();
    if let Some(subject) = &query.about {
        conditions.add("record_subject.subject = ?", subject.to_string());
    }
    if let Some(after) = query.after {
        let beyond = match query.direction {
            Direction::OldestFirst => ">",
            Direction::NewestFirst => "<",
        };
        conditions.add(&format!("{sequence} {beyond} ?"), place(after));
    }
    conditions.actor_and_code(query, lead);
    match part {
        Part::All => {}
        Part::Rest(noted) => conditions.add(&format!("{sequence} > ?"), noted),
        Part::Blocks(noted) if is_led(query) => conditions.between_blocks(sequence, query, noted),
        Part::Blocks(noted) => conditions.in_blocks(query, noted),
    }
    if let Some(since) = query.since {
        conditions.add("record.time >= ?", since.to_string());
    }
    if let Some(until) = query.until {
        conditions.add("record.time < ?", until.to_string());
    }
    let (conditions, mut values) = conditions.all();
    values.push(number(limit).into());
    let statement =
        format!("SELECT record.bytes FROM {from} WHERE {conditions} ORDER BY {by} LIMIT ?");
    (statement, values)
}

/// Whether something else than the time has an index to look in.
fn is_led(query: &RecordQuery) -> bool {
    query.about.is_some() || query.actor.is_some() || query.code.is_some()
}

/// Where records are read from, what tells their places there, and what they are ordered by.
struct Source {
    from: &'static str,
    sequence: &'static str,
    by: String,
}

impl Source {
    fn of(query: &RecordQuery, part: Part) -> Self {
        let order = match query.direction {
            Direction::OldestFirst => "ASC",
            Direction::NewestFirst => "DESC",
        };
        match part {
            _ if query.about.is_some() => Self {
                from: "record_subject CROSS JOIN record ON record.sequence = record_subject.sequence",
                sequence: "record_subject.sequence",
                by: format!("record_subject.sequence {order}"),
            },
            Part::Blocks(_) if !is_led(query) => Self {
                from: "record_span CROSS JOIN record ON record.sequence > record_span.block * 1024 \
                    AND record.sequence <= record_span.block * 1024 + 1024",
                sequence: "record.sequence",
                by: format!("record_span.block {order}, record.sequence {order}"),
            },
            _ => Self {
                from: "record",
                sequence: "record.sequence",
                by: format!("record.sequence {order}"),
            },
        }
    }
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

    fn actor_and_code(&mut self, query: &RecordQuery, lead: Lead) {
        // With a plus before it a column is looked at without its index.
        let both = query.actor.is_some() && query.code.is_some();
        let plus = |own: Lead| match both && lead != own {
            true => "+",
            false => "",
        };
        if let Some(code) = &query.code {
            let plus = plus(Lead::Code);
            self.add(&format!("{plus}record.code = ?"), code.clone());
        }
        if let Some(actor) = &query.actor {
            let plus = plus(Lead::Actor);
            let actor = as_written(&actor.to_string());
            self.add(&format!("{plus}record.actor = ?"), actor);
        }
    }

    /// From the first block that may have what is asked for to the last one. There, the index of
    /// something else leads.
    fn between_blocks(&mut self, sequence: &str, query: &RecordQuery, noted: i64) {
        self.add(&format!("{sequence} <= ?"), noted);
        if let Some(since) = query.since {
            let first = "(SELECT block * 1024 FROM record_span WHERE latest >= ? \
                ORDER BY block LIMIT 1)";
            self.add(&format!("{sequence} > {first}"), since.to_string());
        }
        if let Some(until) = query.until {
            let last = "(SELECT block * 1024 + 1024 FROM record_span WHERE earliest < ? \
                ORDER BY block DESC LIMIT 1)";
            self.add(&format!("{sequence} <= {last}"), until.to_string());
        }
    }

    /// In each block that may have what is asked for, and in no other.
    fn in_blocks(&mut self, query: &RecordQuery, noted: i64) {
        self.add("record_span.block < ?", noted / BLOCK);
        if let Some(since) = query.since {
            self.add("record_span.latest >= ?", since.to_string());
        }
        if let Some(until) = query.until {
            self.add("record_span.earliest < ?", until.to_string());
        }
        if let Some(after) = query.after {
            let (beyond, from) = match query.direction {
                Direction::OldestFirst => (">=", place(after)),
                Direction::NewestFirst => ("<=", place(after) - 1),
            };
            self.add(&format!("record_span.block {beyond} ?"), from / BLOCK);
        }
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
