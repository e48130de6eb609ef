//! Refusals as records: one for each of a known account, one for many of anybody else.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use certlocker_core::{AccountId, Actor, Attribution, Changeset, Fact, OrderId, Tally, network_of};
use ipnet::IpNet;

use super::{Gateway, Refused, Signed, attribution, store_problem};
use crate::call::Call;
use crate::problem::{Problem, ProblemType};
use crate::route::Operation;

/// Counts the refusals of unknown senders until one record is due for them.
pub(super) type Refusals = Mutex<Tally<(ProblemType, Sender)>>;

/// For whom refusals are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sender {
    /// Whoever holds the key of this account, and asks for too much.
    Account(AccountId),
    /// Somebody unknown in this network, if the transport tells.
    Network(Option<IpNet>),
}

/// The sender as far as it is known.
pub(super) fn anonymous(call: &Call) -> Actor {
    Actor::anonymous(call.peer)
}

pub(super) fn network(peer: Option<IpAddr>) -> Option<IpNet> {
    peer.map(network_of)
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
        let mut refusals = self
            .0
            .refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = refusals.note((problem.kind, sender), now);
        drop(refusals);
        let Some(count) = due else {
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
