//! Records posted to a URL, with a MAC by which the receiver knows the sender.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use certlocker_core::{Record, Secret};

use super::{AuditSink, Format, SinkError};
use crate::http::{Post, Request, origin};

/// A URL that takes records as JSON lines.
///
/// The header `certlocker-signature` is `v1=` and the HMAC-SHA256, in hexadecimal, of the body;
/// `certlocker-sequence` names the first and the last record. Any status of 200 to 299 means that
/// the records are taken.
pub struct WebhookSink {
    format: Format,
    http: Arc<dyn Post>,
    key: Secret,
    url: String,
}

impl WebhookSink {
    /// The receiver at `url`, which knows `key`.
    pub fn new(url: impl Into<String>, key: Secret, http: Arc<dyn Post>, format: Format) -> Self {
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
        taken(self.http.as_ref(), self.request(records))
            .await
            .map(drop)
    }
}

/// Posts a request, and gives the body of an answer with a status of 200 to 299.
pub(super) async fn taken(http: &dyn Post, request: Request) -> Result<Vec<u8>, SinkError> {
    let receiver = origin(&request.url);
    match http.post(request).await {
        Ok(answer) if (200..=299).contains(&answer.status) => Ok(answer.body),
        Ok(answer) => {
            let status = answer.status;
            let what =
                format!("{receiver} answered with status {status}, and 200 to 299 was expected");
            Err(SinkError::new(what))
        }
        Err(why) => Err(SinkError::new(format!("{receiver} gave no answer: {why}"))),
    }
}

impl std::fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSink")
            .field("url", &origin(&self.url))
            .finish_non_exhaustive()
    }
}
