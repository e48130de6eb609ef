//! Where records go besides the ledger: files, syslog, web hooks.
//!
//! Sinks are fed from the ledger, each by itself, so that one that hangs does not hold up another.
//! Whether one that is behind holds up changes is what its [`Class`] says; see
//! [`gate`](crate::gate).
#![doc = include_str!("../guide/sinks.md")]

pub mod conformance;
mod feed;
mod file;
mod format;
mod ocsf;
mod only;
#[cfg(feature = "otlp")]
mod otlp;
mod syslog;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use certlocker_core::Record;

pub use feed::{Feed, FeedError, Standing, reached};
pub use file::{FileSink, Rotation};
pub use format::Format;
pub use ocsf::{OCSF_VERSION, ocsf};
pub use only::Only;
#[cfg(feature = "otlp")]
pub use otlp::OtlpSink;
#[cfg(feature = "tls")]
pub use syslog::{InvalidAnchor, Trust};
pub use syslog::{SyslogSink, Transport};
pub use webhook::{WebhookSink, signature};

/// Takes records somewhere.
///
/// # Contract
/// - Records come in order. What was answered with an error comes again, and with it what was
///   before it in the same delivery: each record comes at least once, and its sequence tells it
///   from a repetition.
/// - Once `deliver` has returned, all records of the delivery are where they belong, as far as the
///   medium can tell.
/// - A sink that is waiting may be given up at any await; it is asked again later.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Delivers records.
    ///
    /// # Errors
    /// [`SinkError`]; some of them may have been delivered.
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError>;
}

/// Why records were not delivered.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SinkError {
    what: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SinkError {
    /// What was tried, and what came of it.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            source: None,
        }
    }

    /// What was tried, and what the system said.
    pub fn with(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            what: what.into(),
            source: Some(source.into()),
        }
    }
}

/// What it means when a sink does not take records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "whoever runs a sink has to handle both"
)]
pub enum Class {
    /// It is known, and nothing else.
    BestEffort,
    /// Nothing is changed, and who runs it is not ready, once a record waits longer than this.
    Required {
        /// How long a record may wait.
        deadline: Duration,
    },
}
