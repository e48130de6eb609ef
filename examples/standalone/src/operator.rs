//! The operator plane: an API and pages for those whose token permits it, health and metrics.

mod api;
mod audit;
mod auth;
mod endpoints;
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
#[cfg(feature = "oidc")]
use crate::oidc::Oidc;
use guard::Guard;
use table::{Surface, lines, routers};

pub use audit::log_router;

/// What the handlers of the plane work with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    discoveries: Discoveries,
    guard: Arc<Guard>,
    inventory: Inventory,
    #[cfg(feature = "oidc")]
    oidc: Option<Arc<Oidc>>,
}

impl Desk {
    /// The host of the issuer with whose accounts people sign in, if they do.
    fn issuer(&self) -> Option<&str> {
        #[cfg(feature = "oidc")]
        let issuer = self.oidc.as_ref().map(|oidc| oidc.host());
        #[cfg(not(feature = "oidc"))]
        let issuer = None;
        issuer
    }
}

/// What a plane is made of.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "put together by the server")]
pub struct Parts {
    /// What is asked for and changed.
    pub inventory: Inventory,
    /// The issuer with whose accounts people sign in.
    #[cfg(feature = "oidc")]
    pub oidc: Option<Oidc>,
}

/// The plane's API routes below the prefix that it shares with the gateway.
pub fn routes() -> Vec<Route> {
    let api = lines().into_iter();
    let api = api.filter(|line| line.surface == Surface::Api);
    api.map(|line| line.route).collect()
}

/// The plane's router: the API under `prefix`, pages and files beside it.
pub fn router(parts: Parts, prefix: &str) -> Router {
    let desk = Desk {
        discoveries: Discoveries::default(),
        guard: Arc::default(),
        inventory: parts.inventory,
        #[cfg(feature = "oidc")]
        oidc: parts.oidc.map(Arc::new),
    };
    let (api, others) = routers(lines(), &desk);
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
