//! `order list`, `show`, `explain`.

use super::{CommandError, Desk};
use crate::cli::{Exit, OrderCommand};
use crate::inventory::view::{
    ExplanationView, LaneView, OrderDetail, OrderView, StepView, TimelineEntry,
};
use crate::output::{Output, facts, table};

pub(super) async fn run(
    desk: &Desk,
    command: &OrderCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        OrderCommand::List { limit } => {
            output.print(&list(desk, *limit).await?, |orders| list_text(orders))?
        }
        OrderCommand::Show { order } => output.print(&show(desk, order).await?, detail_text)?,
        OrderCommand::Explain { order } => {
            output.print(&show(desk, order).await?.explanation, explanation_text)?
        }
    }
    Ok(Exit::Done)
}

async fn list(desk: &Desk, limit: usize) -> Result<Vec<OrderView>, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.orders(None, limit).await?),
        Desk::Server(server) => Ok(server.get(&format!("/orders?limit={limit}")).await?),
    }
}

async fn show(desk: &Desk, order: &str) -> Result<OrderDetail, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.order(order).await?),
        Desk::Server(server) => {
            let id = order.rsplit('/').next().unwrap_or(order);
            Ok(server.get(&format!("/orders/{id}")).await?)
        }
    }
}

fn list_text(orders: &[OrderView]) -> String {
    let row = |order: &OrderView| {
        vec![
            order.id.clone(),
            order.status.clone(),
            order.created.clone(),
            order.identifiers.join(", "),
        ]
    };
    table(
        &["order", "status", "created", "names"],
        &orders.iter().map(row).collect::<Vec<_>>(),
    )
}

/// The sentence first: it is what was asked for.
fn explanation_text(explanation: &ExplanationView) -> String {
    let next = explanation.next.as_ref();
    let facts = facts(&[
        ("stage", explanation.stage.clone()),
        (
            "who acts",
            explanation.waiting_for.clone().unwrap_or_default(),
        ),
        ("expected", explanation.expected.clone().unwrap_or_default()),
        ("seen", explanation.observed.clone().unwrap_or_default()),
        (
            "next",
            next.map(|next| format!("{} at {}", next.what, next.at))
                .unwrap_or_default(),
        ),
        ("record", explanation.code.clone().unwrap_or_default()),
    ]);
    format!("{}\n\n{facts}", explanation.verdict)
}

fn detail_text(detail: &OrderDetail) -> String {
    let order = &detail.order;
    let head = facts(&[
        ("order", order.id.clone()),
        ("status", order.status.clone()),
        ("names", order.identifiers.join(", ")),
        ("account", order.account.clone()),
        ("client", order.client.clone().unwrap_or_default()),
        ("created", order.created.clone()),
        ("expires", order.expires.clone().unwrap_or_default()),
    ]);
    let explanation = &detail.explanation;
    let mut parts = vec![head, explanation_text(explanation)];
    if !explanation.rail.is_empty() {
        let rows: Vec<_> = explanation.rail.iter().map(step_row).collect();
        parts.push(table(&["stage", "state", "since"], &rows));
        let rows: Vec<_> = explanation.lanes.iter().map(lane_row).collect();
        let columns = ["name", "proof", "challenge", "attempts", "last seen"];
        parts.push(table(&columns, &rows));
    }
    let rows: Vec<_> = detail.timeline.iter().map(entry_row).collect();
    parts.push(table(&["time", "code", "event", "actor", "trigger"], &rows));
    parts.join("\n\n")
}

fn step_row(step: &StepView) -> Vec<String> {
    let state = match &step.waiting_for {
        Some(party) => format!("{} for {party}", step.status),
        None => step.status.clone(),
    };
    vec![
        step.stage.clone(),
        state,
        step.done.clone().unwrap_or_default(),
    ]
}

fn lane_row(lane: &LaneView) -> Vec<String> {
    let method = lane.method.clone().unwrap_or_default();
    vec![
        lane.identifier.clone(),
        lane.status.clone(),
        method,
        lane.attempts.to_string(),
        lane.detail.clone().unwrap_or_default(),
    ]
}

fn entry_row(entry: &TimelineEntry) -> Vec<String> {
    vec![
        entry.time.clone(),
        entry.code.clone(),
        entry.name.clone(),
        entry.actor.clone(),
        entry.trigger.clone(),
    ]
}
