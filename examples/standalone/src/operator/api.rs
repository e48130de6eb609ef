//! The JSON API.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use certlocker_core::{Pattern, TokenScope};
use serde::{Deserialize, Serialize};

use super::Desk;
use super::auth::{Caller, challenged, deny, insufficient};
use crate::inventory::view::{
    CertificateView, ClientView, CreatedClient, OrderDetail, OrderView, TimelineEntry,
};
use crate::inventory::{InventoryError, NewClientRequest};

/// Which part of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) cursor: Option<String>,
    #[serde(default = "usual")]
    limit: usize,
}

fn usual() -> usize {
    50
}

impl Part {
    const MOST: usize = 500;

    pub(super) fn limit(&self) -> usize {
        self.limit.clamp(1, Self::MOST)
    }
}

/// What does not read is answered with a problem document, as everything else is.
impl<S: Send + Sync> FromRequestParts<S> for Part {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let query = Query::from_request_parts(parts, state).await;
        let Query(part) =
            query.map_err(|rejection| InventoryError::Invalid(rejection.body_text()))?;
        Ok(part)
    }
}

pub(super) async fn clients(
    State(desk): State<Desk>,
    part: Part,
) -> Result<Json<Vec<ClientView>>, Failed> {
    let limit = part.limit();
    Ok(Json(desk.inventory.clients(part.cursor, limit).await?))
}

pub(super) async fn create_client(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    request: Result<Json<NewClientRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<CreatedClient>), Failed> {
    let request = body(request)?;
    may_order(&desk, &caller, &request.names()?).await?;
    let created = desk.inventory.create_client(&request, &caller.by).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// The body of a request.
pub(super) fn body<T>(request: Result<Json<T>, JsonRejection>) -> Result<T, Failed> {
    let Json(request) =
        request.map_err(|rejection| InventoryError::Invalid(rejection.body_text()))?;
    Ok(request)
}

/// Who lets clients order names, or switches them off, has to be allowed these names.
async fn may_order(desk: &Desk, caller: &Caller, names: &[Pattern]) -> Result<(), Failed> {
    let needed = names.iter().cloned().map(TokenScope::order);
    let Some(missing) = needed.into_iter().find(|scope| !caller.scopes.cover(scope)) else {
        return Ok(());
    };
    let needed = missing.to_string();
    let detail = deny(desk, caller, &needed).await;
    let detail = detail.map_err(InventoryError::from)?;
    Err(Failed::Denied { detail, needed })
}

pub(super) async fn client(
    State(desk): State<Desk>,
    Path(client): Path<String>,
) -> Result<Json<ClientView>, Failed> {
    Ok(Json(desk.inventory.client(&client).await?))
}

pub(super) async fn disable_client(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Path(client): Path<String>,
) -> Result<Json<ClientView>, Failed> {
    let found = desk.inventory.find_client(&client).await?;
    may_order(&desk, &caller, &found.value.scope().names).await?;
    let disabled = desk.inventory.disable_client(&client, &caller.by);
    Ok(Json(disabled.await?))
}

pub(super) async fn orders(
    State(desk): State<Desk>,
    part: Part,
) -> Result<Json<Vec<OrderView>>, Failed> {
    let limit = part.limit();
    Ok(Json(desk.inventory.orders(part.cursor, limit).await?))
}

pub(super) async fn order(
    State(desk): State<Desk>,
    Path(order): Path<String>,
) -> Result<Json<OrderDetail>, Failed> {
    Ok(Json(desk.inventory.order(&order).await?))
}

pub(super) async fn timeline(
    State(desk): State<Desk>,
    Path(order): Path<String>,
) -> Result<Json<Vec<TimelineEntry>>, Failed> {
    Ok(Json(desk.inventory.order(&order).await?.timeline))
}

pub(super) async fn certificates(
    State(desk): State<Desk>,
    part: Part,
) -> Result<Json<Vec<CertificateView>>, Failed> {
    let limit = part.limit();
    Ok(Json(desk.inventory.certificates(part.cursor, limit).await?))
}

pub(super) async fn certificate(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<CertificateView>, Failed> {
    Ok(Json(desk.inventory.certificate(&id).await?))
}

pub(super) async fn not_found() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "there is no such resource on the operator plane",
    )
}

pub(super) async fn method_not_allowed() -> Response {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "this resource does not answer to this method",
    )
}

/// A question that has no answer, or not for this caller, as a problem document.
#[derive(Debug)]
pub(super) enum Failed {
    /// The caller's token does not permit it, which is on record.
    Denied { detail: String, needed: String },
    /// There is no answer.
    Inventory(InventoryError),
}

impl From<InventoryError> for Failed {
    fn from(error: InventoryError) -> Self {
        Self::Inventory(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::Denied { detail, needed } => {
                let response = problem(StatusCode::FORBIDDEN, &detail);
                challenged(response, &insufficient(&needed))
            }
            Self::Inventory(error) => unanswered(&error),
        }
    }
}

/// When to ask again what could not be answered, in seconds.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("5");

fn unanswered(error: &InventoryError) -> Response {
    let status = status(error);
    let mut response = problem(status, &error.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, COME_AGAIN);
    }
    response
}

fn status(error: &InventoryError) -> StatusCode {
    match error {
        InventoryError::Invalid(_) => StatusCode::BAD_REQUEST,
        InventoryError::NotFound(_) => StatusCode::NOT_FOUND,
        InventoryError::Refused(_) | InventoryError::Unexplained(_) => StatusCode::CONFLICT,
        InventoryError::Cloud(_) => StatusCode::BAD_GATEWAY,
        InventoryError::Unbuilt(_) => StatusCode::NOT_IMPLEMENTED,
        InventoryError::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
        error => {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "an operator's request failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("failed");
    let document = Document {
        kind: "about:blank",
        title,
        status: status.as_u16(),
        detail,
    };
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        Json(document),
    )
        .into_response()
}
