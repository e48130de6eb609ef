//! People, over the API.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::Desk;
use super::api::{Failed, Part, body};
use super::auth::Caller;
use crate::inventory::{IssuedPerson, NewPersonRequest, PersonView};

pub(super) async fn list(
    State(desk): State<Desk>,
    part: Part,
) -> Result<Json<Vec<PersonView>>, Failed> {
    let limit = part.limit();
    Ok(Json(desk.inventory.people(part.cursor, limit).await?))
}

pub(super) async fn add(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<NewPersonRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<IssuedPerson>), Failed> {
    let added = desk
        .inventory
        .add_person(&body(request)?, &caller.by)
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

pub(super) async fn disable(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(person): Path<String>,
) -> Result<Json<PersonView>, Failed> {
    let disabled = desk.inventory.disable_person(&person, &caller.by);
    Ok(Json(disabled.await?))
}

pub(super) async fn reset(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(person): Path<String>,
) -> Result<Json<IssuedPerson>, Failed> {
    let reset = desk.inventory.reset_person(&person, &caller.by);
    Ok(Json(reset.await?))
}
