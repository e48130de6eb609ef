//! What is counted and logged: the log names requests and accounts, the metrics do not.

use std::time::Duration;

use certlocker_core::{AccountId, Attempt, Method, Order, OrderStatus, Outcome};

use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::route::Operation;

fn name(operation: Option<Operation>) -> &'static str {
    operation.map_or("unknown", Operation::name)
}

/// A request was answered. What worked is told to whoever debugs: the records tell it to all.
pub(super) fn answered(
    operation: Option<Operation>,
    call: &Call,
    answer: &Result<Answer, Problem>,
    took: Duration,
) {
    let status = match answer {
        Ok(answer) => answer.status,
        Err(problem) => {
            count_problem(operation, problem);
            problem.status
        }
    };
    let operation = name(operation);
    metrics::counter!("certlocker_acme_requests_total", "operation" => operation, "status" => status.to_string()).increment(1);
    metrics::histogram!("certlocker_acme_request_duration_seconds", "operation" => operation)
        .record(took.as_secs_f64());
    let (request, path) = (call.request_id.as_str(), call.path());
    match answer {
        Err(problem) if status >= 500 => {
            tracing::error!(
                request,
                path,
                status,
                detail = problem.detail,
                "a request failed"
            )
        }
        _ => tracing::debug!(request, path, status, ?took, "a request was answered"),
    }
}

/// A verified request was refused.
pub(super) fn refused(operation: Operation, account: &AccountId, call: &Call, problem: &Problem) {
    tracing::info!(
        request = call.request_id,
        path = call.path(),
        operation = operation.name(),
        %account,
        problem = problem.kind.name(),
        detail = problem.detail,
        "a request was refused"
    );
}

pub(super) fn count_problem(operation: Option<Operation>, problem: &Problem) {
    let (kind, operation) = (problem.kind.name(), name(operation));
    metrics::counter!("certlocker_acme_problems_total", "type" => kind, "operation" => operation)
        .increment(1);
}

pub(super) fn count_attempt(attempt: &Attempt, method: Method) {
    let outcome = match attempt.outcome {
        Outcome::Proved => "proved",
        Outcome::Wrong(_) => "wrong",
        Outcome::NoAnswer(_) => "no_answer",
    };
    metrics::counter!("certlocker_acme_attempts_total", "method" => method.as_str(), "outcome" => outcome)
        .increment(1);
}

/// An order was placed.
pub(super) fn count_new_order(order: &Order) {
    let state = order.status().as_str();
    tracing::info!(order = %order.id(), account = %order.account(), state, "an order was placed");
    metrics::counter!("certlocker_acme_orders_total", "state" => state).increment(1);
}

/// Work on an order was committed; that it is pending still is no news.
pub(super) fn count_order(order: &Order) {
    let state = order.status().as_str();
    if order.status() != OrderStatus::Pending {
        tracing::info!(order = %order.id(), account = %order.account(), state, "an order moved on");
        metrics::counter!("certlocker_acme_orders_total", "state" => state).increment(1);
    }
}
