//! Endpoints: what is served where, and who must act.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::{LISTED, failed, layout, status, time};
use crate::inventory::{EndpointView, PlaceView, RotationView};
use crate::operator::Desk;

pub(in crate::operator) async fn list(State(desk): State<Desk>) -> Response {
    match desk.inventory.endpoints(None, LISTED).await {
        Ok(endpoints) => layout("Endpoints", &table(&endpoints)).into_response(),
        Err(error) => failed(&error),
    }
}

pub(in crate::operator) async fn show(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Response {
    match desk.inventory.endpoint(&id).await {
        Ok(endpoint) => layout(&endpoint.name, &page(&endpoint)).into_response(),
        Err(error) => failed(&error),
    }
}

fn table(endpoints: &[EndpointView]) -> Markup {
    html! {
        h1 { "Endpoints" }
        @if endpoints.is_empty() { p { "No endpoint was added yet: " code { "certlocker endpoint add HOST:PORT" } " adds one." } } @else {
            div.wide { table {
                thead { tr { th scope="col" { "Endpoint" } th scope="col" { "State" } th scope="col" { "Expected" } th scope="col" { "Next look" } } }
                tbody {
                    @for endpoint in endpoints {
                        tr {
                            td { a href={ "/app/endpoints/" (endpoint.id) } { (endpoint.name) } br; small { (endpoint.protocol) } }
                            td { (state(endpoint)) }
                            td { (endpoint.expected.join(", ")) }
                            td { (time(&endpoint.due)) }
                        }
                    }
                }
            } }
        }
    }
}

fn state(endpoint: &EndpointView) -> Markup {
    match endpoint.level.as_deref() {
        None => status("not looked at"),
        Some("failure") => status("failed"),
        Some("fine") => status("valid"),
        Some(level) => status(level),
    }
}

fn page(endpoint: &EndpointView) -> Markup {
    html! {
        h1 { (endpoint.name) " " (state(endpoint)) }
        p.verdict { (endpoint.explanation) }
        @if let Some(party) = &endpoint.waiting_for { dl.compared { dt { "Who acts" } dd { (party) } } }
        section aria-labelledby="places" { h2 #places { "Places" } div.wide { (places(&endpoint.places)) } }
        @if let Some(rotation) = &endpoint.rotation {
            section aria-labelledby="rotation" { h2 #rotation { "The newest certificate" } (rotated(rotation)) }
        }
        dl.facts {
            dt { "Endpoint" } dd { code { (endpoint.id) } }
            dt { "Protocol" } dd { (endpoint.protocol) }
            dt { "Expected" } dd { (endpoint.expected.join(", ")) }
            @if !endpoint.connect_to.is_empty() { dt { "Addresses" } dd { (endpoint.connect_to.join(", ")) } }
            dt { "Next look" } dd { (time(&endpoint.due)) }
        }
    }
}

fn places(places: &[PlaceView]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Address" } th scope="col" { "Verdict" } th scope="col" { "Since" } th scope="col" { "Last look" } th scope="col" { "Certificate" } } }
            tbody {
                @for place in places {
                    tr {
                        td {
                            (place.address.as_deref().unwrap_or("–"))
                            @if let Some(key) = &place.key { br; small { (key) } }
                            @if !place.named { br; small { "told no name" } }
                        }
                        td { (place.verdict.replace('_', " ")) @if place.level != "fine" { br; small { (place.level) } } }
                        td { (time(&place.since)) }
                        td { (time(&place.seen)) }
                        td {
                            @if let Some(leaf) = &place.leaf_sha256 { code title=(leaf) { (leaf.get(..16).unwrap_or(leaf)) "…" } }
                            @if let Some(until) = &place.valid_until { br; small { "until " (time(until)) } }
                        }
                    }
                }
            }
        }
    }
}

fn rotated(rotation: &RotationView) -> Markup {
    let seen = |at: &Option<String>, address: &Option<String>| {
        html! {
            @if let Some(at) = at { (time(at)) } @else { "not yet" }
            @if let Some(address) = address { " at " (address) }
        }
    };
    html! {
        dl.facts {
            dt { "Certificate" } dd { code { (rotation.certificate) } }
            dt { "Expected from" } dd { (time(&rotation.expected_from)) }
            dt { "Seen first" } dd { (seen(&rotation.first_new_at, &rotation.first_new)) }
            @if rotation.last_old_at.is_some() { dt { "The one before, seen last" } dd { (seen(&rotation.last_old_at, &rotation.last_old)) } }
            dt { "At every place" } dd { (seen(&rotation.converged, &None)) }
        }
    }
}
