//! Servers on the loopback interface that answer as a test says, for everything that looks at one.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod acme_certificate;
pub(crate) mod dns_server;
pub(crate) mod http_server;
pub(crate) mod names;
pub(crate) mod tls_server;

use std::net::SocketAddr;

use tokio::task::JoinHandle;

/// A server in the background; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Background(JoinHandle<()>);

impl Background {
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A loopback port where nobody listens: it was free a moment ago and has been given back.
pub(crate) async fn unused_port() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
