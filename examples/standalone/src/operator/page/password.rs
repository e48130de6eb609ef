//! One's own password.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{failed, failure, layout};
use crate::inventory::SignInError;
use crate::operator::Desk;
use crate::operator::auth::{Caller, Who};

pub(in crate::operator) async fn show() -> Markup {
    page(None)
}

fn page(problem: Option<&str>) -> Markup {
    let content = html! {
        h1 { "Password" }
        @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
        p { "Afterwards you sign in again, everywhere." }
        form method="post" action="/app/password" {
            label for="old" { "Password until now" }
            input #old type="password" name="old" autocomplete="current-password" required;
            label for="new" { "Another password" }
            input #new type="password" name="new" autocomplete="new-password" required;
            label for="again" { "The same again" }
            input #again type="password" name="again" autocomplete="new-password" required;
            button type="submit" { "Change" }
        }
    };
    layout("Password", &content)
}

/// The fields of the form.
#[derive(Deserialize)]
pub(in crate::operator) struct NewPassword {
    old: Zeroizing<String>,
    new: Zeroizing<String>,
    again: Zeroizing<String>,
}

pub(in crate::operator) async fn change(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Form(form): Form<NewPassword>,
) -> Response {
    let Who::Person(person) = caller.who else {
        return failure(StatusCode::FORBIDDEN, "a token has no password");
    };
    if form.new != form.again {
        return refused("The two are not the same.");
    }
    let changed = desk
        .inventory
        .change_password(person, form.old, &form.new, &caller.by);
    match changed.await {
        Ok(()) => Redirect::to("/login").into_response(),
        Err(SignInError::Failed(error)) => match error {
            crate::inventory::InventoryError::Invalid(why) => refused(&format!("{why}.")),
            error => failed(&error),
        },
        Err(SignInError::Later(until)) => refused(&SignInError::Later(until).to_string()),
        Err(_) => refused("That is not the password until now."),
    }
}

fn refused(why: &str) -> Response {
    (StatusCode::FORBIDDEN, page(Some(why))).into_response()
}
