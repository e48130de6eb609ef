//! The JSON API.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use certlocker_core::{Actor, Attribution, Traceparent, Trigger};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::inventory::view::{
    CertificateView, ClientView, CreatedClient, OrderDetail, OrderView, TimelineEntry,
};
use crate::inventory::{InventoryError, NewClientRequest};

/// Which part of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    cursor: Option<String>,
    #[serde(default = "usual")]
    limit: usize,
}

fn usual() -> usize {
    50
}

impl Part {
    const MOST: usize = 500;

    fn limit(&self) -> usize {
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
    headers: HeaderMap,
    request: Result<Json<NewClientRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<CreatedClient>), Failed> {
    let Json(request) =
        request.map_err(|rejection| InventoryError::Invalid(rejection.body_text()))?;
    let created = desk
        .inventory
        .create_client(&request, &attribution(&headers))
        .await?;
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn client(
    State(desk): State<Desk>,
    Path(client): Path<String>,
) -> Result<Json<ClientView>, Failed> {
    Ok(Json(desk.inventory.client(&client).await?))
}

pub(super) async fn disable_client(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(client): Path<String>,
) -> Result<Json<ClientView>, Failed> {
    Ok(Json(
        desk.inventory
            .disable_client(&client, &attribution(&headers))
            .await?,
    ))
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

fn attribution(headers: &HeaderMap) -> Attribution {
    let request = headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("api");
    let request: String = request
        .chars()
        .filter(char::is_ascii_graphic)
        .take(128)
        .collect();
    let actor = Actor::Operator("bootstrap".to_owned());
    let mut attribution = Attribution::new(actor, Trigger::Request(request));
    attribution.traceparent = traceparent(headers);
    attribution
}

/// The trace that a request belongs to, if it says so once and as it has to be said.
fn traceparent(headers: &HeaderMap) -> Option<Traceparent> {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return None;
    };
    only.to_str().ok()?.to_owned().try_into().ok()
}

/// When to ask again what could not be answered, in seconds.
const COME_AGAIN: &str = "5";

/// A question that has no answer, as a problem document.
pub(super) struct Failed(pub(super) InventoryError);

impl From<InventoryError> for Failed {
    fn from(error: InventoryError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            InventoryError::Invalid(_) => StatusCode::BAD_REQUEST,
            InventoryError::NotFound(_) => StatusCode::NOT_FOUND,
            InventoryError::Unexplained(_) => StatusCode::CONFLICT,
            InventoryError::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
            error => {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "an operator's request failed"
                );
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let mut response = problem(status, &self.0.to_string());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let pause = HeaderValue::from_static(COME_AGAIN);
            response.headers_mut().insert(header::RETRY_AFTER, pause);
        }
        response
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
