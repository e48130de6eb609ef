//! A schema of one test's own on the shared server.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use certlocker_core::PostgresStore;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::proxy::Proxy;
use crate::server::Server;

/// The runtime on which every store of this program works.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap()
    })
}

/// An empty schema, and how it is reached.
pub(crate) struct Scene {
    pub(crate) server: &'static Server,
    pub(crate) url: String,
}

impl Scene {
    /// None if there is no server.
    pub(crate) fn new() -> Option<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let server = Server::shared()?;
        let schema = format!("scene{}", MADE.fetch_add(1, Ordering::SeqCst));
        runtime().block_on(async {
            let client = plain(&server.url("postgres")).await;
            let create = format!("CREATE SCHEMA {schema}");
            client.batch_execute(&create).await.unwrap();
        });
        let url = format!(
            "{}?options=-csearch_path%3D{schema}",
            server.url("postgres")
        );
        Some(Self { server, url })
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.url).await.unwrap()
    }

    /// Its URL by way of a proxy.
    pub(crate) fn through(&self, proxy: &Proxy) -> String {
        let port = |port: u16| format!(":{port}/");
        let url = self
            .url
            .replace(&port(self.server.port()), &port(proxy.port));
        format!("{url}&sslmode=disable")
    }

    /// A connection in the same schema that is not the store's.
    pub(crate) async fn client(&self) -> Client {
        plain(&self.url).await
    }
}

pub(crate) async fn plain(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
