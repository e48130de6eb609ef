//! One statement for a part of the records, with a condition for each thing that is asked for.

use tokio_postgres::types::ToSql;

use super::super::sql;
use super::{BLOCK, Part, Values, place};
use crate::record::as_written;
use crate::store::{Direction, RecordQuery};

/// A statement and its values.
pub(in super::super) fn question(
    query: &RecordQuery,
    part: Part,
    limit: usize,
) -> (String, Values) {
    let is_led = query.about.is_some() || query.actor.is_some() || query.code.is_some();
    match part {
        Part::Blocks(noted) if !is_led => in_blocks(query, noted, limit),
        _ => led(query, part, limit),
    }
}

fn order(query: &RecordQuery) -> &'static str {
    match query.direction {
        Direction::OldestFirst => "ASC",
        Direction::NewestFirst => "DESC",
    }
}

/// In each block that may have what is asked for, and in no other.
fn in_blocks(query: &RecordQuery, noted: i64, limit: usize) -> (String, Values) {
    let order = order(query);
    let mut of_block = Conditions::default();
    of_block.add("span.block <", noted / BLOCK);
    if let Some(since) = query.since {
        of_block.add("span.latest >=", since.to_string());
    }
    if let Some(until) = query.until {
        of_block.add("span.earliest <", until.to_string());
    }
    if let Some(after) = query.after {
        let (beyond, from) = match query.direction {
            Direction::OldestFirst => (">=", place(after)),
            Direction::NewestFirst => ("<=", place(after) - 1),
        };
        of_block.add(&format!("span.block {beyond}"), from / BLOCK);
    }
    let mut of_record = Conditions {
        texts: Vec::new(),
        values: of_block.values,
    };
    let bounds = Bounds::of(query, Part::All, &mut of_record.values);
    of_record.between(bounds, "record.sequence");
    of_record.times(query);
    let limit = of_record.value(sql::number(limit));
    let (blocks, records) = (all(&of_block.texts), all(&of_record.texts));
    let statement = format!(
        "SELECT found.bytes FROM record_span AS span CROSS JOIN LATERAL \
        (SELECT record.sequence, record.bytes FROM record \
        WHERE record.sequence > span.block * 1024 AND record.sequence <= span.block * 1024 + 1024 \
        AND {records} ORDER BY record.sequence {order} LIMIT {limit}) AS found \
        WHERE {blocks} ORDER BY span.block {order}, found.sequence {order} LIMIT {limit}"
    );
    (statement, of_record.values)
}

/// In the order of one index, between two records.
fn led(query: &RecordQuery, part: Part, limit: usize) -> (String, Values) {
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
    let mut equal = Vec::new();
    if let Some(actor) = &query.actor {
        equal.push(("record.actor", encoded(&as_written(&actor.to_string()))));
    }
    if let Some(code) = &query.code {
        equal.push(("record.code", code.clone()));
    }
    let leads = query.about.is_none() && !equal.is_empty();
    let leader = leads.then(|| equal.remove(0));
    for (column, value) in equal {
        conditions.add(&format!("{column} ="), value);
    }
    let bounds = Bounds::of(query, part, &mut conditions.values);
    let by = match leader {
        Some((column, value)) => conditions.lead(column, value, &bounds),
        None => {
            conditions.between(bounds, sequence);
            vec![sequence]
        }
    };
    conditions.times(query);
    let limit = conditions.value(sql::number(limit));
    let order = order(query);
    let by = by.iter().map(|column| format!("{column} {order}"));
    let by = by.collect::<Vec<_>>().join(", ");
    let texts = all(&conditions.texts);
    let statement =
        format!("SELECT record.bytes FROM {from} WHERE {texts} ORDER BY {by} LIMIT {limit}");
    (statement, conditions.values)
}

/// As the database encodes bytes that are to be text.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'\\' => encoded += "\\\\",
            1..=0x7f => encoded.push(byte.into()),
            other => encoded += &format!("\\{other:03o}"),
        }
    }
    encoded
}

/// After which record, and before which one; as the database works it out.
struct Bounds {
    after: Option<String>,
    before: Option<String>,
}

impl Bounds {
    fn of(query: &RecordQuery, part: Part, values: &mut Values) -> Self {
        let mut value = |value| numbered(values, value);
        let (mut after, mut before) = (Vec::new(), Vec::new());
        if let Some(from) = query.after {
            let from = format!("{}::bigint", value(Box::new(place(from))));
            match query.direction {
                Direction::OldestFirst => after.push(from),
                Direction::NewestFirst => before.push(from),
            }
        }
        match part {
            Part::All => {}
            Part::Rest(noted) => after.push(format!("{}::bigint", value(Box::new(noted)))),
            Part::Blocks(noted) => {
                before.push(format!("{}::bigint", value(Box::new(noted + 1))));
                if let Some(since) = query.since {
                    let since = value(Box::new(since.to_string()));
                    after.push(format!(
                        "coalesce((SELECT block * 1024 FROM record_span WHERE latest >= {since} \
                        ORDER BY block LIMIT 1), 9223372036854775807)"
                    ));
                }
                if let Some(until) = query.until {
                    let until = value(Box::new(until.to_string()));
                    before.push(format!(
                        "coalesce((SELECT block * 1024 + 1025 FROM record_span \
                        WHERE earliest < {until} ORDER BY block DESC LIMIT 1), 0)"
                    ));
                }
            }
        }
        let one = |all: Vec<String>, of_all: &str| match all.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            all => Some(format!("{of_all}({})", all.join(", "))),
        };
        Self {
            after: one(after, "greatest"),
            before: one(before, "least"),
        }
    }
}

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Values,
}

/// The name of a value in the statement.
fn numbered(values: &mut Values, value: Box<dyn ToSql + Send + Sync>) -> String {
    values.push(value);
    format!("${}", values.len())
}

fn all(conditions: &[String]) -> String {
    match conditions {
        [] => "true".to_owned(),
        all => all.join(" AND "),
    }
}

impl Conditions {
    fn value(&mut self, value: impl ToSql + Send + Sync + 'static) -> String {
        numbered(&mut self.values, Box::new(value))
    }

    fn add(&mut self, text: &str, value: impl ToSql + Send + Sync + 'static) {
        let value = self.value(value);
        self.texts.push(format!("{text} {value}"));
    }

    fn times(&mut self, query: &RecordQuery) {
        if let Some(since) = query.since {
            self.add("record.time >=", since.to_string());
        }
        if let Some(until) = query.until {
            self.add("record.time <", until.to_string());
        }
    }

    fn between(&mut self, bounds: Bounds, sequence: &str) {
        let after = bounds.after.map(|after| format!("{sequence} > {after}"));
        let before = bounds.before.map(|before| format!("{sequence} < {before}"));
        self.texts.extend(after.into_iter().chain(before));
    }

    /// The same among those with one value in a column, as a range of the index of that column. If
    /// it were said that they are equal, the planner would as soon read all records in their order
    /// and hope that many have the value.
    fn lead(&mut self, column: &'static str, value: String, bounds: &Bounds) -> Vec<&'static str> {
        let value = self.value(value);
        let bound = |beyond: &str, place: &Option<String>| match place {
            None => format!("{column} {beyond}= {value}"),
            Some(place) => format!("({column}, record.sequence) {beyond} ({value}, {place})"),
        };
        self.texts.push(bound(">", &bounds.after));
        self.texts.push(bound("<", &bounds.before));
        vec![column, "record.sequence"]
    }
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn an_actor_is_looked_for_as_the_database_encodes_its_bytes() {
        assert_eq!(encoded("command:ann"), "command:ann");
        assert_eq!(encoded("a\\u0000\u{e9}"), "a\\\\u0000\\303\\251");
    }
}
