//! What a server sent, kept before anything is made of it.

use std::fmt;

use certlocker_core::Der;
use serde::{Serialize, Serializer};

/// The certificates of one handshake with what came beside them.
///
/// Nothing in it has been read as X.509: a certificate that no parser understands is captured all the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "filled by every way of looking")]
pub struct Captured {
    /// The certificates in the order in which they were sent, the leaf first.
    pub chain: Vec<Der>,
    /// The cipher suite that the server chose, by its number in the registry of IANA.
    pub cipher_suite: u16,
    /// Whether the server asked for a certificate of the client.
    pub client_certificate: ClientCertificate,
    /// Whether the server proved that it has the key of the leaf.
    pub possession: Possession,
    /// The stapled OCSP response, as sent.
    #[serde(skip)]
    pub staple: Option<Vec<u8>>,
    /// The list of signed certificate timestamps that came in the handshake, as sent.
    #[serde(skip)]
    pub timestamps: Option<Vec<u8>>,
    /// The version that the server chose.
    pub version: TlsVersion,
}

/// Whether a server wants to see a certificate of the client, as far as was looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientCertificate {
    /// It did not ask, up to where the probe stopped.
    NotAsked,
    /// It asked, and goes on without one, or was not given the time to refuse.
    Asked,
    /// It asked, and ended the connection without one.
    Demanded,
}

/// Whether the server proved that it has the key of the leaf that it sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Possession {
    /// It was not waited for.
    NotAsked,
    /// Its signature over the handshake is right.
    Proven,
    /// Its signature is wrong, or cannot be checked.
    NotProven {
        /// Why.
        why: String,
    },
}

/// A version of TLS by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a number and nothing else")]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// SSL 3.0.
    pub const SSL_3_0: Self = Self(0x0300);
    /// TLS 1.0.
    pub const TLS_1_0: Self = Self(0x0301);
    /// TLS 1.1.
    pub const TLS_1_1: Self = Self(0x0302);
    /// TLS 1.2.
    pub const TLS_1_2: Self = Self(0x0303);
    /// TLS 1.3.
    pub const TLS_1_3: Self = Self(0x0304);
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SSL_3_0 => f.write_str("SSL 3.0"),
            Self(number @ 0x0301..=0x0304) => write!(f, "TLS 1.{}", number - 0x0301),
            Self(number) => write!(f, "0x{number:04x}"),
        }
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_their_names() {
        let names =
            [0x0300, 0x0301, 0x0303, 0x0304, 0x7f17].map(|number| TlsVersion(number).to_string());
        assert_eq!(
            names,
            ["SSL 3.0", "TLS 1.0", "TLS 1.2", "TLS 1.3", "0x7f17"]
        );
    }
}
