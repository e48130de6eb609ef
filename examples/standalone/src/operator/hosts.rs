//! Hosts as files, and certificates for those who may use them, over the API.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};

use super::Desk;
use super::api::Failed;
use crate::inventory::InventoryError;
use crate::inventory::export::{ExportRequest, ExportView};

pub(super) async fn export(
    State(desk): State<Desk>,
    request: Result<Query<ExportRequest>, QueryRejection>,
) -> Result<Json<ExportView>, Failed> {
    let unreadable =
        |error: QueryRejection| Failed::from(InventoryError::Invalid(error.body_text()));
    let Query(request) = request.map_err(unreadable)?;
    Ok(Json(desk.inventory.export_hosts(&request).await?))
}
