//! Who may use the operator plane: whoever holds the token.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Form;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Desk;
use super::api::problem;
use super::page;

/// The token of the first operator, made when the server first starts and kept in a file.
pub struct AdminToken(Vec<u8>);

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken")
    }
}

impl AdminToken {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self(text.trim().as_bytes().to_vec())
    }

    fn is(&self, given: &str) -> bool {
        !self.0.is_empty() && verify_slices_are_equal(&self.0, given.trim().as_bytes()).is_ok()
    }
}

const COOKIE: &str = "certlocker_token";

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// The API takes the token as a bearer token only, so that no page elsewhere can use a cookie.
pub(super) async fn require_token(
    State(desk): State<Desk>,
    request: Request,
    next: Next,
) -> Response {
    match bearer(request.headers()) {
        Some(given) if desk.token.is(given) => next.run(request).await,
        _ => {
            let detail = "this needs the operator's token: `Authorization: Bearer TOKEN`; the ready file names where it is";
            let mut response = problem(StatusCode::UNAUTHORIZED, detail);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

/// Pages only read, and take the token from the cookie of the login.
pub(super) async fn require_login(
    State(desk): State<Desk>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    match bearer(headers).or_else(|| cookie(headers)) {
        Some(given) if desk.token.is(given) => next.run(request).await,
        _ => Redirect::to("/login").into_response(),
    }
}

#[derive(Deserialize)]
pub(super) struct Login {
    token: String,
}

pub(super) async fn login(State(desk): State<Desk>, Form(login): Form<Login>) -> Response {
    if !desk.token.is(&login.token) {
        return (StatusCode::FORBIDDEN, page::login_again()).into_response();
    }
    let cookie = format!(
        "{COOKIE}={}; Path=/; HttpOnly; Secure; SameSite=Strict",
        login.token.trim()
    );
    match HeaderValue::try_from(cookie) {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("/app/orders")).into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, page::login_again()).into_response(),
    }
}
