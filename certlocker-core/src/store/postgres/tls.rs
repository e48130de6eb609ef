//! TLS to the server, by rustls.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresError;
use super::url::Trust;

pub(super) fn connector(trust: &Trust) -> Result<MakeRustlsConnect, PostgresError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let asked = match trust {
        Trust::Anybody => Asked::Nothing,
        Trust::Chain(root) => Asked::Chain(verifier(root, &provider)?),
        Trust::Name(root) => Asked::Name(verifier(root, &provider)?),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| PostgresError::Tls(Box::new(error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { algorithms, asked }))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    root: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, PostgresError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        PostgresError::Url(format!("sslrootcert {}: {error}", root.display()))
    };
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(root).map_err(|error| unreadable(&error))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        let added = roots.add(certificate);
        added.map_err(|error| unreadable(&error))?;
    }
    let builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().map_err(|error| unreadable(&error))
}

/// Checks as much of a certificate as was asked for; that whoever shows it has its key, always.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    /// Believes whoever answers, as libpq does when it was given no authority.
    Nothing,
    /// All but the name: `verify-ca`.
    Chain(Arc<WebPkiServerVerifier>),
    /// All: `verify-full`.
    Name(Arc<WebPkiServerVerifier>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let check = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp, now)
        };
        match &self.asked {
            Asked::Nothing => Ok(ServerCertVerified::assertion()),
            Asked::Chain(verifier) => match check(verifier) {
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) => Ok(ServerCertVerified::assertion()),
                other => other,
            },
            Asked::Name(verifier) => check(verifier),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
