//! Orders that are not stored: refused before they began, or removed long after they ended.

use super::{Explanation, Party, Stage};
use crate::{Event, Failure, FailureKind, Identifier, Record, Timestamp};

/// Explains an order of which only the records are left, oldest first; nothing if they do not tell
/// of a refusal or a removal.
pub fn explain_absent(records: &[Record]) -> Option<Explanation> {
    records.iter().rev().find_map(|record| match &record.event {
        Event::OrderRefused {
            failure,
            identifiers,
            ..
        } => Some(refused(record, identifiers, failure)),
        Event::OrderRemoved { .. } => Some(removed(record, records)),
        _ => None,
    })
}

fn refused(record: &Record, identifiers: &[Identifier], failure: &Failure) -> Explanation {
    let names: Vec<String> = identifiers.iter().map(Identifier::value).collect();
    let verdict = format!(
        "Refused before it began: an order for {} at {}: {}. {}.",
        names.join(", "),
        record.time.to_rfc3339_seconds(),
        failure.detail,
        remedy(failure)
    );
    Explanation {
        expected: failure.expected.clone(),
        observed: failure.observed.clone(),
        waiting_for: Some(Party::Operator),
        ..told(record, Stage::Order, verdict)
    }
}

fn remedy(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::RejectedIdentifier => {
            "The operator widens the client's scope, or the client asks for less"
        }
        _ => "The client comes again when it may, or the operator changes what it may do",
    }
}

fn removed(record: &Record, records: &[Record]) -> Explanation {
    let unknown = || (Stage::Order, "how is not among its records".to_owned());
    let (stage, end) = records.iter().rev().find_map(end).unwrap_or_else(unknown);
    let at = record.time.to_rfc3339_seconds();
    let verdict = format!("Removed at {at}, long after its end: {end}. Its history stays.");
    told(record, stage, verdict)
}

fn end(record: &Record) -> Option<(Stage, String)> {
    let at = |time: Timestamp| time.to_rfc3339_seconds();
    Some(match &record.event {
        Event::CertificateStored { serial, .. } => {
            let end = format!(
                "the certificate with serial number {serial} was issued at {}",
                at(record.time)
            );
            (Stage::Issue, end)
        }
        Event::OrderInvalid { failure, .. } => (
            Stage::Validation,
            format!("it stopped at {}: {}", at(record.time), failure.detail),
        ),
        Event::OrderExpired { expires, .. } => {
            (Stage::Order, format!("it expired at {}", at(*expires)))
        }
        _ => return None,
    })
}

fn told(record: &Record, stage: Stage, verdict: String) -> Explanation {
    Explanation {
        code: Some(record.event.code()),
        expected: None,
        lanes: Vec::new(),
        next: None,
        observed: None,
        rail: Vec::new(),
        stage,
        verdict,
        waiting_for: None,
    }
}
