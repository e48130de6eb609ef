//! Tokens: those of the caller, a form for another, and a button to revoke each.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;

use super::{LISTED, failed, layout, status, time};
use crate::inventory::{IssuedToken, NewTokenRequest, TokenView};
use crate::operator::Desk;
use crate::operator::api::Failed;
use crate::operator::auth::Caller;
use crate::operator::tokens::make;

pub(in crate::operator) async fn list(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
) -> Response {
    listed(&desk, &caller, &html! {}).await
}

async fn listed(desk: &Desk, caller: &Caller, notice: &Markup) -> Response {
    match desk.inventory.tokens(caller.reach(), None, LISTED).await {
        Ok(tokens) => {
            let content = html! {
                h1 { "Tokens" }
                (notice)
                div.wide { (table(&tokens)) }
                (form())
            };
            layout("Tokens", &content).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn table(tokens: &[TokenView]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "For" } th scope="col" { "May" } th scope="col" { "State" } th scope="col" { "Expires" } th scope="col" { "Last used" } th scope="col" { span.hidden { "Revoke" } } } }
            tbody {
                @for token in tokens { (row(token)) }
            }
        }
    }
}

fn row(token: &TokenView) -> Markup {
    html! {
        tr {
            td {
                (token.reason)
                br; code { (token.id) }
                @if let Some(parent) = &token.parent { br; small { "below " code { (parent) } } }
            }
            td {
                @for scope in &token.scopes { code { (scope) } br; }
                @if !token.networks.is_empty() { small { "from " (token.networks.join(", ")) } }
            }
            td { (status(&token.status)) }
            td { (time(&token.expires)) }
            td { @if let Some(used) = &token.last_used { (time(used)) } @else { "–" } }
            td {
                @if token.status == "active" {
                    form.inline method="post" action={ "/app/tokens/" (token.id) "/revoke" } {
                        button.danger type="submit" aria-label={ "Revoke the token for " (token.reason) " and those below it" } { "Revoke" }
                    }
                }
            }
        }
    }
}

fn form() -> Markup {
    html! {
        section aria-labelledby="new" {
            h2 #new { "Another token" }
            form method="post" action="/app/tokens" {
                label for="reason" { "What it is for" }
                input #reason name="reason" required maxlength="200";
                label for="scopes" { "What it may do, separated by blanks" }
                input #scopes name="scopes" required placeholder="certificate:read order:create=dns:*.example";
                label for="expires" { "How long" }
                input #expires name="expires" required value="30d";
                label for="networks" { "From where, separated by blanks; from anywhere if empty" }
                input #networks name="networks" placeholder="192.0.2.0/24";
                button type="submit" { "Create" }
            }
        }
    }
}

/// The fields of the form.
#[derive(Debug, Deserialize)]
pub(in crate::operator) struct NewToken {
    reason: String,
    scopes: String,
    expires: String,
    networks: String,
}

impl From<NewToken> for NewTokenRequest {
    fn from(form: NewToken) -> Self {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Self {
            scopes: words(&form.scopes),
            expires: form.expires,
            networks: words(&form.networks),
            parent: None,
            reason: form.reason,
        }
    }
}

pub(in crate::operator) async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Form(form): Form<NewToken>,
) -> Response {
    let notice = match make(&desk, &caller, form.into()).await {
        Ok(issued) => shown_once(&issued),
        Err(Failed::Inventory(error)) => html! { p.problem role="alert" { (error) "." } },
        Err(denied) => return denied.into_response(),
    };
    listed(&desk, &caller, &notice).await
}

fn shown_once(issued: &IssuedToken) -> Markup {
    html! {
        div.notice role="status" {
            p { "The token for " (issued.view.reason) ". It is not shown again." }
            pre { (issued.token) }
        }
    }
}

pub(in crate::operator) async fn revoke(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(token): Path<String>,
) -> Response {
    let revoked = desk
        .inventory
        .revoke_token(&token, caller.reach(), &caller.by);
    match revoked.await {
        Ok(_) => Redirect::to("/app/tokens").into_response(),
        Err(error) => failed(&error),
    }
}
