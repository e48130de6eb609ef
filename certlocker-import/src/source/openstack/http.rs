//! One question, asked until it is answered or patience ends.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use url::Url;

use super::options::Options;
use super::tls;
use crate::credentials::Trust;
use crate::source::SourceError;

/// How much of an answer is read.
const LARGEST_ANSWER: usize = 64 << 20;

/// Calls services of a cloud.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    options: Options,
}

/// What is asked.
pub(super) struct Question {
    pub(super) body: Option<Vec<u8>>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) method: Method,
    pub(super) url: Url,
}

impl Question {
    pub(super) fn get(url: Url) -> Self {
        Self {
            body: None,
            headers: Vec::new(),
            method: Method::GET,
            url,
        }
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, SourceError> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(self.url.as_str())
            .header("Accept", "application/json");
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = self.body.clone().unwrap_or_default();
        // What is wrong with a header is not shown: it may be a token.
        let wrong = |_| SourceError::Refused("the credential is no text of HTTP".to_owned());
        request.body(Full::new(body.into())).map_err(wrong)
    }
}

/// What was answered.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
    pub(super) status: StatusCode,
}

impl Http {
    pub(super) fn new(trust: &Trust, options: Options) -> Result<Self, SourceError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(trust)?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            options,
        })
    }

    /// The answer, unless it is that the cloud is busy or somewhere else.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, SourceError> {
        let mut attempt = 1;
        loop {
            let failed = match self.once(question).await {
                Ok(answer) => match busy(&answer) {
                    None => return elsewhere(&question.url, answer),
                    Some(error) => (error, pause_asked(&answer.headers)),
                },
                Err(error) => (error, None),
            };
            let (error, asked) = failed;
            let is_lasting = matches!(error, SourceError::Refused(_) | SourceError::Incomplete(_));
            if is_lasting || attempt >= self.options.attempts {
                return Err(error);
            }
            let doubled = self
                .options
                .pause
                .saturating_mul(1 << (attempt - 1).min(16));
            let pause = asked.unwrap_or(doubled).min(self.options.pause_limit);
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn once(&self, question: &Question) -> Result<Answer, SourceError> {
        let place = place(&question.url);
        let exchange = self.exchange(question.request()?, &place);
        let late = |_| {
            let patience = self.options.attempt_timeout;
            SourceError::Unreachable(format!("{place}: nothing came within {patience:?}"))
        };
        let answer = tokio::time::timeout(self.options.attempt_timeout, exchange).await;
        answer.map_err(late)?
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        place: &str,
    ) -> Result<Answer, SourceError> {
        let unreachable = |error: &(dyn std::error::Error + 'static)| {
            SourceError::Unreachable(format!("{place}: {}", with_causes(error)))
        };
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| unreachable(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| unreachable(error.as_ref()))?;
        let json = serde_json::from_slice(&body.to_bytes());
        if json.is_err() && head.status == StatusCode::OK {
            let text = format!("{place} answers with something else than JSON");
            return Err(SourceError::Incomplete(text));
        }
        Ok(Answer {
            headers: head.headers,
            json: json.unwrap_or_default(),
            status: head.status,
        })
    }
}

/// The machine of a URL, which is all of it that is ever shown.
pub(super) fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn busy(answer: &Answer) -> Option<SourceError> {
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(SourceError::Throttled),
        // Older releases of Nova say 413 with a time, where others say 429.
        StatusCode::PAYLOAD_TOO_LARGE if answer.headers.contains_key(RETRY_AFTER) => {
            Some(SourceError::Throttled)
        }
        status if status.is_server_error() => {
            Some(SourceError::Unreachable(format!("it says {status}")))
        }
        _ => None,
    }
}

fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// A redirect is not followed: a password or token would go wherever it points.
fn elsewhere(asked: &Url, answer: Answer) -> Result<Answer, SourceError> {
    let location = answer.headers.get(LOCATION).filter(|_| {
        answer.status.is_redirection() && answer.status != StatusCode::MULTIPLE_CHOICES
    });
    let Some(location) = location else {
        return Ok(answer);
    };
    let to = location.to_str().ok().and_then(|to| asked.join(to).ok());
    let to = to.map_or_else(|| "somewhere".to_owned(), |to| place(&to));
    Err(SourceError::Misdirected(format!(
        "{} sends on to {to}, and is not followed there with credentials: give the URL of that",
        place(asked)
    )))
}

/// An error of the client names no URL.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    let text = texts.join(": ");
    match text.contains("UnknownIssuer") {
        true => format!(
            "{text}: its certificate is under no authority that is trusted here; give that as cacert"
        ),
        false => text,
    }
}
