//! People: a list for administrators, a form for another, and buttons to reset and switch off.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;

use super::{LISTED, failed, layout, status, time};
use crate::inventory::{InventoryError, IssuedPerson, NewPersonRequest, PersonView};
use crate::operator::Desk;
use crate::operator::auth::Caller;

pub(in crate::operator) async fn list(State(desk): State<Desk>) -> Response {
    listed(&desk, &html! {}).await
}

async fn listed(desk: &Desk, notice: &Markup) -> Response {
    match desk.inventory.people(None, LISTED).await {
        Ok(people) => {
            let content = html! {
                h1 { "People" }
                (notice)
                @if people.is_empty() { p { "Nobody signs in here yet." } }
                @else { div.wide { (table(&people)) } }
                (form())
            };
            layout("People", &content).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn table(people: &[PersonView]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Roles" } th scope="col" { "State" } th scope="col" { "Since" } th scope="col" { span.hidden { "Change" } } } }
            tbody {
                @for person in people { (row(person)) }
            }
        }
    }
}

fn row(person: &PersonView) -> Markup {
    let state = if person.disabled.is_some() {
        "disabled"
    } else {
        "active"
    };
    html! {
        tr {
            td {
                (person.name)
                @if let Some(issuer) = &person.issuer { br; small { "by " (issuer) } }
            }
            td { (person.roles.join(", ")) }
            td { (status(state)) }
            td { (time(&person.created)) }
            td {
                @if person.disabled.is_none() {
                    @if person.issuer.is_none() {
                        (button(person, "reset", "Reset", "quiet", "Give another password and code key to"))
                    }
                    (button(person, "disable", "Switch off", "danger", "Switch off"))
                }
            }
        }
    }
}

fn button(person: &PersonView, path: &str, text: &str, class: &str, what: &str) -> Markup {
    html! {
        form.inline method="post" action={ "/app/people/" (person.id) "/" (path) } {
            button class=(class) type="submit" aria-label={ (what) " " (person.name) } { (text) }
        }
    }
}

fn form() -> Markup {
    html! {
        section aria-labelledby="new" {
            h2 #new { "Another person" }
            form method="post" action="/app/people" {
                label for="name" { "Name" }
                input #name name="name" required maxlength="64" autocomplete="off";
                label for="roles" { "What they are, separated by blanks: viewer, operator, auditor, admin" }
                input #roles name="roles" required placeholder="operator";
                button type="submit" { "Add" }
            }
        }
    }
}

/// The fields of the form.
#[derive(Debug, Deserialize)]
pub(in crate::operator) struct NewPerson {
    name: String,
    roles: String,
}

pub(in crate::operator) async fn add(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Form(form): Form<NewPerson>,
) -> Response {
    let request = NewPersonRequest {
        name: form.name,
        roles: form.roles.split_whitespace().map(str::to_owned).collect(),
    };
    let added = desk.inventory.add_person(&request, &caller.by).await;
    with_issued(&desk, added).await
}

pub(in crate::operator) async fn reset(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(person): Path<String>,
) -> Response {
    let reset = desk.inventory.reset_person(&person, &caller.by).await;
    with_issued(&desk, reset).await
}

pub(in crate::operator) async fn disable(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(person): Path<String>,
) -> Response {
    match desk.inventory.disable_person(&person, &caller.by).await {
        Ok(_) => listed(&desk, &html! {}).await,
        Err(error) => listed(&desk, &problem(&error)).await,
    }
}

async fn with_issued(desk: &Desk, issued: Result<IssuedPerson, InventoryError>) -> Response {
    let notice = match &issued {
        Ok(issued) => shown_once(issued),
        Err(error) => problem(error),
    };
    listed(desk, &notice).await
}

fn problem(error: &InventoryError) -> Markup {
    html! { p.problem role="alert" { (error) "." } }
}

fn shown_once(issued: &IssuedPerson) -> Markup {
    html! {
        div.notice role="status" {
            p { "The password of " (issued.view.name) ", and the URL for an app that shows codes. Neither is shown again." }
            pre { (issued.password) }
            pre { (issued.code_url) }
        }
    }
}
