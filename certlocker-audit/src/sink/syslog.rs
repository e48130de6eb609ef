//! Records as syslog messages ([RFC 5424](https://www.rfc-editor.org/rfc/rfc5424)), over UDP
//! ([RFC 5426](https://www.rfc-editor.org/rfc/rfc5426)), TCP
//! ([RFC 6587](https://www.rfc-editor.org/rfc/rfc6587)) or TLS
//! ([RFC 5425](https://www.rfc-editor.org/rfc/rfc5425)).

mod link;
#[cfg(feature = "tls")]
mod tls;

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use certlocker_core::Record;
use sha2::{Digest, Sha256};

use super::{AuditSink, Format, SinkError};
use link::Link;

#[cfg(feature = "tls")]
pub use tls::{InvalidAnchor, Trust};

/// Facility 13, log audit ([RFC 5424 section 6.2.1](https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1)).
const LOG_AUDIT: u8 = 13;
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;

/// The largest number that `sequenceId` can be, after which it starts again
/// ([RFC 5424 section 7.3.1](https://www.rfc-editor.org/rfc/rfc5424#section-7.3.1)).
const LAST_SEQUENCE_ID: u64 = 2_147_483_647;

/// How long a peer that does not take anything is waited for, unless it is said.
const PATIENCE: Duration = Duration::from_secs(10);

/// How messages get to the peer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Transport {
    /// One connection, each message behind its length.
    Tcp,
    /// The same under TLS, to a server whose certificate names the host.
    #[cfg(feature = "tls")]
    Tls(Trust),
    /// One datagram each. Nobody can tell whether it arrived.
    Udp {
        /// What is longer is replaced by a digest.
        largest: usize,
    },
}

/// A syslog server.
#[derive(Debug)]
pub struct SyslogSink {
    format: Format,
    hostname: String,
    open: Mutex<Option<Link>>,
    patience: Duration,
    peer: String,
    transport: Transport,
}

impl SyslogSink {
    /// The server at `peer`, an address or name with a port; messages say that they are from
    /// `hostname`.
    pub fn new(
        peer: impl Into<String>,
        hostname: &str,
        transport: Transport,
        format: Format,
    ) -> Self {
        Self {
            format,
            hostname: header(hostname, 255),
            open: Mutex::new(None),
            patience: PATIENCE,
            peer: peer.into(),
            transport,
        }
    }

    /// The same, with another span after which a peer that takes nothing has failed.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A record as a message.
    fn message(&self, record: &Record, line: &[u8]) -> Vec<u8> {
        let severity = if record.event.is_failure() {
            WARNING
        } else {
            INFORMATIONAL
        };
        let priority = LOG_AUDIT * 8 + severity;
        let sequence = (record.sequence.get().saturating_sub(1)) % LAST_SEQUENCE_ID + 1;
        let head = format!(
            "<{priority}>1 {} {} certlocker - {} [meta sequenceId=\"{sequence}\"] ",
            record.time,
            self.hostname,
            record.event.code(),
        );
        [head.as_bytes(), line].concat()
    }

    fn send(&self, records: &[Record]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection that failed is not used again.
        let mut kept = open.take();
        drop(kept.take_if(|link| !link.is_open()));
        let mut link = match kept {
            Some(link) => link,
            None => Link::open(&self.peer, &self.transport, self.patience)?,
        };
        for record in records {
            let mut message = self.message(record, &self.format.line(record));
            if message.len() > link.largest() {
                message = self.message(record, &digest(record));
            }
            link.send(&message)?;
        }
        link.flush()?;
        *open = Some(link);
        Ok(())
    }
}

/// What stands for a record that is too long for a datagram.
fn digest(record: &Record) -> Vec<u8> {
    let bytes = record.to_canonical();
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (length, sequence) = (bytes.len(), record.sequence);
    format!(r#"{{"length":{length},"sequence":{sequence},"sha256":"{digest}","truncated":true}}"#)
        .into_bytes()
}

/// A part of the header: printable ASCII without blanks, not too long, `-` if there is none.
fn header(text: &str, longest: usize) -> String {
    let text: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(longest)
        .collect();
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

#[async_trait]
impl AuditSink for SyslogSink {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        let failed =
            |error| SinkError::with(format!("syslog at {} took nothing", self.peer), error);
        self.send(records).map_err(failed)
    }
}
