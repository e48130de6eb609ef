//! Tokens, over the API.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::Desk;
use super::api::{Failed, Part, body};
use super::auth::{Caller, Who};
use crate::inventory::{IssuedToken, NewTokenRequest, RevokedTokens, RotationRequest, TokenView};

pub(super) async fn list(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    part: Part,
) -> Result<Json<Vec<TokenView>>, Failed> {
    let limit = part.limit();
    let found = desk.inventory.tokens(caller.reach(), part.cursor, limit);
    Ok(Json(found.await?))
}

/// What is made with a token is always below one: the caller's, or one that is named.
pub(super) async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<NewTokenRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<IssuedToken>), Failed> {
    let made = make(&desk, &caller, body(request)?).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn make(
    desk: &Desk,
    caller: &Caller,
    mut request: NewTokenRequest,
) -> Result<IssuedToken, Failed> {
    let owner = match &caller.who {
        Who::Person(person) => Some(&person.value),
        Who::Token(token) => {
            let own = token.value.id();
            request.parent.get_or_insert_with(|| own.to_string());
            None
        }
    };
    let (inventory, reach) = (&desk.inventory, caller.reach());
    let made = inventory.create_token(&request, reach, owner, &caller.by);
    Ok(made.await?)
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(token): Path<String>,
) -> Result<Json<TokenView>, Failed> {
    Ok(Json(desk.inventory.token(&token, caller.reach()).await?))
}

pub(super) async fn revoke(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(token): Path<String>,
) -> Result<Json<RevokedTokens>, Failed> {
    let revoked = desk
        .inventory
        .revoke_token(&token, caller.reach(), &caller.by);
    Ok(Json(revoked.await?))
}

pub(super) async fn rotate(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(token): Path<String>,
    request: Result<Json<RotationRequest>, JsonRejection>,
) -> Result<Json<IssuedToken>, Failed> {
    let (request, reach) = (body(request)?, caller.reach());
    let rotated = desk
        .inventory
        .rotate_token(&token, &request, reach, &caller.by);
    Ok(Json(rotated.await?))
}
