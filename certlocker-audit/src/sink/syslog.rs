//! Records as syslog messages ([RFC 5424](https://www.rfc-editor.org/rfc/rfc5424)), over UDP
//! ([RFC 5426](https://www.rfc-editor.org/rfc/rfc5426)) or TCP
//! ([RFC 6587](https://www.rfc-editor.org/rfc/rfc6587)).

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use certlocker_core::Record;
use sha2::{Digest, Sha256};

use super::{AuditSink, Format, SinkError};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// One connection, each message behind its length.
    Tcp,
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

#[derive(Debug)]
enum Link {
    Tcp(TcpStream),
    Udp(UdpSocket, usize),
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

    fn connect(&self) -> io::Result<Link> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let address = self.peer.to_socket_addrs()?.next().ok_or_else(none)?;
        match self.transport {
            Transport::Tcp => {
                let stream = TcpStream::connect_timeout(&address, self.patience)?;
                stream.set_write_timeout(Some(self.patience))?;
                Ok(Link::Tcp(stream))
            }
            Transport::Udp { largest } => {
                let any = if address.is_ipv4() {
                    "0.0.0.0:0"
                } else {
                    "[::]:0"
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Link::Udp(socket, largest))
            }
        }
    }

    fn send(&self, records: &[Record]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection that failed is not used again.
        let mut link = match open.take() {
            Some(link) if link.is_open() => link,
            _ => self.connect()?,
        };
        for record in records {
            let message = self.message(record, &self.format.line(record));
            match &mut link {
                Link::Tcp(stream) => {
                    let frame = [format!("{} ", message.len()).as_bytes(), &message].concat();
                    stream.write_all(&frame)?;
                }
                Link::Udp(socket, largest) if message.len() > *largest => {
                    socket.send(&self.message(record, &digest(record)))?;
                }
                Link::Udp(socket, _) => drop(socket.send(&message)?),
            }
        }
        if let Link::Tcp(stream) = &mut link {
            stream.flush()?;
        }
        *open = Some(link);
        Ok(())
    }
}

impl Link {
    /// Whether the peer has not closed the connection: what is written to a closed one is lost
    /// without an error.
    fn is_open(&self) -> bool {
        let Self::Tcp(stream) = self else { return true };
        let quiet = stream.set_nonblocking(true).is_ok()
            && matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).is_ok() && quiet
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
