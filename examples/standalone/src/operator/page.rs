//! Pages, rendered here; they work without a script.

pub(super) mod endpoints;
pub(super) mod login;
#[cfg(feature = "oidc")]
pub(super) mod oidc;
pub(super) mod password;
pub(super) mod people;
pub(super) mod tokens;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};

use super::Desk;
use crate::inventory::InventoryError;
use crate::inventory::view::{
    ExplanationView, LaneView, OrderDetail, OrderView, StepView, TimelineEntry,
};

/// How many rows a list shows.
const LISTED: usize = 100;

pub(super) async fn home() -> Redirect {
    Redirect::to("/app/orders")
}

pub(super) async fn style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("app.css"),
    )
        .into_response()
}

pub(super) async fn orders(State(desk): State<Desk>) -> Response {
    match desk.inventory.orders(None, LISTED).await {
        Ok(orders) => layout("Orders", &order_list(&orders)).into_response(),
        Err(error) => failed(&error),
    }
}

pub(super) async fn order(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    match desk.inventory.order(&id).await {
        Ok(detail) => {
            layout(&detail.order.identifiers.join(", "), &order_page(&detail)).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &InventoryError) -> Response {
    let status = match error {
        InventoryError::Invalid(_) | InventoryError::NotFound(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    failure(status, &error.to_string())
}

/// A page that says why there is nothing on it.
pub(super) fn failure(status: StatusCode, detail: &str) -> Response {
    let content = html! { h1 { "Nothing to show" } p.problem role="alert" { (detail) } p { a href="/app/orders" { "All orders" } } };
    (status, layout("Nothing to show", &content)).into_response()
}

fn layout(title: &str, content: &Markup) -> Markup {
    let header = html! {
        nav aria-label="Main" {
            a.brand href="/app/orders" { "CertLocker" }
            a href="/app/orders" { "Orders" }
            a href="/app/endpoints" { "Endpoints" }
            a href="/app/tokens" { "Tokens" }
            a href="/app/people" { "People" }
            a href="/app/password" { "Password" }
        }
        form.inline method="post" action="/logout" { button.quiet type="submit" { "Sign out" } }
    };
    frame(title, &header, content)
}

fn frame(title: &str, header: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · CertLocker" }
                link rel="stylesheet" href="/assets/app.css";
            }
            body {
                a.skip href="#content" { "Skip to content" }
                header { (header) }
                main #content { (content) }
            }
        }
    }
}

fn order_list(orders: &[OrderView]) -> Markup {
    html! {
        h1 { "Orders" }
        @if orders.is_empty() { p { "No client has placed an order yet." } } @else {
            table {
                thead { tr { th scope="col" { "Names" } th scope="col" { "Status" } th scope="col" { "Created" } th scope="col" { "Expires" } } }
                tbody {
                    @for order in orders {
                        tr {
                            td { a href={ "/app/orders/" (order.id) } { (order.identifiers.join(", ")) } }
                            td { (status(&order.status)) }
                            td { (time(&order.created)) }
                            td { @if let Some(expires) = &order.expires { (time(expires)) } }
                        }
                    }
                }
            }
        }
    }
}

fn order_page(detail: &OrderDetail) -> Markup {
    let order = &detail.order;
    html! {
        h1 { (order.identifiers.join(", ")) " " (status(&order.status)) }
        (verdict(&detail.explanation))
        @if !detail.explanation.rail.is_empty() {
            section aria-labelledby="stages" { h2 #stages { "Stages" } (rail(&detail.explanation.rail)) }
        }
        @if !detail.explanation.lanes.is_empty() {
            section aria-labelledby="identifiers" { h2 #identifiers { "Identifiers" } (lanes(&detail.explanation.lanes)) }
        }
        section aria-labelledby="history" { h2 #history { "What happened" } (timeline(&detail.timeline)) }
        (facts(order))
    }
}

fn verdict(explanation: &ExplanationView) -> Markup {
    html! {
        p.verdict { (explanation.verdict) }
        dl.compared {
            @if let Some(party) = &explanation.waiting_for { dt { "Who acts" } dd { (party) } }
            @if let Some(expected) = &explanation.expected { dt { "Expected" } dd { code { (expected) } } }
            @if let Some(observed) = &explanation.observed { dt { "Seen" } dd { code { (observed) } } }
            @if let Some(next) = &explanation.next { dt { "Next" } dd { (next.what) ", at " (time(&next.at)) } }
        }
    }
}

fn rail(steps: &[StepView]) -> Markup {
    html! {
        ol.rail {
            @for step in steps {
                @let current = matches!(step.status.as_str(), "waiting" | "failed");
                li class=(step.status.replace(' ', "-")) aria-current=[current.then_some("step")] {
                    span.mark aria-hidden="true" { (mark(&step.status)) }
                    span.stage { (step.stage) }
                    span.state {
                        (step.status)
                        @if let Some(party) = &step.waiting_for { " for " (party) }
                        @if let Some(done) = &step.done { " " (clock(done)) }
                    }
                }
            }
        }
    }
}

fn mark(status: &str) -> &'static str {
    match status {
        "done" => "✓",
        "failed" => "✗",
        "waiting" => "●",
        _ => "○",
    }
}

fn lanes(lanes: &[LaneView]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Proof" } th scope="col" { "Challenge" } th scope="col" { "Attempts" } th scope="col" { "Last seen" } } }
            tbody {
                @for lane in lanes {
                    tr {
                        td { (lane.identifier) }
                        td { (status(&lane.status)) }
                        td { (lane.method.as_deref().unwrap_or("–")) }
                        td.number { (lane.attempts) }
                        td {
                            @if let Some(detail) = &lane.detail { (detail) }
                            @if let Some(server) = &lane.answered_by { " Answered by " (server) "." }
                            @if let Some(next) = &lane.next { " Next look at " (time(next)) "." }
                        }
                    }
                }
            }
        }
    }
}

fn timeline(entries: &[TimelineEntry]) -> Markup {
    html! {
        ol.timeline {
            @for entry in entries {
                li class=[entry.code.ends_with('E').then_some("failure")] {
                    (time(&entry.time)) " " strong { (entry.name) } " " code { (entry.code) }
                    " by " (entry.actor) ", " (entry.trigger)
                    details { summary { "Record " (entry.sequence) } pre { (pretty(&entry.data)) } }
                }
            }
        }
    }
}

fn facts(order: &OrderView) -> Markup {
    html! {
        dl.facts {
            dt { "Order" } dd { code { (order.id) } }
            dt { "Account" } dd { code { (order.account) } }
            @if let Some(client) = &order.client { dt { "Client" } dd { code { (client) } } }
            dt { "Created" } dd { (time(&order.created)) }
            @if let Some(expires) = &order.expires { dt { "Expires" } dd { (time(expires)) } }
        }
    }
}

fn status(text: &str) -> Markup {
    let mark = match text {
        "valid" | "proven" | "active" => "✓",
        "invalid" | "failed" | "refused" | "revoked" | "expired" => "✗",
        _ => "●",
    };
    html! { span class={ "status " (text.replace(' ', "-")) } { span aria-hidden="true" { (mark) } " " (text) } }
}

fn time(text: &str) -> Markup {
    let (date, clock) = text.split_once('T').unwrap_or((text, ""));
    let clock = clock.get(..8).unwrap_or(clock);
    html! { time datetime=(text) title=(text) { (date) " " (clock) " UTC" } }
}

/// The time of day; the date is in the title.
fn clock(text: &str) -> Markup {
    let clock = text
        .split_once('T')
        .and_then(|(_, clock)| clock.get(..8))
        .unwrap_or(text);
    html! { time datetime=(text) title=(text) { (clock) } }
}

fn pretty(data: &serde_json::Value) -> String {
    serde_json::to_string_pretty(data).unwrap_or_default()
}
