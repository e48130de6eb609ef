//! The record of what happened, in the one form in which it is stored, hashed and shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::Corrupt;
use crate::{Actor, Attribution, Cause, Event, Subject, Timestamp, Traceparent};

/// The place of a record in the ledger, from 1, without gaps, in the order of the commits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first record.
    pub const START: Self = Self(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One fact of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "the form of a record is fixed; version 2 would be another type"
)]
pub struct Record {
    /// Its place.
    pub sequence: Sequence,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What made them do it.
    pub cause: Cause,
    /// The trace it belongs to.
    pub traceparent: Option<Traceparent>,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// Its canonical bytes: those that it was read from, if they were canonical.
    pub fn to_canonical(&self) -> Vec<u8> {
        let by = Attribution {
            actor: self.actor.clone(),
            cause: self.cause.clone(),
            traceparent: self.traceparent.clone(),
        };
        Draft::new(&self.event, self.time, &by).at(self.sequence)
    }

    /// Reads a record from its canonical bytes.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, Corrupt> {
        let stored: Stored =
            serde_json::from_slice(bytes).map_err(|error| Corrupt::new("record", &error))?;
        if stored.v != VERSION {
            return Err(Corrupt::new(
                "record",
                &format!("version {} is not known here, {VERSION} is", stored.v),
            ));
        }
        Ok(Self {
            sequence: stored.sequence,
            time: stored.time,
            actor: stored.actor,
            cause: stored.cause,
            traceparent: stored.traceparent,
            event: stored.event,
        })
    }
}

/// The version of the canonical form.
const VERSION: u8 = 1;

/// The canonical form: JSON without white space, members in alphabetical order at every level,
/// integers only, absent members left out. Within those bounds it is RFC 8785's form too.
#[derive(Deserialize)]
struct Stored {
    actor: Actor,
    cause: Cause,
    event: Event,
    sequence: Sequence,
    time: Timestamp,
    #[serde(default)]
    traceparent: Option<Traceparent>,
    v: u8,
}

#[derive(Serialize)]
struct Head<'a> {
    actor: &'a Actor,
    cause: &'a Cause,
    event: &'a Event,
}

#[derive(Serialize)]
struct Tail<'a> {
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a Traceparent>,
    v: u8,
}

/// A record that waits for its place: a store gives it one inside the transaction that writes it.
#[derive(Clone, Debug)]
pub struct Draft {
    code: &'static str,
    subjects: Vec<Subject>,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Draft {
    pub(crate) fn new(event: &Event, at: Timestamp, by: &Attribution) -> Self {
        let head = Head {
            actor: &by.actor,
            cause: &by.cause,
            event,
        };
        let tail = Tail {
            time: at,
            traceparent: by.traceparent.as_ref(),
            v: VERSION,
        };
        Self {
            code: event.code(),
            subjects: event.subjects(),
            head: json(&head),
            tail: json(&tail),
        }
    }

    /// The canonical bytes of the record at this place.
    pub fn at(&self, sequence: Sequence) -> Vec<u8> {
        let head = &self.head[..self.head.len() - 1];
        let number = sequence.to_string();
        let middle: &[&[u8]] = &[
            head,
            b",\"sequence\":",
            number.as_bytes(),
            b",",
            &self.tail[1..],
        ];
        middle.concat()
    }

    /// The code of the event, for an index.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What the record is found by.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("stored forms have text keys and serialize without failing")
}

/// A text as it stands between the quotation marks of a record.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) fn as_written(text: &str) -> String {
    let quoted = String::from_utf8_lossy(&json(&text)).into_owned();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, Component, Failure, FailureKind, OrderId, Trigger};

    fn draft() -> Draft {
        let event = Event::OrderInvalid {
            failure: Failure::new(FailureKind::Dns, "a.example: NXDOMAIN")
                .compared("an address", "NXDOMAIN"),
            order_id: OrderId::first_at(Timestamp::from_seconds(1_700_000_000)),
        };
        let account = AccountId::first_at(Timestamp::from_seconds(1_600_000_000));
        let mut by = Attribution::new(Actor::Server(Component::Validator), Trigger::Due)
            .because_of(Subject::Account(account));
        by.traceparent = Some(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                .to_owned()
                .try_into()
                .unwrap(),
        );
        Draft::new(&event, Timestamp::from_micros(1_700_000_000_000_123), &by)
    }

    const KNOWN: &str = concat!(
        r#"{"actor":"server:validator","cause":{"parent":"account:01EJ3PX0000000000000000000","trigger":"due"},"#,
        r#""event":{"code":"CLA023E","data":{"failure":{"detail":"a.example: NXDOMAIN","expected":"an address","#,
        r#""kind":"dns","observed":"NXDOMAIN"},"order_id":"01HF7YAT000000000000000000"}},"sequence":42,"#,
        r#""time":"2023-11-14T22:13:20.000123Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","v":1}"#
    );

    #[test]
    fn the_canonical_form_is_the_known_one() {
        assert_eq!(
            String::from_utf8(draft().at(Sequence::new(42))).unwrap(),
            KNOWN
        );
    }

    #[test]
    fn canonical_bytes_read_back_as_the_record() {
        let record = Record::from_canonical(KNOWN.as_bytes()).unwrap();
        assert_eq!(record.sequence.get(), 42);
        assert_eq!(record.event.code(), "CLA023E");
        assert_eq!(record.cause.trigger, Trigger::Due);
        assert_eq!(record.to_canonical(), KNOWN.as_bytes());
    }

    #[test]
    fn a_record_of_another_version_is_refused_by_its_number() {
        let error =
            Record::from_canonical(KNOWN.replace("\"v\":1", "\"v\":9").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("version 9"), "{error}");
    }
}
