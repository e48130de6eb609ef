//! What a deployment chooses about validation.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

/// How to look: where names are resolved, which ports count, how long and how much.
///
/// The default is what a public authority does; change the fields that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Ranges that may be dialled although they are reserved.
    pub allow: Vec<IpNet>,
    /// How much of a body is read before it is given up as wrong, in bytes.
    pub body_limit: usize,
    /// The port that counts as 80, for the first request and in redirects.
    pub http_port: u16,
    /// How many attempts run at once; the others wait within their own time.
    pub max_attempts: usize,
    /// How many attempts run at once for one identifier.
    pub max_attempts_per_identifier: usize,
    /// How many redirects are followed.
    pub max_redirects: usize,
    /// The name server for every look-up; `None` takes those of `/etc/resolv.conf`.
    pub resolver: Option<SocketAddr>,
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// The port that counts as 443, for tls-alpn-01 and in redirects.
    pub tls_port: u16,
    /// How we introduce ourselves to web servers.
    pub user_agent: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            body_limit: 1024,
            http_port: 80,
            max_attempts: 256,
            max_attempts_per_identifier: 8,
            max_redirects: 10,
            resolver: None,
            timeouts: Timeouts::default(),
            tls_port: 443,
            user_agent: concat!("certlocker-acme/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How long the parts of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The whole attempt, with waiting for its turn and every redirect.
    pub attempt: Duration,
    /// A TCP connection to one address.
    pub connect: Duration,
    /// One question to one name server.
    pub dns: Duration,
    /// A TLS handshake, the head of an answer, and each piece of its body.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            connect: Duration::from_secs(2),
            dns: Duration::from_millis(2500),
            read: Duration::from_secs(5),
        }
    }
}

/// A configuration that cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The system does not say where names are resolved.
    #[error("the name servers of the system could not be read from {path}: name one explicitly")]
    Resolver {
        /// The file.
        path: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The user agent does not fit into a header.
    #[error("`{0}` cannot be sent as a User-Agent header: use printable ASCII")]
    UserAgent(String),
}
