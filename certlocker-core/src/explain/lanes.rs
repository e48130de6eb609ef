//! One lane for each identifier: what was tried, what was seen.

use crate::{
    Attempt, Authorization, AuthorizationState, ChallengeState, Event, Failure, Hop, Identifier,
    Method, Order, Record, Timestamp,
};

/// How far the proof of one identifier came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// How often the server looked.
    pub attempts: u32,
    /// What has to be proven, as it was ordered.
    pub identifier: Identifier,
    /// What the last attempt saw.
    pub last: Option<Attempt>,
    /// The challenge type that the client chose.
    pub method: Option<Method>,
    /// When the server looks again.
    pub next: Option<Timestamp>,
    /// How far it came.
    pub status: LaneStatus,
}

/// How far a lane came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaneStatus {
    /// The client has not said that an answer is in place.
    Untouched,
    /// The server is looking, or will look again; why the last look was in vain.
    Looking(Option<Failure>),
    /// It is proven.
    Proven,
    /// The challenge was failed.
    Failed(Failure),
    /// The holder gave the authorization back.
    GivenBack,
}

impl Lane {
    /// Who answered last: the address, and the name that its server gives itself. Nothing if nobody
    /// did.
    pub fn answered_by(&self) -> Option<String> {
        let answered = |hop: &&Hop| hop.status.is_some() || hop.first_bytes.is_some();
        let hop = self.last.as_ref()?.hops.iter().rev().find(answered)?;
        let address = hop.dialled?;
        Some(match &hop.server {
            Some(server) => format!("{server} at {address}"),
            None => address.to_string(),
        })
    }

    pub(super) fn last_hop(&self) -> Option<&Hop> {
        self.last.as_ref()?.hops.last()
    }
}

pub(super) fn lanes(order: &Order, records: &[Record], now: Timestamp) -> Vec<Lane> {
    order
        .authorizations()
        .iter()
        .map(|authorization| lane(authorization, records, now))
        .collect()
}

fn lane(authorization: &Authorization, records: &[Record], now: Timestamp) -> Lane {
    let identifier = authorization.ordered();
    let seen = records
        .iter()
        .rev()
        .find_map(|record| attempt_of(record, &identifier));
    let (status, method, next) = status(authorization, now);
    Lane {
        attempts: seen.map_or(0, |(number, _)| number),
        identifier,
        last: seen.map(|(_, attempt)| attempt.clone()),
        method,
        next,
        status,
    }
}

fn attempt_of<'r>(record: &'r Record, wanted: &Identifier) -> Option<(u32, &'r Attempt)> {
    match &record.event {
        Event::ChallengeAttempted {
            attempt,
            identifier,
            number,
            ..
        }
        | Event::ChallengeAttemptFailed {
            attempt,
            identifier,
            number,
            ..
        } if identifier == wanted => Some((*number, attempt)),
        _ => None,
    }
}

fn status(
    authorization: &Authorization,
    now: Timestamp,
) -> (LaneStatus, Option<Method>, Option<Timestamp>) {
    match authorization.state() {
        AuthorizationState::Valid { method, .. } => {
            return (LaneStatus::Proven, Some(*method), None);
        }
        AuthorizationState::Deactivated => return (LaneStatus::GivenBack, None, None),
        AuthorizationState::Pending | AuthorizationState::Invalid => {}
    }
    for challenge in authorization.challenges() {
        match challenge.state() {
            ChallengeState::Processing(processing) => {
                let next = Some(processing.due).filter(|due| *due > now);
                return (
                    LaneStatus::Looking(processing.last_error.clone()),
                    Some(challenge.method()),
                    next,
                );
            }
            ChallengeState::Invalid(failure) => {
                return (
                    LaneStatus::Failed(failure.clone()),
                    Some(challenge.method()),
                    None,
                );
            }
            ChallengeState::Pending | ChallengeState::Valid(_) => {}
        }
    }
    (LaneStatus::Untouched, None, None)
}
