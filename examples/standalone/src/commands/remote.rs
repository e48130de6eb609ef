//! A running server, over its operator plane.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use certlocker_core::Identifier;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::assemble::PREFIX;
use crate::config::{BaseUrl, Settings};
use crate::home::Home;

/// Why a running server did not answer as hoped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It does not speak as expected.
    #[error("{0} answered something that is not understood: {1}")]
    Answer(String, String),
    /// It cannot be reached.
    #[error("{0} cannot be reached")]
    Connect(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It said no.
    #[error("{detail} (status {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its sentence.
        detail: String,
    },
    /// The token or the CA cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
}

/// A running server, with the token that it asks for.
#[derive(Clone)]
pub struct Remote {
    base: BaseUrl,
    tls: TlsConnector,
    token: String,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

impl Remote {
    /// The server at `base`, with the token and the root from where the settings or the data
    /// directory have them.
    ///
    /// # Errors
    /// [`RemoteError::Unreadable`].
    pub fn new(base: &BaseUrl, settings: &Settings) -> Result<Self, RemoteError> {
        let home = Home::at(&settings.data_dir).ok();
        let token_file = settings
            .token_file
            .clone()
            .or_else(|| home.as_ref().map(Home::admin_token_file));
        let token_file = token_file.ok_or_else(|| {
            RemoteError::Unreadable(
                "the token".to_owned(),
                "name its file with --token-file".to_owned(),
            )
        })?;
        let token = fs::read_to_string(&token_file).map_err(|error| {
            RemoteError::Unreadable(token_file.display().to_string(), error.to_string())
        })?;
        let mut roots = rustls::RootCertStore::empty();
        if let Some(ca) = home.map(|home| home.ca_file()).filter(|ca| ca.exists()) {
            let unreadable =
                |error: String| RemoteError::Unreadable(ca.display().to_string(), error);
            let root = CertificateDer::from_pem_file(&ca)
                .map_err(|error| unreadable(error.to_string()))?;
            roots
                .add(root)
                .map_err(|error| unreadable(error.to_string()))?;
        }
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            base: base.clone(),
            tls: TlsConnector::from(Arc::new(tls)),
            token: token.trim().to_owned(),
        })
    }

    /// Reads a resource of the API.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RemoteError> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// Reads a file beside the API.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn file(&self, path: &str) -> Result<Vec<u8>, RemoteError> {
        let path = path.to_owned();
        let answer = self.accepted(Method::GET, path, Bytes::new()).await?;
        Ok(answer.to_vec())
    }

    /// Posts to a resource of the API.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, RemoteError> {
        let body = serde_json::to_vec(body).map_err(|error| self.unexpected(&error))?;
        self.call(Method::POST, path, body.into()).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, RemoteError> {
        let answer = self
            .accepted(method, format!("{PREFIX}{path}"), body)
            .await?;
        serde_json::from_slice(&answer).map_err(|error| self.unexpected(&error))
    }

    /// The body of an answer that is not a refusal.
    async fn accepted(
        &self,
        method: Method,
        path: String,
        body: Bytes,
    ) -> Result<Bytes, RemoteError> {
        let (status, answer) = tokio::time::timeout(PATIENCE, self.exchange(method, path, body))
            .await
            .map_err(|late| self.unreachable(late))??;
        if !(200..300).contains(&status) {
            let problem: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
            let detail = problem
                .get("detail")
                .and_then(|detail| detail.as_str())
                .unwrap_or("the server refused");
            return Err(RemoteError::Refused {
                status,
                detail: detail.to_owned(),
            });
        }
        Ok(answer)
    }

    async fn exchange(
        &self,
        method: Method,
        path: String,
        body: Bytes,
    ) -> Result<(u16, Bytes), RemoteError> {
        let authority = self.base.authority();
        let stream = TcpStream::connect(&authority)
            .await
            .map_err(|error| self.unreachable(error))?;
        let stream = self
            .tls
            .connect(self.server_name()?, stream)
            .await
            .map_err(|error| self.unreachable(error))?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.unreachable(error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &authority)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| self.unreachable(error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status().as_u16();
        let answer = Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await;
        Ok((
            status,
            answer
                .map_err(|error| RemoteError::Connect(self.base.to_string(), error))?
                .to_bytes(),
        ))
    }

    fn server_name(&self) -> Result<ServerName<'static>, RemoteError> {
        match self.base.host() {
            Identifier::Ip(address) => Ok(ServerName::from(*address)),
            Identifier::Dns(name) => ServerName::try_from(name.as_str().to_owned())
                .map_err(|error| self.unreachable(error)),
        }
    }

    fn unreachable(&self, error: impl std::error::Error + Send + Sync + 'static) -> RemoteError {
        RemoteError::Connect(self.base.to_string(), Box::new(error))
    }

    fn unexpected(&self, error: &serde_json::Error) -> RemoteError {
        RemoteError::Answer(self.base.to_string(), error.to_string())
    }
}
