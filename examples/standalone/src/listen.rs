//! Listeners: TCP, TLS and HTTP up to the router, with limits, until told to stop.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::tls::Tls;

mod activity;
mod bind;
mod connection;
mod room;

pub use bind::{BindError, Listener, bind};
use connection::Connections;

/// What clients may cost.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every limit is a decision of the operator"
)]
pub struct Limits {
    /// Connections at the same time; more wait in the system's queue, and meanwhile those without
    /// a request in progress are ended early.
    pub connections: NonZero<usize>,
    /// How long requests in progress may finish once the server is told to stop.
    pub grace: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a connection may be open without a request in progress; a request whose head is
    /// not yet complete is not in progress.
    pub idle: Duration,
    /// How long a request may take until its answer begins.
    pub request: Duration,
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        Self {
            connections: settings.max_connections,
            grace: settings.shutdown_grace,
            handshake: settings.handshake_timeout,
            idle: settings.idle_timeout,
            request: settings.request_timeout,
        }
    }
}

/// How a plane stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Every request in progress was answered.
    Clean,
    /// So many connections were cut off at the end of the grace.
    Cut(usize),
}

/// One of the server's planes: listeners with a router behind them.
#[derive(Debug)]
pub struct Plane {
    limits: Limits,
    name: &'static str,
    router: Router,
    tls: Tls,
}

impl Plane {
    /// A plane that answers with `router`; its name stands in the log and in metrics.
    ///
    /// Every request carries the address of its client as
    /// [`ConnectInfo`](axum::extract::ConnectInfo)`<SocketAddr>`.
    pub fn new(name: &'static str, router: Router, tls: Tls, limits: Limits) -> Self {
        Self {
            limits,
            name,
            router,
            tls,
        }
    }

    /// Serves until `stop` is cancelled and the requests in progress are answered, or the grace is
    /// over.
    pub async fn serve(self, listeners: Vec<Listener>, stop: CancellationToken) -> Stopped {
        let cut = CancellationToken::new();
        let grace = self.limits.grace;
        let doors = TaskTracker::new();
        let open = TaskTracker::new();
        let door = Door {
            connections: Arc::new(Connections::new(self, stop.clone(), cut.clone())),
            open: open.clone(),
            stop,
        };
        for listener in listeners {
            doors.spawn(door.clone().admit(listener));
        }
        doors.close();
        doors.wait().await;
        open.close();
        drain(&open, grace, &cut).await
    }
}

async fn drain(open: &TaskTracker, grace: Duration, cut: &CancellationToken) -> Stopped {
    if tokio::time::timeout(grace, open.wait()).await.is_ok() {
        return Stopped::Clean;
    }
    let rest = open.len();
    cut.cancel();
    open.wait().await;
    Stopped::Cut(rest)
}

/// Where connections come in; one for each plane, shared by its listeners.
#[derive(Clone)]
struct Door {
    connections: Arc<Connections>,
    open: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    async fn admit(self, listener: Listener) {
        while let Some((place, socket, peer)) = self.next(&listener).await {
            let connections = self.connections.clone();
            self.open.spawn(async move {
                connections.serve(socket, peer).await;
                drop(place);
            });
        }
    }

    /// The next connection, once there is room for it; nothing when told to stop.
    async fn next(
        &self,
        listener: &Listener,
    ) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
        let accept = async {
            let place = self.connections.room().place().await;
            let (socket, peer) = accept(listener).await;
            (place, socket, peer)
        };
        tokio::select! {
            accepted = accept => Some(accepted),
            () = self.stop.cancelled() => None,
        }
    }
}

/// Waits before it tries again when the system has no file descriptors or memory left: connections
/// that end give some back.
async fn accept(listener: &Listener) -> (TcpStream, SocketAddr) {
    const PAUSE: Duration = Duration::from_millis(100);
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if bind::concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(address = %listener.address(), %error, "cannot accept connections");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
