//! TLS towards strangers: any certificate will do, but its key has to have signed the handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use certlocker_core::{FailureKind, Outcome};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerMisbehaved,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webpki::RawPublicKeyEntity;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode, Encode};

use super::trail::{Step, no_answer, wrong};

/// A client that offers `protocols`, with nothing remembered between handshakes.
pub(super) fn client(protocols: &[&[u8]]) -> TlsConnector {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyCertificate::new(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

pub(super) async fn handshake(
    connector: &TlsConnector,
    name: ServerName<'static>,
    (stream, address): (TcpStream, SocketAddr),
    limit: Duration,
) -> Step<TlsStream<TcpStream>> {
    match timeout(limit, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(handshake_failure(address, &error)),
        Err(_) => {
            let detail = format!("{address} did not finish the TLS handshake within {limit:?}");
            Err(no_answer(FailureKind::Connection, detail))
        }
    }
}

/// What the server said against the handshake is its answer; a connection that breaks is none, and
/// an internal error of the server may pass as a status of 500 may.
fn handshake_failure(address: SocketAddr, error: &std::io::Error) -> Outcome {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match tls {
        Some(Error::AlertReceived(AlertDescription::InternalError)) => no_answer(
            FailureKind::Tls,
            format!("{address} broke the TLS handshake off with an internal error"),
        ),
        Some(Error::AlertReceived(alert)) => wrong(
            FailureKind::Tls,
            format!("{address} refused the TLS handshake with the alert {alert:?}"),
        ),
        Some(error) => wrong(
            FailureKind::Tls,
            format!("{address} and we did not agree on TLS: {error}"),
        ),
        None => no_answer(
            FailureKind::Connection,
            format!("the connection to {address} broke during the TLS handshake: {error}"),
        ),
    }
}

/// Accepts every certificate: what one proves is judged after the handshake.
///
/// The signature is checked against the bare key, because the usual check refuses certificates with
/// a critical extension that it does not know, which acmeIdentifier is.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyCertificate {
    fn new(provider: &CryptoProvider) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = public_key(certificate)?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| bad_encoding())?;
        let mut candidates = self
            .algorithms
            .mapping
            .iter()
            .filter(|(s, _)| *s == signed.scheme);
        let (_, algorithms) = candidates
            .next()
            .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let valid = algorithms.iter().any(|algorithm| {
            key.verify_signature(*algorithm, message, signed.signature())
                .is_ok()
        });
        if !valid {
            return Err(CertificateError::BadSignature.into());
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = public_key(certificate)?;
        rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn public_key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let parsed = CertificateInner::<Raw>::from_der(certificate).map_err(|_| bad_encoding())?;
    let key = parsed.tbs_certificate().subject_public_key_info().to_der();
    key.map(SubjectPublicKeyInfoDer::from)
        .map_err(|_| bad_encoding())
}

fn bad_encoding() -> Error {
    CertificateError::BadEncoding.into()
}
