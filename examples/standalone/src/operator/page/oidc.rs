//! Sign in at an issuer of OpenID Connect.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};

use super::login::{login_page, session_cookie};
use super::{failed, failure};
use crate::inventory::{InventoryError, SignInError};
use crate::oidc::{LIFETIME, Oidc, OidcError, Returned};
use crate::operator::Desk;
use crate::operator::auth::{Visitor, cookie};

/// It has to come along when the issuer sends the browser back, and so cannot be `Strict`.
const KEPT: &str = "__Host-certlocker-oidc";

pub(in crate::operator) async fn begin(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let Some(oidc) = &desk.oidc else {
        return unknown();
    };
    match oidc.begin(desk.inventory.clock.now()).await {
        Ok(departure) => {
            let kept = kept_cookie(&departure.kept, LIFETIME.as_secs());
            let headers = AppendHeaders(kept.map(|kept| (header::SET_COOKIE, kept)));
            (headers, Redirect::to(&departure.to)).into_response()
        }
        Err(error) => not_let_in(&desk, &visitor, error),
    }
}

pub(in crate::operator) async fn end(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let Some(oidc) = &desk.oidc else {
        return unknown();
    };
    let vouched = match returned {
        Ok(Query(returned)) => asked(&desk, oidc, &headers, returned).await,
        Err(_) => Err(OidcError::State),
    };
    let vouched = match vouched {
        Ok(vouched) => vouched,
        Err(error) => return not_let_in(&desk, &visitor, error),
    };
    match desk.inventory.sign_in_vouched(&vouched, &visitor.by).await {
        Ok(text) => {
            let cookies = [
                Some(session_cookie(text.expose(), "")),
                kept_cookie("", 0).map(Ok),
            ];
            let cookies = cookies.into_iter().flatten().filter_map(Result::ok);
            let headers = cookies.map(|cookie| (header::SET_COOKIE, cookie));
            (AppendHeaders(headers.collect::<Vec<_>>()), landing()).into_response()
        }
        Err(SignInError::Failed(error)) => failed(&error),
        Err(refused) => said(&desk, &refused),
    }
}

async fn asked(
    desk: &Desk,
    oidc: &Oidc,
    headers: &HeaderMap,
    returned: Returned,
) -> Result<crate::inventory::Vouched, OidcError> {
    let now = desk.inventory.clock.now();
    oidc.end(cookie(headers, KEPT), returned, now).await
}

/// Whoever is unknown is counted, and there is no record for them alone.
fn not_let_in(desk: &Desk, visitor: &Visitor, error: OidcError) -> Response {
    if let OidcError::Store(error) = error {
        return failed(&InventoryError::from(error));
    }
    tracing::info!(why = error.as_str(), %error, "a sign-in at the issuer was not accepted");
    desk.guard.note_sign_in(desk, error.as_str(), &visitor.by);
    said(desk, &error)
}

fn said(desk: &Desk, why: &dyn std::fmt::Display) -> Response {
    let page = login_page(desk, Some(&format!("You are not let in: {why}.")));
    let headers = AppendHeaders(kept_cookie("", 0).map(|kept| (header::SET_COOKIE, kept)));
    (StatusCode::FORBIDDEN, headers, page).into_response()
}

fn unknown() -> Response {
    failure(
        StatusCode::NOT_FOUND,
        "no issuer is configured to sign in with",
    )
}

fn kept_cookie(value: &str, seconds: u64) -> Option<HeaderValue> {
    let cookie =
        format!("{KEPT}={value}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::try_from(cookie).ok()
}

/// The way on from here: a browser that another site sent does not show the session's cookie at once,
/// and does once a page of ours sends it.
fn landing() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="0;url=/app/orders";
                title { "Signed in · CertLocker" }
            }
            body { p { "You are signed in. " a href="/app/orders" { "Go on" } } }
        }
    }
}
