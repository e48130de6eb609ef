//! A connection under TLS, to a peer that shows a certificate for its name.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Which authorities may vouch for a syslog server.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// A certificate that nothing can be checked with.
#[derive(Debug, thiserror::Error)]
#[error("a certificate of an authority does not read")]
pub struct InvalidAnchor(#[source] rustls::Error);

impl Trust {
    /// The authorities with these certificates, each in DER.
    ///
    /// # Errors
    /// [`InvalidAnchor`].
    pub fn anchors<'a>(anchors: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, InvalidAnchor> {
        let mut roots = RootCertStore::empty();
        for anchor in anchors {
            let anchor = CertificateDer::from(anchor);
            roots.add(anchor).map_err(InvalidAnchor)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(InvalidAnchor)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// A connection whose peer is who it should be.
#[derive(Debug)]
pub(super) struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Secured {
    pub(super) fn over(mut stream: TcpStream, peer: &str, trust: &Trust) -> io::Result<Self> {
        let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(trust.0.clone(), name);
        let mut connection = connection.map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Self(StreamOwned::new(connection, stream)))
    }

    /// Whether the peer has not closed the connection. What it says is passed over.
    pub(super) fn is_open(&mut self) -> bool {
        let begun = self.0.sock.set_nonblocking(true);
        let mut heard = [0; 256];
        let quiet = loop {
            match self.0.read(&mut heard) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break error.kind() == io::ErrorKind::WouldBlock,
            }
        };
        begun.is_ok() && self.0.sock.set_nonblocking(false).is_ok() && quiet
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
