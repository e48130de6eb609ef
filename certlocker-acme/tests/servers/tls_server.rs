//! A TLS server that shows one certificate and says what it was asked for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::Acceptor;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

use super::Background;
use super::acme_certificate::Certified;

/// What a client hello asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) name: Option<String>,
    pub(crate) protocols: Vec<String>,
}

/// Takes handshakes and closes after each.
#[derive(Debug)]
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    hellos: Arc<Mutex<Vec<Hello>>>,
    _running: Background,
}

impl TlsServer {
    pub(crate) async fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hellos = Arc::default();
        let running = accept(listener, Arc::new(config), Arc::clone(&hellos));
        Self {
            address,
            hellos,
            _running: Background::spawn(running),
        }
    }

    pub(crate) fn hellos(&self) -> Vec<Hello> {
        self.hellos.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, config: Arc<ServerConfig>, hellos: Arc<Mutex<Vec<Hello>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A client that refuses the handshake is what many tests are about.
        let _ = shake_hands(stream, Arc::clone(&config), &hellos).await;
    }
}

async fn shake_hands(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    hellos: &Mutex<Vec<Hello>>,
) -> std::io::Result<()> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    hellos.lock().unwrap().push(hello(&start.client_hello()));
    start.into_stream(config).await?;
    Ok(())
}

fn hello(hello: &rustls::server::ClientHello<'_>) -> Hello {
    let protocols = hello.alpn().into_iter().flatten();
    Hello {
        name: hello.server_name().map(ToOwned::to_owned),
        protocols: protocols
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
    }
}

/// A server configuration that shows `certified` and chooses from `protocols`; none chooses none.
pub(crate) fn showing(certified: &Certified, protocols: &[&str]) -> ServerConfig {
    showing_over(rustls::DEFAULT_VERSIONS, certified, protocols)
}

/// The same, over some versions of TLS only.
pub(crate) fn showing_over(
    versions: &[&'static SupportedProtocolVersion],
    certified: &Certified,
    protocols: &[&str],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.key.clone()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = vec![certified.certificate.clone().into()];
    // `with_single_cert` refuses the critical extension of tls-alpn-01 as unknown.
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    config
}
