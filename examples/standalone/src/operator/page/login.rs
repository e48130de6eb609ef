//! Sign in and out.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use maud::{Markup, html};
use serde::Deserialize;

use super::frame;
use crate::operator::Desk;
use crate::operator::auth::{COOKIE, Visitor, authenticate};

pub(in crate::operator) async fn show() -> Markup {
    login_page(None)
}

fn login_page(problem: Option<&str>) -> Markup {
    let content = html! {
        h1 { "Sign in" }
        @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
        form method="post" action="/login" {
            label for="token" { "Token" }
            input #token type="password" name="token" autocomplete="current-password" required;
            button type="submit" { "Sign in" }
        }
    };
    frame("Sign in", &html! { span.brand { "CertLocker" } }, &content)
}

#[derive(Deserialize)]
pub(in crate::operator) struct Login {
    token: String,
}

pub(in crate::operator) async fn enter(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Form(login): Form<Login>,
) -> Response {
    if let Err(rejection) = authenticate(&desk, Some(&login.token), visitor.peer).await {
        desk.guard.note_rejection(&desk, &rejection, &visitor.by);
        let said = format!("That does not let you in: {rejection}.");
        return (StatusCode::FORBIDDEN, login_page(Some(&said))).into_response();
    }
    with_cookie(login.token.trim(), "", "/app/orders")
}

pub(in crate::operator) async fn leave() -> Response {
    with_cookie("", "; Max-Age=0", "/login")
}

fn with_cookie(value: &str, age: &str, to: &str) -> Response {
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; Secure; SameSite=Strict{age}");
    match HeaderValue::try_from(cookie) {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, login_page(None)).into_response(),
    }
}
