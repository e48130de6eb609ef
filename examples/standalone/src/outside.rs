//! Other machines, called over HTTP: receivers of records, collectors, witnesses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use certlocker_audit::http::{Answer, Post, Request};
use certlocker_audit::sink::{InvalidAnchor, Trust};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is read.
const LARGEST_ANSWER: usize = 64 << 10;

/// Calls other machines, each of which has to show a certificate of an authority that is known.
#[derive(Clone, Debug)]
pub struct Outside {
    anchors: Vec<CertificateDer<'static>>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why other machines cannot be called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutsideError {
    /// A certificate of an authority.
    #[error(transparent)]
    Anchor(#[from] InvalidAnchor),
    /// The file with the authorities.
    #[error("{} has no certificates of authorities that read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Outside {
    /// Trusts the authorities of a file in PEM, or those of the system.
    ///
    /// # Errors
    /// [`OutsideError`].
    pub fn trusting(ca_file: Option<&Path>) -> Result<Self, OutsideError> {
        let anchors = match ca_file {
            Some(path) => read(path).map_err(|source| OutsideError::File {
                path: path.to_owned(),
                source,
            })?,
            // What does not read there is not ours to complain of.
            None => rustls_native_certs::load_native_certs().certs,
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(anchors.iter().cloned());
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .build();
        Ok(Self {
            anchors,
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// The same authorities for what is not HTTP.
    ///
    /// # Errors
    /// [`OutsideError::Anchor`].
    pub fn trust(&self) -> Result<Trust, OutsideError> {
        Ok(Trust::anchors(self.anchors.iter().map(AsRef::as_ref))?)
    }

    /// Sends a request over TLS; redirects are not followed, and not more than `largest` bytes of the
    /// answer's body are read.
    ///
    /// # Errors
    /// What went wrong, without the URL.
    #[cfg(feature = "oidc")]
    pub(crate) async fn call(
        &self,
        request: hyper::Request<Vec<u8>>,
        largest: usize,
    ) -> Result<hyper::Response<Vec<u8>>, String> {
        if request.uri().scheme() != Some(&axum::http::uri::Scheme::HTTPS) {
            return Err("it would not be asked over TLS".to_owned());
        }
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let exchange = async {
            let answer = self.client.request(request).await;
            let (head, body) = answer.map_err(|error| with_causes(&error))?.into_parts();
            let body = Limited::new(body, largest).collect().await;
            let body = body.map_err(|error| with_causes(error.as_ref()))?;
            Ok(hyper::Response::from_parts(head, body.to_bytes().to_vec()))
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await;
        answer.unwrap_or_else(|_late| Err(format!("nothing came within {PATIENCE:?}")))
    }

    async fn exchange(&self, request: Request) -> Result<Answer, String> {
        let mut posted = hyper::Request::post(&request.url);
        for (name, value) in request.headers {
            posted = posted.header(name, value);
        }
        let posted = posted.body(Full::new(request.body.into()));
        let posted = posted.map_err(|error| error.to_string())?;
        let answer = self.client.request(posted).await;
        let answer = answer.map_err(|error| with_causes(&error))?;
        let media_type = answer.headers().get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        let (status, media_type) = (
            answer.status().as_u16(),
            media_type.unwrap_or_default().to_owned(),
        );
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect();
        let body = body.await.map_err(|error| with_causes(error.as_ref()))?;
        Ok(Answer {
            status,
            media_type,
            body: body.to_bytes().to_vec(),
        })
    }
}

fn read(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let bytes = fs::read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(io::Error::other)?;
    match certificates.is_empty() {
        true => Err(io::ErrorKind::InvalidData.into()),
        false => Ok(certificates),
    }
}

/// An error of the client names no URL.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

#[async_trait]
impl Post for Outside {
    async fn post(&self, request: Request) -> Result<Answer, String> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        answer.unwrap_or_else(|_late| Err(format!("nothing came within {PATIENCE:?}")))
    }
}
