//! What validation asks of DNS.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;

/// Looks names up, freshly each time.
///
/// Names come in A-label form without the final dot and are absolute: no search list, no hosts
/// file, no name that is answered from knowledge of our own. Aliases are followed. Each look-up
/// ends within a bounded time.
#[async_trait]
pub trait DnsResolver: fmt::Debug + Send + Sync {
    /// The IPv6 and IPv4 addresses of `name`; a failure of one kind is passed over if the other
    /// was found.
    async fn addresses(&self, name: &str) -> Result<Answer<IpAddr>, LookupError>;

    /// The TXT records at `name`, the strings of each joined ([RFC 8555 section 8.4]).
    ///
    /// [RFC 8555 section 8.4]: https://www.rfc-editor.org/rfc/rfc8555#section-8.4
    async fn txt(&self, name: &str) -> Result<Answer<Vec<u8>>, LookupError>;
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every resolver")]
pub struct Answer<T> {
    /// The names that the asked one led to, in order.
    pub aliases: Vec<String>,
    /// The records, at least one.
    pub records: Vec<T>,
    /// Who answered.
    pub server: Option<SocketAddr>,
}

/// Why a look-up found nothing, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(clippy::exhaustive_structs, reason = "built by every resolver")]
pub struct LookupError {
    /// What was wrong.
    pub fault: LookupFault,
    /// The name server that was asked last.
    pub server: Option<SocketAddr>,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.server {
            Some(server) => write!(f, "{} (name server {server})", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

/// The ways in which a look-up finds nothing. None of them is final: a record that is not there
/// may still be on its way to this name server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupFault {
    /// The name does not exist.
    #[error("the name does not exist (NXDOMAIN)")]
    NoSuchName,
    /// The name exists without a record of the kind.
    #[error("the name has no record of this type")]
    NoData,
    /// The name server answered with an error.
    #[error("the name server answered with an error, {0}")]
    Code(String),
    /// The name server did not answer in time.
    #[error("the name server did not answer in time")]
    Timeout,
    /// The name server could not be asked, or its answer could not be read.
    #[error("the name server could not be asked: {0}")]
    Transport(String),
    /// Aliases lead to aliases.
    #[error("the name leads through too many aliases (CNAME), last to {0}")]
    TooManyAliases(String),
    /// The text is no DNS name.
    #[error("the name cannot be asked for: {0}")]
    NotAName(String),
}
