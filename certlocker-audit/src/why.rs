//! Why something is there: the path from it back to what set everything off.
#![doc = include_str!("../guide/why.md")]

mod access;
mod renewal;
mod sentence;

use certlocker_core::{Event, Ledger, Record, Sequence, StoreError, Subject};

pub use access::{AccessAnswer, AccessQuestion, access};
pub use renewal::{Renewal, renewal};
pub use sentence::{sentence, trigger_sentence};

/// Why a path cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WhyError {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
    /// A record names a cause that nothing is known of: the path would end where there is no root.
    #[error("record {record} came about because of {cause}, of which there is no record")]
    UnknownCause {
        /// The cause that it names.
        cause: Subject,
        /// The record.
        record: Sequence,
    },
}

/// One step of the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What the step is about.
    pub about: Subject,
    /// What happened.
    pub record: Record,
}

/// How many records of an order are looked at; of anything else the first says how it came about.
const LOOKED_AT: usize = 1_000;

/// The way from a thing back to its root trigger, the thing itself first; nothing if the ledger
/// does not know it.
///
/// Each step is the record with which something came about; its cause names the thing before, or
/// the record itself does. The last step has no such thing: its trigger is the root.
///
/// # Errors
/// [`WhyError`].
pub async fn why(ledger: &(impl Ledger + ?Sized), subject: Subject) -> Result<Vec<Step>, WhyError> {
    let (mut steps, mut seen) = (Vec::<Step>::new(), vec![subject]);
    let mut about = subject;
    loop {
        let most = match about {
            Subject::Order(_) => LOOKED_AT,
            _ => 1,
        };
        let records = ledger.records(Some(&about), Sequence::START, most).await?;
        let Some(origin) = records.first() else {
            return match steps.last() {
                Some(step) => Err(WhyError::UnknownCause {
                    cause: about,
                    record: step.record.sequence,
                }),
                None => Ok(steps),
            };
        };
        if let Some(request) = request(&about, &records) {
            steps.push(Step {
                about,
                record: request.clone(),
            });
        }
        steps.push(Step {
            about,
            record: origin.clone(),
        });
        let Some(next) = cause(&about, origin).find(|next| !seen.contains(next)) else {
            return Ok(steps);
        };
        seen.push(next);
        about = next;
    }
}

/// For an order, the request that was accepted for its certificate.
fn request<'a>(about: &Subject, records: &'a [Record]) -> Option<&'a Record> {
    let is_request = |record: &&Record| matches!(record.event, Event::FinalizeReceived { .. });
    match about {
        Subject::Order(_) => records.iter().rev().find(is_request),
        _ => None,
    }
}

/// What may have led to a record: what its cause names, then what it names itself.
fn cause<'a>(about: &'a Subject, record: &'a Record) -> impl Iterator<Item = Subject> + 'a {
    let named = record.event.subjects().into_iter();
    let before = named.filter(|named| height(named) < height(about));
    record.cause.parent.into_iter().chain(before)
}

/// What comes about by way of something lower is higher.
fn height(subject: &Subject) -> u8 {
    match subject {
        Subject::Certificate(_) => 4,
        Subject::Order(_) => 3,
        Subject::Account(_) => 2,
        Subject::Client(_) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
