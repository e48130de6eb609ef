//! How control of an identifier is proven, and what one look at it found.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{Identifier, Timestamp};

/// A challenge type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Method {
    /// A file under `/.well-known/acme-challenge/` ([RFC 8555 section 8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
    #[serde(rename = "http-01")]
    Http01,
    /// A TXT record at `_acme-challenge` ([RFC 8555 section 8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).
    #[serde(rename = "dns-01")]
    Dns01,
    /// A self-signed certificate in a TLS handshake ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

impl Method {
    /// Every method, in the order in which challenges are offered.
    pub const ALL: [Self; 3] = [Self::Http01, Self::Dns01, Self::TlsAlpn01];

    /// Whether this method can prove `identifier`: a wildcard needs dns-01
    /// ([RFC 8555 section 7.1.3]), an address cannot use it ([RFC 8738 section 7]).
    ///
    /// [RFC 8555 section 7.1.3]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3
    /// [RFC 8738 section 7]: https://www.rfc-editor.org/rfc/rfc8738#section-7
    pub fn can_prove(self, identifier: &Identifier) -> bool {
        match identifier {
            Identifier::Dns(name) => self == Self::Dns01 || !name.is_wildcard(),
            Identifier::Ip(_) => self != Self::Dns01,
        }
    }

    /// The registered name of the challenge type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }

    /// The method with this registered name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One look at an identifier by one method: what was asked, who answered, what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by every validator")]
pub struct Attempt {
    /// How long it took.
    pub elapsed_ms: u32,
    /// Each address or name server that was asked, in order; more than one after a redirect or
    /// when an address did not answer.
    pub hops: Vec<Hop>,
    /// What it means.
    pub outcome: Outcome,
    /// When it began.
    pub started: Timestamp,
}

/// One exchange of an [`Attempt`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by every validator")]
pub struct Hop {
    /// The address that was dialled, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// The first bytes of the answer, made printable and cut short; TXT values for a DNS look-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_bytes: Option<String>,
    /// The addresses that the name resolved to, allowed or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<IpAddr>,
    /// The `Server` header of the answer, made printable and cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was asked: a URL, a DNS question, or a TLS name and port.
    pub target: String,
}

/// What an [`Attempt`] means for its challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "failure")]
#[allow(
    clippy::exhaustive_enums,
    reason = "a validator answers one of these three"
)]
pub enum Outcome {
    /// The expected answer was there.
    Proved,
    /// A definite wrong answer: another attempt would say the same.
    Wrong(Failure),
    /// No usable answer: another attempt may find one.
    NoAnswer(Failure),
}

/// Why something did not work: what was expected, what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built by every validator and issuer"
)]
pub struct Failure {
    /// One sentence for the reader: what was looked for, and what was there instead.
    pub detail: String,
    /// What would have been right, where there is such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The kind, from which the ACME problem type follows.
    pub kind: FailureKind,
    /// What was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
}

impl Failure {
    /// A failure with a sentence and nothing to compare.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            expected: None,
            kind,
            observed: None,
        }
    }

    /// Adds what would have been right and what was there.
    pub fn compared(mut self, expected: impl Into<String>, observed: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.observed = Some(observed.into());
        self
    }
}

/// The kinds of failure that end a challenge or an order ([RFC 8555 section 6.7]).
///
/// [RFC 8555 section 6.7]: https://www.rfc-editor.org/rfc/rfc8555#section-6.7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The certificate request cannot be signed.
    BadCsr,
    /// CAA records forbid issuance.
    Caa,
    /// The server could not be reached, or broke off.
    Connection,
    /// A DNS look-up failed or found no address that may be used.
    Dns,
    /// An answer came, and was not what the challenge requires.
    IncorrectResponse,
    /// The identifier is outside what the client, the account or the issuer may name.
    RejectedIdentifier,
    /// Something on our side, or at the issuer.
    ServerInternal,
    /// The TLS handshake failed or showed the wrong certificate.
    Tls,
    /// The answer shows control by somebody else, or the account may not do this.
    Unauthorized,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_take_dns_and_addresses_take_anything_else() {
        let cases = [
            ("dns:a.example", [true, true, true]),
            ("dns:*.example", [false, true, false]),
            ("ip:192.0.2.1", [true, false, true]),
        ];
        for (identifier, expected) in cases {
            let identifier = Identifier::try_from(identifier.to_owned()).unwrap();
            assert_eq!(
                Method::ALL.map(|method| method.can_prove(&identifier)),
                expected,
                "{identifier}"
            );
        }
    }

    #[test]
    fn names_and_back_are_the_same_method() {
        for method in Method::ALL {
            assert_eq!(Method::parse(method.as_str()), Some(method));
        }
        assert_eq!(Method::parse("HTTP-01"), None);
    }
}
