//! Sign in and out.

use axum::extract::State;
use axum::http::header::InvalidHeaderValue;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{failed, frame};
use crate::inventory::{Credentials, InventoryError, SignInError};
use crate::operator::Desk;
use crate::operator::auth::{COOKIE, Visitor, authenticate, session};

pub(in crate::operator) async fn show(State(desk): State<Desk>) -> Markup {
    login_page(&desk, None)
}

pub(super) fn login_page(desk: &Desk, problem: Option<&str>) -> Markup {
    let content = html! {
        h1 { "Sign in" }
        @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
        @if let Some(issuer) = desk.issuer() {
            form method="post" action="/login/oidc" {
                button type="submit" { "Sign in with " (issuer) }
            }
            p { "Or with a password of this server:" }
        }
        form method="post" action="/login" {
            label for="name" { "Name" }
            input #name name="name" autocomplete="username" required autofocus;
            label for="password" { "Password" }
            input #password type="password" name="password" autocomplete="current-password" required;
            label for="code" { "Code" }
            input #code name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" required;
            button type="submit" { "Sign in" }
        }
        details {
            summary { "With a token" }
            form method="post" action="/login" {
                label for="token" { "Token" }
                input #token type="password" name="token" autocomplete="off" required;
                button type="submit" { "Sign in" }
            }
        }
    };
    let header = html! { span.brand { "CertLocker" } };
    frame("Sign in", &header, &content)
}

/// What either of the two forms has.
#[derive(Deserialize)]
#[serde(untagged)]
pub(in crate::operator) enum Login {
    Person(Credentials),
    Token { token: Zeroizing<String> },
}

pub(in crate::operator) async fn enter(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Form(login): Form<Login>,
) -> Response {
    match login {
        Login::Person(credentials) => person(&desk, &visitor, credentials).await,
        Login::Token { token } => with_token(&desk, &visitor, &token).await,
    }
}

async fn person(desk: &Desk, visitor: &Visitor, credentials: Credentials) -> Response {
    let refused = match desk.inventory.sign_in(credentials, &visitor.by).await {
        Ok(text) => return with_cookie(text.expose(), "", "/app/orders"),
        Err(SignInError::Failed(InventoryError::Store(error))) => {
            return failed(&InventoryError::Store(error));
        }
        Err(SignInError::Failed(error)) => return failed(&error),
        Err(refused) => refused,
    };
    match &refused {
        SignInError::Unseen(why) => desk.guard.note_sign_in(desk, why, &visitor.by),
        SignInError::Later(_) => desk.guard.note_sign_in(desk, "throttled", &visitor.by),
        _ => {}
    }
    not_let_in(desk, &refused)
}

async fn with_token(desk: &Desk, visitor: &Visitor, token: &str) -> Response {
    let token = match authenticate(desk, Some(token), visitor.peer).await {
        Ok(token) => token,
        Err(rejection) => {
            desk.guard.note_rejection(desk, &rejection, &visitor.by);
            return not_let_in(desk, &rejection);
        }
    };
    let opened = desk
        .inventory
        .sign_in_with_token(*token.value.id(), &visitor.by);
    match opened.await {
        Ok(text) => with_cookie(text.expose(), "", "/app/orders"),
        Err(error) => failed(&error),
    }
}

fn not_let_in(desk: &Desk, why: &dyn std::fmt::Display) -> Response {
    let said = format!("You are not let in: {why}.");
    (StatusCode::FORBIDDEN, login_page(desk, Some(&said))).into_response()
}

pub(in crate::operator) async fn leave(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Response {
    if let Some(text) = session(&headers)
        && let Err(error) = desk.inventory.sign_out(&text, &visitor.by).await
    {
        return failed(&error);
    }
    with_cookie("", "; Max-Age=0", "/login")
}

fn with_cookie(value: &str, age: &str, to: &str) -> Response {
    match session_cookie(value, age) {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

pub(super) fn session_cookie(value: &str, age: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; Secure; SameSite=Strict{age}");
    HeaderValue::try_from(cookie)
}
