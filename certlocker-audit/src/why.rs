//! Why something is there: the path from it back to what set everything off.

mod sentence;

use certlocker_core::{Event, Ledger, Record, Sequence, StoreError, Subject};

pub use sentence::{sentence, trigger_sentence};

/// One step of the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What the step is about.
    pub about: Subject,
    /// What happened.
    pub record: Record,
}

/// How many records of one thing are looked at.
const LOOKED_AT: usize = 1_000;

/// The way from a thing back to its root trigger, the thing itself first; nothing if the ledger
/// does not know it.
///
/// Each step is the record with which something came about; its cause names the thing before, or
/// the record itself does. The last step has no such thing: its trigger is the root.
///
/// # Errors
/// Those of the ledger.
pub async fn why(
    ledger: &(impl Ledger + ?Sized),
    subject: Subject,
) -> Result<Vec<Step>, StoreError> {
    let (mut steps, mut seen) = (Vec::new(), vec![subject]);
    let mut about = subject;
    loop {
        let records = ledger
            .records(Some(&about), Sequence::START, LOOKED_AT)
            .await?;
        let Some(origin) = records.first() else {
            return Ok(steps);
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
