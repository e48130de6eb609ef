//! The authority for certificates of SSH, over the API.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::Desk;
use super::api::{Failed, body};
use super::auth::Caller;
use crate::inventory::ssh_ca::{
    NewSshCaRequest, SshCaView, SshCertificateRequest, SshCertificateView,
};

pub(super) async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<NewSshCaRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<SshCaView>), Failed> {
    let made = desk.inventory.create_ssh_ca(body(request)?, &caller.by);
    Ok((StatusCode::CREATED, Json(made.await?)))
}

pub(super) async fn show(State(desk): State<Desk>) -> Result<Json<SshCaView>, Failed> {
    Ok(Json(desk.inventory.show_ssh_ca().await?))
}

pub(super) async fn sign(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(host): Path<String>,
    request: Result<Json<SshCertificateRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<SshCertificateView>), Failed> {
    let (request, inventory) = (body(request)?, &desk.inventory);
    let signed = inventory.sign_ssh_certificate(&host, &request, &caller.by);
    Ok((StatusCode::CREATED, Json(signed.await?)))
}

pub(super) async fn revoked(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failed> {
    let list = desk.inventory.revoked_ssh_certificates(&caller.by).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], list).into_response())
}
