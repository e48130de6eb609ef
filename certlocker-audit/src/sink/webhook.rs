//! Records posted to a URL, with a MAC by which the receiver knows the sender.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use certlocker_core::{Record, Secret};

use super::{AuditSink, Format, SinkError};

/// Sends a request. Whoever speaks HTTP implements this.
#[async_trait]
pub trait Send: std::marker::Send + Sync {
    /// Posts a request, and gives the status of the answer.
    ///
    /// # Errors
    /// When there is none, in words.
    async fn send(&self, request: Request) -> Result<u16, String>;
}

/// What is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "as much of HTTP as matters here")]
pub struct Request {
    /// Where to.
    pub url: String,
    /// Names and values, beside those of the protocol.
    pub headers: Vec<(&'static str, String)>,
    /// JSON lines.
    pub body: Vec<u8>,
}

/// A URL that takes records as JSON lines.
///
/// The header `certlocker-signature` is `v1=` and the HMAC-SHA256, in hexadecimal, of the body;
/// `certlocker-sequence` names the first and the last record. Any status of 200 to 299 means that
/// the records are taken.
pub struct WebhookSink {
    format: Format,
    http: Arc<dyn Send>,
    key: Secret,
    url: String,
}

impl WebhookSink {
    /// The receiver at `url`, which knows `key`.
    pub fn new(url: impl Into<String>, key: Secret, http: Arc<dyn Send>, format: Format) -> Self {
        Self {
            format,
            http,
            key,
            url: url.into(),
        }
    }

    fn request(&self, records: &[Record]) -> Request {
        let mut body = Vec::new();
        for record in records {
            body.extend(self.format.line(record));
            body.push(b'\n');
        }
        let place = |record: Option<&Record>| record.map_or(0, |record| record.sequence.get());
        let span = format!("{}-{}", place(records.first()), place(records.last()));
        Request {
            url: self.url.clone(),
            headers: vec![
                ("content-type", "application/x-ndjson".to_owned()),
                ("certlocker-sequence", span),
                ("certlocker-signature", signature(&self.key, &body)),
            ],
            body,
        }
    }
}

/// The value of the header `certlocker-signature` for a body.
pub fn signature(key: &Secret, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
    let tag = hmac::sign(&key, body);
    let digits: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v1={digits}")
}

#[async_trait]
impl AuditSink for WebhookSink {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        if records.is_empty() {
            return Ok(());
        }
        let answer = self.http.send(self.request(records)).await;
        match answer {
            Ok(200..=299) => Ok(()),
            Ok(status) => {
                let what = format!(
                    "{} answered with status {status}, and 200 to 299 was expected",
                    self.url
                );
                Err(SinkError::new(what))
            }
            Err(why) => Err(SinkError::new(format!(
                "{} gave no answer: {why}",
                self.url
            ))),
        }
    }
}

impl std::fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSink")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
