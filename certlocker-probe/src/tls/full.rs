//! A handshake to its end with rustls, so that the server has to prove that it has the key.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certlocker_core::{Der, DnsName};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use super::hello::Offer;
use super::message::LONGEST_FLIGHT;
use crate::{Captured, ClientCertificate, Failure, Phase, Possession, TlsVersion, excerpt};

/// Whom the server may be shown: a certificate of the client, with its key.
pub(crate) type Identity = Arc<dyn ResolvesClientCert>;

/// A handshake to its end: octets in, octets out.
pub(crate) struct Full {
    connection: ClientConnection,
    received: usize,
    seen: Arc<Seen>,
}

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Full {
    pub(crate) fn new(offer: &Offer, identity: Option<Identity>) -> Result<Self, Failure> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let seen = Arc::new(Seen::default());
        let verifier = Capture {
            algorithms: provider.signature_verification_algorithms,
            schemes: schemes(offer, &provider),
            seen: Arc::clone(&seen),
        };
        let versions: &[_] = match offer.newest < TlsVersion::TLS_1_3 {
            true => &[&rustls::version::TLS12],
            false => rustls::ALL_VERSIONS,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(tls)?;
        let asked = Asked {
            identity,
            seen: Arc::clone(&seen),
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = builder.with_client_cert_resolver(Arc::new(asked));
        config.resumption = Resumption::disabled();
        config.enable_sni = offer.server_name.is_some();
        let connection =
            ClientConnection::new(Arc::new(config), server_name(offer.server_name.as_ref()))
                .map_err(tls)?;
        Ok(Self {
            connection,
            received: 0,
            seen,
        })
    }

    /// What is to be sent now.
    pub(crate) fn transmit(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut octets).is_err() {
                break;
            }
        }
        octets
    }

    pub(crate) fn receive(&mut self, mut octets: &[u8]) -> Result<(), Failure> {
        self.received += octets.len();
        if LONGEST_FLIGHT < self.received {
            return Err(Failure::Excess {
                limit: LONGEST_FLIGHT,
                phase: Phase::Handshake,
            });
        }
        while !octets.is_empty() {
            self.connection
                .read_tls(&mut octets)
                .map_err(|error| Failure::Tls(error.to_string()))?;
            let state = self.connection.process_new_packets().map_err(tls)?;
            // What a server says once it trusts is of no interest, and must not fill the buffer.
            let mut unread = vec![0; state.plaintext_bytes_to_read()];
            let _ = std::io::Read::read(&mut self.connection.reader(), &mut unread);
        }
        Ok(())
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether what the server thinks of a client without a certificate is still to come.
    pub(crate) fn awaits_judgement(&self) -> bool {
        self.seen.lock().asked
            && self.connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
    }

    /// Says good-bye, in the language of the protocol and in that of TLS.
    pub(crate) fn take_leave(&mut self, words: &[u8]) {
        let _ = std::io::Write::write_all(&mut self.connection.writer(), words);
        self.connection.send_close_notify();
    }

    /// What was seen, even if the handshake failed later.
    pub(crate) fn captured(&self) -> Option<Captured> {
        let seen = self.seen.lock();
        let chain = seen.chain.clone()?;
        let client_certificate = match (seen.asked, seen.demanded) {
            (_, true) => ClientCertificate::Demanded,
            (true, _) => ClientCertificate::Asked,
            _ => ClientCertificate::NotAsked,
        };
        Some(Captured {
            chain,
            cipher_suite: self
                .connection
                .negotiated_cipher_suite()
                .map_or(0, |suite| suite.suite().into()),
            client_certificate,
            possession: seen.possession.clone().unwrap_or(Possession::NotAsked),
            staple: seen.staple.clone(),
            timestamps: None,
            version: TlsVersion(self.connection.protocol_version().map_or(0, u16::from)),
        })
    }

    /// Whether the server asked for a certificate.
    pub(crate) fn was_asked(&self) -> bool {
        self.seen.lock().asked
    }

    /// The server ended the connection after it had asked for a certificate.
    pub(crate) fn was_turned_away(&self) {
        self.seen.lock().demanded = true;
    }
}

/// A name that is never sent and never verified stands in where there is none.
fn server_name(name: Option<&DnsName>) -> ServerName<'static> {
    let name = name.map_or("name.invalid", DnsName::as_str);
    ServerName::try_from(name.to_owned())
        .unwrap_or_else(|_| ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into()))
}

fn schemes(offer: &Offer, provider: &CryptoProvider) -> Vec<SignatureScheme> {
    let wanted = offer.schemes();
    let supported = provider
        .signature_verification_algorithms
        .supported_schemes();
    supported
        .into_iter()
        .filter(|scheme| wanted.contains(&u16::from(*scheme)))
        .collect()
}

#[allow(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn tls(error: Error) -> Failure {
    match error {
        Error::AlertReceived(alert) => Failure::Alert {
            description: alert.into(),
        },
        Error::InvalidMessage(_) => Failure::Malformed {
            expected: "a message of TLS",
            seen: excerpt::text(&error.to_string()),
        },
        other => Failure::Tls(excerpt::text(&other.to_string())),
    }
}

/// What the callbacks of one handshake found out.
#[derive(Debug, Default)]
struct Seen(Mutex<Findings>);

#[derive(Debug, Default)]
struct Findings {
    asked: bool,
    chain: Option<Vec<Der>>,
    demanded: bool,
    possession: Option<Possession>,
    staple: Option<Vec<u8>>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Findings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes certificates down, believes none, and checks only that the server has the key.
#[derive(Debug)]
struct Capture {
    algorithms: WebPkiSupportedAlgorithms,
    schemes: Vec<SignatureScheme>,
    seen: Arc<Seen>,
}

impl Capture {
    fn proven(
        &self,
        checked: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.seen.lock().possession = Some(match &checked {
            Ok(_) => Possession::Proven,
            Err(error) => Possession::NotProven {
                why: excerpt::text(&error.to_string()),
            },
        });
        checked
    }
}

impl ServerCertVerifier for Capture {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        staple: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = self.seen.lock();
        seen.chain = Some(
            std::iter::once(leaf)
                .chain(intermediates)
                .map(|der| Der(der.to_vec()))
                .collect(),
        );
        seen.staple = (!staple.is_empty()).then(|| staple.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proven(verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.algorithms,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proven(verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.algorithms,
        ))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Notices that the server asks for a certificate, and shows the one there is.
#[derive(Debug)]
struct Asked {
    identity: Option<Identity>,
    seen: Arc<Seen>,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.seen.lock().asked = true;
        self.identity.as_ref()?.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        true
    }
}
