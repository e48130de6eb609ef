//! The operator plane: an API and pages under a token, health and metrics.

mod api;
mod audit;
mod auth;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use certlocker_acme::{Plane, Route, Verbs};

use crate::inventory::Inventory;

pub use audit::log_router;
pub use auth::AdminToken;

/// What the handlers of the plane work with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) inventory: Inventory,
    pub(crate) token: Arc<AdminToken>,
}

/// The plane's API routes below the prefix that it shares with the gateway.
pub const ROUTES: &[Route] = &[
    Route::new(
        Plane::Operator,
        Verbs::Any,
        "/clients",
        "scoped clients: list, create",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/clients/{client}",
        "a scoped client",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Post,
        "/clients/{client}/disable",
        "switch a scoped client off",
    ),
    Route::new(Plane::Operator, Verbs::Read, "/orders", "orders"),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/orders/{order}",
        "an order, explained",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/orders/{order}/timeline",
        "what happened to an order",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/certificates",
        "certificates",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/certificates/{certificate}",
        "a certificate",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/audit/records",
        "records, by actor, action, subject and time",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/audit/records/{record}/receipt",
        "the proof that a record is in the audit log",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/audit/why/{kind}/{id}",
        "the way from a thing back to what set it off",
    ),
    Route::new(
        Plane::Operator,
        Verbs::Read,
        "/audit/renewal/{kind}/{id}",
        "what happened during a renewal",
    ),
];

/// The plane's router: the API under `prefix`, pages beside it, each behind the token.
pub fn router(inventory: Inventory, token: AdminToken, prefix: &str) -> Router {
    let desk = Desk {
        inventory,
        token: Arc::new(token),
    };
    let api = Router::new()
        .route("/clients", get(api::clients).post(api::create_client))
        .route("/clients/{client}", get(api::client))
        .route("/clients/{client}/disable", post(api::disable_client))
        .route("/orders", get(api::orders))
        .route("/orders/{order}", get(api::order))
        .route("/orders/{order}/timeline", get(api::timeline))
        .route("/certificates", get(api::certificates))
        .route("/certificates/{certificate}", get(api::certificate))
        .route("/audit/records", get(audit::records))
        .route("/audit/records/{record}/receipt", get(audit::receipt))
        .route("/audit/why/{kind}/{id}", get(audit::why))
        .route("/audit/renewal/{kind}/{id}", get(audit::renewal))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::method_not_allowed)
        .route_layer(axum::middleware::from_fn_with_state(
            desk.clone(),
            auth::require_token,
        ));
    let pages = Router::new()
        .route("/", get(page::home))
        .route("/app/orders", get(page::orders))
        .route("/app/orders/{order}", get(page::order))
        .route_layer(axum::middleware::from_fn_with_state(
            desk.clone(),
            auth::require_login,
        ));
    let log = Router::new()
        .route("/audit/{*path}", get(audit::log_file))
        .route_layer(axum::middleware::from_fn_with_state(
            desk.clone(),
            auth::require_token,
        ));
    Router::new()
        .nest(prefix, api)
        .merge(log)
        .merge(pages)
        .route("/login", get(page::login).post(auth::login))
        .route("/assets/app.css", get(page::style))
        .with_state(desk)
}
