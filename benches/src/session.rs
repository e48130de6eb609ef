//! Signed requests of one account, one after the other, with nonces from the answers before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, USER_AGENT};
use hyper::{Method, Request};
use serde::Deserialize;

use crate::{AccountKey, Failure, Meter, Reply, Step, Transport};

/// The directory of a server, and where it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Directory {
    /// Where accounts are registered.
    pub new_account: String,
    /// Where nonces come from.
    pub new_nonce: String,
    /// Where orders are placed.
    pub new_order: String,
}

impl Directory {
    /// Reads the directory at a URL.
    ///
    /// # Errors
    /// When the server does not answer with one.
    pub async fn read(transport: &mut impl Transport, url: &str) -> Result<Self, Failure> {
        let request = request(&Method::GET, url, Bytes::new())?;
        let reply = transport.send(request).await?;
        json(&reply.body)
    }
}

/// One account's requests over one transport.
#[derive(Debug)]
pub struct Session<T> {
    account: Option<String>,
    directory: Arc<Directory>,
    key: Arc<AccountKey>,
    /// What was measured.
    pub meter: Meter,
    nonce: Option<String>,
    /// What carries the requests.
    pub transport: T,
}

/// Longer than any answer that is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(30);
const AGENT: &str = concat!("certlocker-load/", env!("CARGO_PKG_VERSION"));

#[derive(Deserialize)]
struct ProblemDocument {
    #[serde(default)]
    detail: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl<T: Transport> Session<T> {
    /// Requests with this key, of the account at `account` if there is one.
    pub fn new(
        transport: T,
        directory: Arc<Directory>,
        key: Arc<AccountKey>,
        account: Option<String>,
    ) -> Self {
        Self {
            account,
            directory,
            key,
            meter: Meter::default(),
            nonce: None,
            transport,
        }
    }

    /// The key.
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The URL of the account.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Goes on as another account.
    pub fn become_account(&mut self, key: Arc<AccountKey>) {
        (self.key, self.account) = (key, None);
    }

    /// Registers the account, or finds it if the key has one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn register(&mut self) -> Result<&str, Failure> {
        let url = self.directory.new_account.clone();
        let payload = r#"{"termsOfServiceAgreed":true}"#;
        let reply = self.post(Step::NewAccount, &url, payload).await?;
        Ok(self.account.insert(location(&reply)?))
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn read(&mut self, step: Step, url: &str) -> Result<Reply, Failure> {
        self.post(step, url, "").await
    }

    /// Sends a signed request.
    ///
    /// # Errors
    /// [`Failure`]; a refusal is one.
    pub async fn post(&mut self, step: Step, url: &str, payload: &str) -> Result<Reply, Failure> {
        let nonce = match self.nonce.take() {
            Some(nonce) => nonce,
            None => self.fresh_nonce().await?,
        };
        let account = self.account.as_deref();
        let body = self.key.sign(url, &nonce, account, payload)?;
        let request = request(&Method::POST, url, body.into())?;
        let reply = self.send(step, request).await?;
        if reply.status.is_success() {
            return Ok(reply);
        }
        Err(refusal(&reply))
    }

    async fn fresh_nonce(&mut self) -> Result<String, Failure> {
        let request = request(&Method::HEAD, &self.directory.new_nonce, Bytes::new())?;
        self.send(Step::NewNonce, request).await?;
        let none = || Failure::Unexpected("new-nonce gave none".to_owned());
        self.nonce.take().ok_or_else(none)
    }

    async fn send(&mut self, step: Step, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let begun = Instant::now();
        let sent = tokio::time::timeout(PATIENCE, self.transport.send(request)).await;
        let reply = sent.map_err(|_| Failure::Timeout).flatten();
        let reply = reply.inspect_err(|_| self.transport.reset())?;
        self.meter.note(step, begun.elapsed());
        self.nonce = header(&reply.headers, "replay-nonce");
        Ok(reply)
    }
}

fn request(method: &Method, url: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut request = Request::builder()
        .method(method)
        .uri(if path.is_empty() { "/" } else { path })
        .header(HOST, authority)
        .header(USER_AGENT, AGENT);
    if *method == Method::POST {
        request = request.header(CONTENT_TYPE, "application/jose+json");
    }
    let malformed = |error| Failure::Unexpected(format!("{url} cannot be asked for: {error}"));
    request.body(Full::new(body)).map_err(malformed)
}

fn refusal(reply: &Reply) -> Failure {
    let Ok(problem) = json::<ProblemDocument>(&reply.body) else {
        return Failure::Unexpected(format!("{} without a problem document", reply.status));
    };
    let kind = problem.kind.rsplit(':').next().unwrap_or_default();
    Failure::Problem {
        detail: problem.detail,
        kind: kind.to_owned(),
        status: reply.status.as_u16(),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// The URL of what a request made.
pub(crate) fn location(reply: &Reply) -> Result<String, Failure> {
    let none = || Failure::Unexpected("an answer has no Location".to_owned());
    header(&reply.headers, "location").ok_or_else(none)
}

/// The body as what it should be.
pub(crate) fn json<'a, D: Deserialize<'a>>(body: &'a [u8]) -> Result<D, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        Failure::Unexpected(format!("an answer does not read: {error}: {shown}"))
    })
}
