//! Credentials, plans and hosts, over the API.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;

use super::Desk;
use super::api::{Failed, Part, body};
use super::auth::Caller;
use crate::inventory::host::{GrantRequest, GrantView};
use crate::inventory::import::{
    AppliedView, CredentialView, DiscoveryView, EditRequest, NewCredentialRequest, PlanRequest,
};
use crate::inventory::import_view::{HostAccessView, HostView, LineView, PlanDetail, PlanView};

pub(super) async fn credentials(
    State(desk): State<Desk>,
) -> Result<Json<Vec<CredentialView>>, Failed> {
    Ok(Json(desk.inventory.kept_credentials().await?))
}

pub(super) async fn keep_credential(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<NewCredentialRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<CredentialView>), Failed> {
    let request = body(request)?;
    let kept = desk.inventory.keep_credential(&request, &caller.by).await?;
    Ok((StatusCode::CREATED, Json(kept)))
}

pub(super) async fn remove_credential(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<CredentialView>, Failed> {
    let removed = desk.inventory.remove_credential(&name, &caller.by);
    Ok(Json(removed.await?))
}

/// The answer comes before the plan: a cloud takes its time.
pub(super) async fn discover(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<PlanRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<DiscoveryView>), Failed> {
    let request = body(request)?;
    let begun = desk
        .discoveries
        .begin(&desk.inventory, request, &caller.by)?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

pub(super) async fn discovery(
    State(desk): State<Desk>,
    Path(id): Path<u64>,
) -> Result<Json<DiscoveryView>, Failed> {
    Ok(Json(desk.discoveries.show(id)?))
}

pub(super) async fn cancel_discovery(
    State(desk): State<Desk>,
    Path(id): Path<u64>,
) -> Result<Json<DiscoveryView>, Failed> {
    Ok(Json(desk.discoveries.cancel(id)?))
}

pub(super) async fn plans(State(desk): State<Desk>) -> Result<Json<Vec<PlanView>>, Failed> {
    Ok(Json(desk.inventory.import_plans().await?))
}

pub(super) async fn plan(
    State(desk): State<Desk>,
    Path(plan): Path<String>,
) -> Result<Json<PlanView>, Failed> {
    Ok(Json(desk.inventory.import_plan(&plan).await?.plan))
}

/// Lines of a plan after the line with the number that is the cursor.
pub(super) async fn lines(
    State(desk): State<Desk>,
    Path(plan): Path<String>,
    part: Part,
) -> Result<Json<Vec<LineView>>, Failed> {
    let limit = part.limit();
    let lines = desk.inventory.import_lines(&plan, part.cursor, limit);
    Ok(Json(lines.await?))
}

pub(super) async fn edit(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path((plan, line)): Path<(String, u32)>,
    request: Result<Json<EditRequest>, JsonRejection>,
) -> Result<Json<LineView>, Failed> {
    let request = body(request)?;
    let edited = desk
        .inventory
        .edit_import(&plan, line, &request, &caller.by);
    Ok(Json(edited.await?))
}

pub(super) async fn apply(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(plan): Path<String>,
) -> Result<Json<AppliedView>, Failed> {
    Ok(Json(desk.inventory.apply_import(&plan, &caller.by).await?))
}

pub(super) async fn undo(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(plan): Path<String>,
) -> Result<(StatusCode, Json<PlanView>), Failed> {
    let undone: PlanDetail = desk.inventory.undo_import(&plan, &caller.by).await?;
    Ok((StatusCode::CREATED, Json(undone.plan)))
}

pub(super) async fn hosts(
    State(desk): State<Desk>,
    part: Part,
) -> Result<Json<Vec<HostView>>, Failed> {
    let limit = part.limit();
    Ok(Json(desk.inventory.hosts_page(part.cursor, limit).await?))
}

pub(super) async fn grant(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(host): Path<String>,
    request: Result<Json<GrantRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<GrantView>), Failed> {
    let request = body(request)?;
    let granted = desk.inventory.grant_access(&host, &request, &caller.by);
    Ok((StatusCode::CREATED, Json(granted.await?)))
}

pub(super) async fn revoke(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(access): Path<String>,
) -> Result<Json<GrantView>, Failed> {
    let revoked = desk.inventory.revoke_access(&access, &caller.by);
    Ok(Json(revoked.await?))
}

/// At which time.
#[derive(Debug, Deserialize)]
pub(super) struct When {
    at: Option<String>,
}

pub(super) async fn access(
    State(desk): State<Desk>,
    Path(host): Path<String>,
    Query(when): Query<When>,
) -> Result<Json<HostAccessView>, Failed> {
    let access = desk.inventory.host_access(&host, when.at.as_deref());
    Ok(Json(access.await?))
}
