//! Records as OpenTelemetry logs, in the JSON form of
//! [OTLP/HTTP](https://opentelemetry.io/docs/specs/otlp/#otlphttp).

use std::sync::Arc;

use async_trait::async_trait;
use certlocker_core::Record;
use serde_json::{Value, json};

use super::webhook::taken;
use super::{AuditSink, SinkError};
use crate::http::{Post, Request, origin};

/// [Severity numbers](https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber).
const INFO: u8 = 9;
const WARN: u8 = 13;

/// A collector that takes logs.
pub struct OtlpSink {
    http: Arc<dyn Post>,
    url: String,
}

impl OtlpSink {
    /// The collector whose logs are posted to `url`, as a rule one that ends with `/v1/logs`.
    pub fn new(url: impl Into<String>, http: Arc<dyn Post>) -> Self {
        Self {
            http,
            url: url.into(),
        }
    }
}

impl std::fmt::Debug for OtlpSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpSink")
            .field("url", &origin(&self.url))
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl AuditSink for OtlpSink {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        if records.is_empty() {
            return Ok(());
        }
        let request = Request {
            url: self.url.clone(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: request(records).to_string().into_bytes(),
        };
        let answer = taken(self.http.as_ref(), request).await?;
        match rejected(&answer) {
            0 => Ok(()),
            count => Err(SinkError::new(format!(
                "{} rejected {count} of {} records",
                origin(&self.url),
                records.len()
            ))),
        }
    }
}

/// How many records a collector did not take although it answered with success
/// ([partial success](https://opentelemetry.io/docs/specs/otlp/#partial-success-1)).
fn rejected(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let count = &answer["partialSuccess"]["rejectedLogRecords"];
    let text = count.as_str().and_then(|text| text.parse().ok());
    text.or_else(|| count.as_u64()).unwrap_or(0)
}

fn request(records: &[Record]) -> Value {
    let records: Vec<Value> = records.iter().map(log_record).collect();
    json!({ "resourceLogs": [{
        "resource": { "attributes": [attribute("service.name", "certlocker")] },
        "scopeLogs": [{ "scope": { "name": "certlocker.audit" }, "logRecords": records }],
    }] })
}

fn log_record(record: &Record) -> Value {
    let failed = record.event.is_failure();
    let nanoseconds = (record.time.as_micros() * 1_000).to_string();
    let canonical = String::from_utf8_lossy(&record.to_canonical()).into_owned();
    let subjects = record.event.subjects();
    let subjects = subjects.iter().map(|subject| {
        let text = subject.to_string();
        let (kind, id) = text.split_once(':').unwrap_or((&text, ""));
        attribute(&format!("certlocker.{kind}.id"), id)
    });
    let attributes = [
        attribute("certlocker.actor", &record.actor.to_string()),
        attribute("certlocker.code", record.event.code()),
        attribute("certlocker.sequence", &record.sequence.to_string()),
        attribute("certlocker.trigger", &record.cause.trigger.to_string()),
    ];
    let mut log = json!({
        "attributes": attributes.into_iter().chain(subjects).collect::<Vec<_>>(),
        "body": { "stringValue": canonical },
        "eventName": record.event.name(),
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": if failed { WARN } else { INFO },
        "severityText": if failed { "WARN" } else { "INFO" },
        "timeUnixNano": nanoseconds,
    });
    if let Some(traceparent) = &record.traceparent {
        let text = String::from(traceparent.clone());
        let parts: Vec<&str> = text.split('-').collect();
        if let [_version, trace, span, flags] = parts[..] {
            log["traceId"] = trace.into();
            log["spanId"] = span.into();
            log["flags"] = u8::from_str_radix(flags, 16).unwrap_or(0).into();
        }
    }
    log
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}
