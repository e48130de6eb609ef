//! The record of what happened, over the API; and the log's own files.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use certlocker_audit::files::Source;
use certlocker_audit::tile::Resource;

use super::Desk;
use super::api::{Failed, problem};
use crate::audit::{AuditHome, WITNESSED};
use crate::inventory::InventoryError;
use crate::inventory::access::{AccessChangeView, AccessRequest};
use crate::inventory::audit::{ReceiptView, RecordsRequest, RenewalView, WhyView};
use crate::inventory::view::TimelineEntry;

pub(super) async fn records(
    State(desk): State<Desk>,
    request: Result<Query<RecordsRequest>, QueryRejection>,
) -> Result<Json<Vec<TimelineEntry>>, Failed> {
    let request = query(request)?;
    Ok(Json(desk.inventory.find_records(&request).await?))
}

pub(super) async fn why(
    State(desk): State<Desk>,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<WhyView>, Failed> {
    Ok(Json(desk.inventory.why(&kind, &id).await?))
}

pub(super) async fn renewal(
    State(desk): State<Desk>,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<RenewalView>, Failed> {
    Ok(Json(desk.inventory.renewal(&kind, &id).await?))
}

pub(super) async fn access(
    State(desk): State<Desk>,
    Path(host): Path<String>,
    request: Result<Query<AccessRequest>, QueryRejection>,
) -> Result<Json<Vec<AccessChangeView>>, Failed> {
    let request = query(request)?;
    Ok(Json(desk.inventory.access_changes(&host, &request).await?))
}

fn query<T>(request: Result<Query<T>, QueryRejection>) -> Result<T, Failed> {
    let Query(request) = request.map_err(|error| InventoryError::Invalid(error.body_text()))?;
    Ok(request)
}

pub(super) async fn receipt(
    State(desk): State<Desk>,
    Path(record): Path<String>,
) -> Result<Json<ReceiptView>, Failed> {
    let invalid = |_| InventoryError::Invalid(format!("`{record}` is the number of no record"));
    let number = record.parse().map_err(invalid)?;
    Ok(Json(desk.inventory.receipt(number).await?))
}

/// A file of the log, as [tlog-tiles](https://c2sp.org/tlog-tiles) has them served. With a policy
/// of witnesses, the checkpoint is the newest that they have cosigned.
pub(super) async fn log_file(State(desk): State<Desk>, Path(path): Path<String>) -> Response {
    file(desk.inventory.audit, path).await
}

/// The files of the log for anybody, on a listener of their own.
pub fn log_router(audit: AuditHome) -> Router {
    let serve =
        async |State(audit): State<AuditHome>, Path(path): Path<String>| file(audit, path).await;
    Router::new()
        .route("/{*path}", get(serve))
        .fallback(async || missing())
        .with_state(audit)
}

async fn file(audit: AuditHome, path: String) -> Response {
    let Ok(resource) = path.parse::<Resource>() else {
        return missing();
    };
    let files = audit.files().clone();
    let read = tokio::task::spawn_blocking(move || match resource {
        Resource::Checkpoint => files.read(WITNESSED).or_else(|_| files.read(&path)),
        _ => files.read(&path),
    });
    let (media_type, caching) = match resource {
        Resource::Checkpoint => ("text/plain; charset=utf-8", "max-age=2"),
        _ => ("application/octet-stream", "max-age=31536000, immutable"),
    };
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, caching),
    ];
    match read.await {
        Ok(Ok(bytes)) => (headers, bytes).into_response(),
        _ => missing(),
    }
}

fn missing() -> Response {
    problem(StatusCode::NOT_FOUND, "the audit log has no such file")
}
