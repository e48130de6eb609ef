//! Endpoints, over the API.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};

use super::Desk;
use super::api::{Failed, Part, body};
use super::auth::Caller;
use crate::inventory::{ApplyEndpointPlan, EndpointPlan, EndpointView, NewEndpointRequest};

pub(super) async fn list(
    State(desk): State<Desk>,
    part: Part,
) -> Result<Json<Vec<EndpointView>>, Failed> {
    let limit = part.limit();
    Ok(Json(desk.inventory.endpoints(part.cursor, limit).await?))
}

pub(super) async fn add(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<NewEndpointRequest>, JsonRejection>,
) -> Result<Json<EndpointView>, Failed> {
    let request = body(request)?;
    let added = desk.inventory.add_endpoint(&request, &caller.by);
    Ok(Json(added.await?))
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Path(endpoint): Path<String>,
) -> Result<Json<EndpointView>, Failed> {
    Ok(Json(desk.inventory.endpoint(&endpoint).await?))
}

pub(super) async fn probe(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(endpoint): Path<String>,
) -> Result<Json<EndpointView>, Failed> {
    let seen = desk.inventory.probe_endpoint(&endpoint, &caller.by);
    Ok(Json(seen.await?))
}

pub(super) async fn remove(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(endpoint): Path<String>,
) -> Result<Json<EndpointView>, Failed> {
    let removed = desk.inventory.remove_endpoint(&endpoint, &caller.by);
    Ok(Json(removed.await?))
}

pub(super) async fn plan(State(desk): State<Desk>) -> Result<Json<EndpointPlan>, Failed> {
    Ok(Json(desk.inventory.endpoint_plan().await?))
}

pub(super) async fn apply(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<ApplyEndpointPlan>, JsonRejection>,
) -> Result<Json<EndpointPlan>, Failed> {
    let request = body(request)?;
    let applied = desk.inventory.apply_endpoint_plan(&request, &caller.by);
    Ok(Json(applied.await?))
}
