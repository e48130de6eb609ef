//! Refusals as records: one for each of a known account, one for many of anybody else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use certlocker_core::{AccountId, Actor, Attribution, Changeset, Fact, OrderId, Timestamp};
use ipnet::{IpNet, Ipv4Net};

use super::{Gateway, Refused, Signed, attribution, store_problem};
use crate::call::Call;
use crate::problem::{Problem, ProblemType};
use crate::route::Operation;

/// Counts the refusals of unknown senders until one record is due for them.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(ProblemType, Sender), Count>>);

/// For whom refusals are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sender {
    /// Whoever holds the key of this account, and asks for too much.
    Account(AccountId),
    /// Somebody unknown in this network, if the transport tells.
    Network(Option<IpNet>),
}

#[derive(Debug)]
struct Count {
    since_record: u64,
    last_record: Timestamp,
}

impl Refusals {
    const PAUSE: Duration = Duration::from_secs(60);
    /// Bounds what a flood from many networks can fill.
    const LARGEST: usize = 10_000;

    /// Counts one; the answer is how many a record now has to stand for, if one is due.
    fn note(&self, problem: ProblemType, sender: Sender, now: Timestamp) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= Self::LARGEST {
            counts.retain(|_, count| now.since(count.last_record) < Self::PAUSE);
        }
        if counts.len() >= Self::LARGEST && !counts.contains_key(&(problem, sender)) {
            return None;
        }
        let Some(count) = counts.get_mut(&(problem, sender)) else {
            counts.insert(
                (problem, sender),
                Count {
                    since_record: 0,
                    last_record: now,
                },
            );
            return Some(1);
        };
        count.since_record += 1;
        if now.since(count.last_record) < Self::PAUSE {
            return None;
        }
        let due = std::mem::take(&mut count.since_record);
        count.last_record = now;
        Some(due)
    }
}

/// The sender as far as it is known: the network, not the address; every network if a transport
/// does not tell.
pub(super) fn anonymous(call: &Call) -> Actor {
    Actor::Anonymous(network(call.peer).unwrap_or_else(|| IpNet::V4(Ipv4Net::default())))
}

pub(super) fn network(peer: Option<IpAddr>) -> Option<IpNet> {
    let prefix = match peer? {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 48,
    };
    IpNet::new(peer?, prefix)
        .ok()
        .map(|network| network.trunc())
}

impl Gateway {
    /// Counts a refusal of an unknown sender.
    pub(super) fn note_anonymous(&self, problem: &Problem, call: &Call) {
        let sender = Sender::Network(network(call.peer));
        self.note_refusal(problem, sender, attribution(anonymous(call), call));
    }

    /// Counts a refusal of an account that asks for too much: a record for each would be as much.
    pub(super) fn note_excess(&self, problem: &Problem, signed: &Signed, call: &Call) {
        match &signed.account {
            Some(account) => {
                let sender = Sender::Account(*account.value.id());
                self.note_refusal(problem, sender, signed.by.clone());
            }
            None => self.note_anonymous(problem, call),
        }
    }

    /// The record of many refusals is written beside the answer to one of them.
    fn note_refusal(&self, problem: &Problem, sender: Sender, by: Attribution) {
        let now = self.now();
        let Some(count) = self.0.refusals.note(problem.kind, sender, now) else {
            return;
        };
        let fact = Fact::requests_refused(count, problem.kind.name(), now);
        let gateway = self.clone();
        tokio::spawn(async move {
            if let Err(error) = gateway.store().commit(Changeset::fact(&fact, &by)).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "refusals were not recorded"
                );
            }
        });
    }

    /// Records the refusal of a verified request; without the record, the answer is that the
    /// ledger cannot be written.
    pub(super) async fn record_refusal(
        &self,
        operation: Operation,
        values: &[&str],
        signed: &Signed,
        call: &Call,
        refused: Refused,
    ) -> Problem {
        let problem = *refused.problem;
        if problem.status >= 500 {
            return problem;
        }
        let Some(account) = &signed.account else {
            self.note_anonymous(&problem, call);
            return problem;
        };
        super::telemetry::refused(operation, account.value.id(), call, &problem);
        let fact = refused.fact.map_or_else(
            || {
                let order = order_of(operation, values);
                Fact::request_refused(
                    *account.value.id(),
                    order,
                    operation.name(),
                    problem.kind.name(),
                    &problem.detail,
                    signed.now,
                )
            },
            |fact| *fact,
        );
        match self
            .store()
            .commit(Changeset::fact(&fact, &signed.by))
            .await
        {
            Ok(_) => problem,
            Err(error) => store_problem(&error),
        }
    }
}

/// The order that a request is about.
pub(super) fn order_of(operation: Operation, values: &[&str]) -> Option<OrderId> {
    let value = values.first()?;
    match operation {
        Operation::Order
        | Operation::Finalize
        | Operation::Authorization
        | Operation::Challenge => value.split('-').next()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_a_minute_stands_for_all_of_a_kind_from_a_network() {
        let refusals = Refusals::default();
        let network = network("192.0.2.7".parse().ok());
        let at = |seconds: i64| Timestamp::from_seconds(1_000 + seconds);
        assert_eq!(
            refusals.note(ProblemType::BadNonce, Sender::Network(network), at(0)),
            Some(1)
        );
        assert_eq!(
            refusals.note(ProblemType::BadNonce, Sender::Network(network), at(1)),
            None
        );
        assert_eq!(
            refusals.note(ProblemType::Malformed, Sender::Network(network), at(1)),
            Some(1),
            "another kind"
        );
        assert_eq!(
            refusals.note(ProblemType::BadNonce, Sender::Network(None), at(1)),
            Some(1),
            "another network"
        );
        assert_eq!(
            refusals.note(ProblemType::BadNonce, Sender::Network(network), at(61)),
            Some(2),
            "the one before and this"
        );
    }
}
