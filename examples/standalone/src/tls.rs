//! The server's side of TLS, with a certificate that can be changed while it runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio_rustls::TlsAcceptor;

/// A certificate chain, leaf first and without the root, and the leaf's private key.
#[allow(
    clippy::exhaustive_structs,
    reason = "chain and key are all there is to it"
)]
pub struct Identity {
    /// The chain as it is sent.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("chain", &self.chain.len())
            .finish_non_exhaustive()
    }
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate in the chain.
    #[error("expected a certificate and its intermediates, got an empty chain")]
    NoCertificate,
    /// The key is of a kind that cannot sign, or not that of the certificate.
    #[error("the certificate and its private key cannot be used for TLS")]
    Unusable(#[source] rustls::Error),
}

/// Accepts TLS connections with the identity that was given last. Clones share it.
#[derive(Clone)]
pub struct Tls {
    identity: Arc<Current>,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsError`] when the identity cannot be used.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        let identity = Arc::new(Current(RwLock::new(certified(identity)?)));
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(TlsError::Unusable)?;
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(identity.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Unusable)?;
        Ok(Self {
            identity,
            config: Arc::new(config),
        })
    }

    /// Shows this identity to every connection from now on; those that are open keep theirs.
    ///
    /// # Errors
    /// [`TlsError`] when the identity cannot be used; the one before stays.
    pub fn replace(&self, identity: Identity) -> Result<(), TlsError> {
        let identity = certified(identity)?;
        *self
            .identity
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(())
    }

    /// Does the handshakes.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

fn certified(identity: Identity) -> Result<Arc<CertifiedKey>, TlsError> {
    if identity.chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let provider = aws_lc_rs::default_provider();
    let key = CertifiedKey::from_der(identity.chain, identity.key, &provider);
    key.map(Arc::new).map_err(TlsError::Unusable)
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.0
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, handshake};

    #[tokio::test]
    async fn both_versions_and_both_protocols_are_spoken() {
        let authority = Authority::new();
        let tls = Tls::new(authority.identity()).unwrap();
        let versions = [&version::TLS13, &version::TLS12];
        for version in versions {
            for protocol in ["h2", "http/1.1"] {
                let session = handshake(&tls, authority.client(&[version], protocol))
                    .await
                    .unwrap();
                assert_eq!(session.protocol_version(), Some(version.version));
                assert_eq!(session.alpn_protocol(), Some(protocol.as_bytes()));
            }
        }
    }

    #[tokio::test]
    async fn another_application_protocol_is_refused() {
        let authority = Authority::new();
        let tls = Tls::new(authority.identity()).unwrap();
        let client = authority.client(&[&version::TLS13], "acme-tls/1");
        assert!(handshake(&tls, client).await.is_err());
    }

    #[tokio::test]
    async fn the_next_connection_sees_the_new_certificate() {
        let authority = Authority::new();
        let [old, new] = [authority.identity(), authority.identity()];
        let expect = new.chain.clone();
        let tls = Tls::new(old).unwrap();
        tls.replace(new).unwrap();
        let session = handshake(&tls, authority.client(&[&version::TLS13], "h2"))
            .await
            .unwrap();
        assert_eq!(session.peer_certificates(), Some(expect.as_slice()));
    }

    #[tokio::test]
    async fn an_unusable_identity_is_refused_and_the_one_before_stays() {
        let authority = Authority::new();
        let good = authority.identity();
        let expect = good.chain.clone();
        let tls = Tls::new(good).unwrap();
        let mismatch = Identity {
            chain: authority.identity().chain,
            key: authority.identity().key,
        };
        assert!(matches!(tls.replace(mismatch), Err(TlsError::Unusable(_))));
        let empty = Identity {
            chain: vec![],
            key: authority.identity().key,
        };
        assert!(matches!(tls.replace(empty), Err(TlsError::NoCertificate)));
        let session = handshake(&tls, authority.client(&[&version::TLS13], "h2"))
            .await
            .unwrap();
        assert_eq!(session.peer_certificates(), Some(expect.as_slice()));
    }
}
