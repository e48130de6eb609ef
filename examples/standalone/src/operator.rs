//! The operator plane: an API and pages for those whose token permits it, health and metrics.

mod api;
mod audit;
mod auth;
mod guard;
mod hosts;
mod imports;
mod page;
mod people;
#[cfg(feature = "ssh-ca")]
mod ssh_ca;
mod table;
mod tokens;

use std::sync::Arc;

use axum::Router;
use certlocker_acme::Route;

use crate::inventory::Inventory;
use crate::inventory::import::Discoveries;
use guard::Guard;
use table::{Surface, endpoints, routers};

pub use audit::log_router;

/// What the handlers of the plane work with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    discoveries: Discoveries,
    guard: Arc<Guard>,
    inventory: Inventory,
}

/// The plane's API routes below the prefix that it shares with the gateway.
pub fn routes() -> Vec<Route> {
    let api = endpoints().into_iter();
    let api = api.filter(|endpoint| endpoint.surface == Surface::Api);
    api.map(|endpoint| endpoint.route).collect()
}

/// The plane's router: the API under `prefix`, pages and files beside it.
pub fn router(inventory: Inventory, prefix: &str) -> Router {
    let desk = Desk {
        discoveries: Discoveries::default(),
        guard: Arc::default(),
        inventory,
    };
    let (api, others) = routers(endpoints(), &desk);
    let api = api
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::method_not_allowed);
    Router::new()
        .nest(prefix, api)
        .merge(others)
        .with_state(desk)
}

#[cfg(test)]
mod tests;
