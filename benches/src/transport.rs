//! How requests reach a server: over TLS with one connection kept open, or inside the process.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::Failure;

/// An answer, read to its end.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "what HTTP gives")]
pub struct Reply {
    /// The body.
    pub body: Bytes,
    /// The headers.
    pub headers: HeaderMap,
    /// The status.
    pub status: StatusCode,
}

/// Sends one request at a time.
pub trait Transport: Send {
    /// Sends a request and reads the answer.
    fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// Ends what is kept open: the next request begins anew.
    fn reset(&mut self);
}

/// HTTP/1.1 over TLS: a connection for each node of a server, opened when it is needed. Requests go
/// to the nodes in turn.
#[derive(Debug)]
pub struct TlsTransport {
    config: Arc<ClientConfig>,
    handshakes: u64,
    host: String,
    next: usize,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    address: (String, u16),
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Node {
    fn at(host: &str, port: u16) -> Self {
        Self {
            address: (host.to_owned(), port),
            sender: None,
        }
    }
}

impl TlsTransport {
    /// To this host and port.
    pub fn new(host: &str, port: u16, config: Arc<ClientConfig>) -> Self {
        Self {
            config,
            handshakes: 0,
            host: host.to_owned(),
            next: 0,
            nodes: vec![Node::at(host, port)],
        }
    }

    /// To the nodes of this host in turn, wherever they are; as before if there are none.
    pub fn over(mut self, nodes: &[(String, u16)]) -> Self {
        if !nodes.is_empty() {
            let nodes = nodes.iter();
            self.nodes = nodes.map(|(host, port)| Node::at(host, *port)).collect();
        }
        self
    }

    /// How often it connected.
    pub fn handshakes(&self) -> u64 {
        self.handshakes
    }

    async fn connection(&mut self, node: usize) -> Result<SendRequest<Full<Bytes>>, Failure> {
        if let Some(mut sender) = self.nodes[node].sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        self.handshakes += 1;
        self.connect(node)
            .await
            .map_err(|error| Failure::connection(&error))
    }

    async fn connect(
        &self,
        node: usize,
    ) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let (host, port) = &self.nodes[node].address;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone())?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // How it ended is told to whoever sends the next request.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

impl Transport for TlsTransport {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let node = self.next % self.nodes.len();
        self.next += 1;
        let mut sender = self.connection(node).await?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| Failure::connection(&error))?;
        let reply = read(response).await?;
        self.nodes[node].sender = Some(sender);
        Ok(reply)
    }

    fn reset(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.sender = None);
    }
}

async fn read<B>(response: Response<B>) -> Result<Reply, Failure>
where
    B: hyper::body::Body,
    B::Error: std::fmt::Display,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await;
    let body = body.map_err(|error| Failure::connection(&error))?;
    Ok(Reply {
        body: body.to_bytes(),
        headers: parts.headers,
        status: parts.status,
    })
}

/// A client that trusts the roots in this PEM file, and does every handshake in full.
///
/// # Errors
/// When the file does not read.
pub fn trusting(ca_file: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(ca_file).map_err(|error| unreadable(&error))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(&error))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Unexpected(format!("the roots of trust cannot be used: {error}"))
}

/// A router in the same process.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a router and nothing else")]
pub struct InProcess(pub Router);

impl Transport for InProcess {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let response = self.0.call(request.map(Body::new)).await;
        match response {
            Ok(response) => read(response).await,
            Err(never) => match never {},
        }
    }

    fn reset(&mut self) {}
}
