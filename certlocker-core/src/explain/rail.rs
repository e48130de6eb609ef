//! The stages as a rail: how far each came, and when.

use super::verdict::Verdict;
use super::{Party, Stage};
use crate::{Event, Order, OrderStatus, Record, Timestamp};

/// One stage of the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// When it was passed, if it was.
    pub done: Option<Timestamp>,
    /// The stage.
    pub stage: Stage,
    /// How far it came.
    pub status: StepStatus,
}

/// How far a stage came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepStatus {
    /// It is passed.
    Done,
    /// The order stopped here.
    Failed,
    /// It was not reached.
    NotReached,
    /// Nobody looks at this yet.
    NotChecked,
    /// The order stands here until somebody acts.
    Waiting(Party),
}

pub(super) fn rail(order: &Order, records: &[Record], verdict: &Verdict) -> Vec<Step> {
    let failed = order.status() == OrderStatus::Invalid;
    let step = |stage: Stage| {
        let done = passed(stage, records);
        let status = match verdict.waiting_for {
            _ if stage == Stage::Served && done.is_some() => StepStatus::Done,
            _ if stage == Stage::Served => StepStatus::NotChecked,
            _ if stage < verdict.stage => StepStatus::Done,
            _ if stage > verdict.stage => StepStatus::NotReached,
            _ if failed => StepStatus::Failed,
            Some(party) => StepStatus::Waiting(party),
            None => StepStatus::Done,
        };
        Step {
            done: done.filter(|_| status == StepStatus::Done),
            stage,
            status,
        }
    };
    Stage::ALL.map(step).to_vec()
}

/// When a stage was passed: the time of the last record that passes it.
fn passed(stage: Stage, records: &[Record]) -> Option<Timestamp> {
    let passes = |event: &Event| match stage {
        Stage::Account | Stage::Order | Stage::Authorizations => {
            matches!(event, Event::OrderCreated { .. })
        }
        Stage::Challenge => matches!(event, Event::ChallengeArmed { .. }),
        Stage::Validation => matches!(event, Event::OrderReady { .. }),
        Stage::Finalize => matches!(event, Event::FinalizeReceived { .. }),
        Stage::Issue => matches!(event, Event::CertificateStored { .. }),
        Stage::Download => matches!(event, Event::CertificateDownloaded { .. }),
        Stage::Served => matches!(event, Event::CertificateServed { .. }),
    };
    records
        .iter()
        .rev()
        .find(|record| passes(&record.event))
        .map(|record| record.time)
}
