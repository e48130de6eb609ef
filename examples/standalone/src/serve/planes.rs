//! The listeners, and what serves on them: the gateway, the operator plane, the files of the audit log.

use std::net::SocketAddr;

use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{BaseUrl, Settings};
use crate::listen::{BindError, Limits, Listener, Plane, Stopped, bind};
use crate::tls::Tls;

/// Where each plane listens.
pub(super) struct Listeners {
    pub(super) gateway: Vec<Listener>,
    pub(super) operator: Vec<Listener>,
    pub(super) log: Vec<Listener>,
}

/// What each plane serves.
pub(super) struct Routers {
    pub(super) gateway: Router,
    pub(super) operator: Router,
    pub(super) log: Router,
}

impl Listeners {
    pub(super) fn bind(settings: &Settings) -> Result<Self, BindError> {
        Ok(Self {
            gateway: bind(&settings.listen)?,
            operator: bind(&[settings.operator_listen])?,
            log: bind(settings.audit_listen.as_slice())?,
        })
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let all = [&self.gateway, &self.operator, &self.log];
        all.into_iter().flatten().map(Listener::address)
    }

    /// The configured URL; the first listener's port may have been chosen by the system.
    pub(super) fn public_url(&self, settings: &Settings) -> BaseUrl {
        let public = settings.public_url.clone();
        match self.gateway.first() {
            Some(first) => public.with_bound_port(first.address().port()),
            None => public,
        }
    }

    /// Where browsers reach the operator plane, by the configuration; its listener's port may have
    /// been chosen by the system.
    #[cfg(feature = "oidc")]
    pub(super) fn operator_page_url(&self, settings: &Settings) -> BaseUrl {
        let url = settings.operator_url.clone();
        match self.operator.first() {
            Some(first) => url.with_bound_port(first.address().port()),
            None => url,
        }
    }

    /// Where the operator plane is reached from this machine.
    pub(super) fn operator_url(&self, public: &BaseUrl) -> String {
        match self.operator.first().map(Listener::address) {
            Some(address) => BaseUrl::of_listener(address).to_string(),
            None => public.to_string(),
        }
    }
}

/// The planes that serve.
pub(super) struct Planes([JoinHandle<Stopped>; 3]);

impl Planes {
    /// Serves until `stop`.
    pub(super) fn start(
        listeners: Listeners,
        routers: Routers,
        tls: &Tls,
        limits: Limits,
        stop: &CancellationToken,
    ) -> Self {
        let start = |name, router, listeners| {
            let plane = Plane::new(name, router, tls.clone(), limits);
            tokio::spawn(plane.serve(listeners, stop.clone()))
        };
        Self([
            start("gateway", routers.gateway, listeners.gateway),
            start("operator", routers.operator, listeners.operator),
            start("audit log", routers.log, listeners.log),
        ])
    }

    /// Waits until requests in progress are finished, or have been cut off.
    pub(super) async fn end(self) {
        for plane in self.0 {
            if let Ok(Stopped::Cut(count)) = plane.await {
                tracing::warn!(count, "connections were cut off at the end of the grace");
            }
        }
    }
}
