//! How challenges are armed, looked at, passed and failed.

use std::time::Duration;

use super::authorization::Processing;
use super::{
    AuthorizationStatus, ChallengeRef, ChallengeState, Order, OrderRefusal, Reason, State,
};
use crate::{Attempt, Event, Failure, Method, Outcome, Timestamp, Transition, Versioned};

/// When a challenge without an answer is looked at again ([RFC 8555 section 8.2]).
///
/// [RFC 8555 section 8.2]: https://www.rfc-editor.org/rfc/rfc8555#section-8.2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a first pause and an end")]
pub struct Retry {
    /// The pause after the first attempt; each further one is twice as long.
    pub first: Duration,
    /// How long after it was armed a challenge is looked at again.
    pub window: Duration,
}

impl Retry {
    fn pause(&self, attempts: u32) -> Duration {
        self.first
            .saturating_mul(1 << attempts.saturating_sub(1).min(16))
    }
}

/// What an attempt at one challenge found.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a challenge and an attempt")]
pub struct Seen {
    /// The attempt.
    pub attempt: Attempt,
    /// The challenge.
    pub challenge: ChallengeRef,
}

impl Order {
    /// The challenges that are to be looked at, whether their time has come or not.
    pub fn armed(&self) -> Vec<ChallengeRef> {
        if self.state != State::Pending {
            return Vec::new();
        }
        let places = self.authorizations.iter().enumerate();
        places
            .flat_map(|(place, authorization)| {
                let pending = matches!(authorization.state(), super::AuthorizationState::Pending);
                let challenges = authorization.challenges().iter().filter(move |_| pending);
                challenges
                    .filter(|challenge| matches!(challenge.state, ChallengeState::Processing(_)))
                    .map(move |challenge| ChallengeRef {
                        authorization: place,
                        method: challenge.method(),
                    })
            })
            .collect()
    }
}

impl Versioned<Order> {
    /// Notes that the client has its answer in place; nothing if the challenge is already being
    /// looked at or no longer matters.
    pub fn arm(
        &self,
        challenge: ChallengeRef,
        retry: &Retry,
        now: Timestamp,
    ) -> Option<Transition<Order>> {
        let mut order = self.value.clone();
        let order_id = order.id;
        let authorization = order.authorizations.get_mut(challenge.authorization)?;
        let wanted = order.state == State::Pending
            && authorization.status(now) == AuthorizationStatus::Pending;
        let identifier = authorization.ordered();
        let found = authorization.challenge_mut(challenge.method)?;
        if !wanted || found.state != ChallengeState::Pending {
            return None;
        }
        let deadline = now.after(retry.window);
        found.state = ChallengeState::Processing(Processing {
            attempts: 0,
            deadline,
            due: now,
            last_error: None,
        });
        let armed = Event::ChallengeArmed {
            identifier,
            method: challenge.method,
            order_id,
        };
        Some(self.step(order, vec![armed], now))
    }

    /// Notes what a round of attempts found: challenges are passed, failed or tried again, and the
    /// order becomes ready or invalid with them. `until` is how long a proof counts.
    pub fn attempted(
        &self,
        seen: Vec<Seen>,
        retry: &Retry,
        until: Timestamp,
        now: Timestamp,
    ) -> Transition<Order> {
        let mut order = self.value.clone();
        let mut events = Vec::new();
        for one in seen {
            order.note(one, retry, until, now, &mut events);
        }
        events.extend(order.settle(now));
        self.step(order, events, now)
    }

    /// Gives back an authorization; an open order ends with it
    /// ([RFC 8555 section 7.5.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.5.2)).
    ///
    /// # Errors
    /// [`OrderRefusal::NotDeactivatable`] when it is neither pending nor valid.
    pub fn deactivate_authorization(
        &self,
        place: usize,
        now: Timestamp,
    ) -> Result<Transition<Order>, OrderRefusal> {
        let mut order = self.value.clone();
        let order_id = order.id;
        let open = matches!(order.state, State::Pending | State::Ready(_));
        let found = order.authorizations.get_mut(place);
        let status = found
            .as_ref()
            .map_or(AuthorizationStatus::Invalid, |authorization| {
                authorization.status(now)
            });
        let (Some(authorization), AuthorizationStatus::Pending | AuthorizationStatus::Valid) =
            (found, status)
        else {
            return Err(OrderRefusal::NotDeactivatable(status));
        };
        authorization.deactivate();
        let identifier = authorization.ordered();
        let mut events = vec![Event::AuthorizationDeactivated {
            identifier: identifier.clone(),
            order_id,
        }];
        if open {
            events.push(order.end(Reason::AuthorizationDeactivated(identifier), now));
        }
        Ok(self.step(order, events, now))
    }
}

impl Order {
    fn note(
        &mut self,
        seen: Seen,
        retry: &Retry,
        until: Timestamp,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) {
        let (order_id, method) = (self.id, seen.challenge.method);
        let Some(authorization) = self.authorizations.get_mut(seen.challenge.authorization) else {
            return;
        };
        let identifier = authorization.ordered();
        let wanted = authorization.status(now) == AuthorizationStatus::Pending;
        let Some(challenge) = authorization.challenge_mut(method) else {
            return;
        };
        let ChallengeState::Processing(processing) = &mut challenge.state else {
            return;
        };
        if !wanted {
            return;
        }
        processing.attempts += 1;
        let (number, attempt) = (processing.attempts, seen.attempt);
        let verdict = Verdict::of(&attempt.outcome, processing, retry, now);
        match verdict {
            Verdict::Passed => {
                events.push(Event::ChallengeAttempted {
                    attempt,
                    identifier: identifier.clone(),
                    method,
                    number,
                    order_id,
                });
                events.push(Event::ChallengeValid {
                    identifier,
                    method,
                    order_id,
                });
                authorization.pass(method, until, now);
            }
            Verdict::Again(next, failure) => {
                processing.due = next;
                processing.last_error = Some(failure);
                events.push(Event::ChallengeAttemptFailed {
                    attempt,
                    identifier,
                    method,
                    next: Some(next),
                    number,
                    order_id,
                });
            }
            Verdict::Failed(failure) => {
                let attempt_failed = Event::ChallengeAttemptFailed {
                    attempt,
                    identifier: identifier.clone(),
                    method,
                    next: None,
                    number,
                    order_id,
                };
                events.push(attempt_failed);
                events.push(Event::ChallengeInvalid {
                    failure: failure.clone(),
                    identifier,
                    method,
                    order_id,
                });
                authorization.fail(method, failure);
            }
        }
    }
}

/// What the outcome of an attempt means under the retry rules.
enum Verdict {
    Passed,
    Again(Timestamp, Failure),
    Failed(Failure),
}

impl Verdict {
    fn of(outcome: &Outcome, processing: &Processing, retry: &Retry, now: Timestamp) -> Self {
        match outcome {
            Outcome::Proved => Self::Passed,
            Outcome::Wrong(failure) => Self::Failed(failure.clone()),
            Outcome::NoAnswer(failure) => {
                let next = now.after(retry.pause(processing.attempts));
                if next > processing.deadline {
                    Self::Failed(failure.clone())
                } else {
                    Self::Again(next, failure.clone())
                }
            }
        }
    }
}

impl ChallengeRef {
    /// The place and the method as they stand in a URL, after the id of the order.
    pub fn method(&self) -> Method {
        self.method
    }
}
