//! Why no certificate was seen.

use crate::TlsVersion;

/// Why no certificate was seen on a connection that was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused in the language of TLS.
    #[error("the server refused with the alert {}", alert_name(*description))]
    Alert {
        /// The number of the alert.
        description: u8,
    },
    /// The server closed the connection.
    #[error("the server closed the connection {0}")]
    Closed(Phase),
    /// The server sent more than is read.
    #[error("the server sent more than {limit} octets {phase}")]
    Excess {
        /// How much is read.
        limit: usize,
        /// Where.
        phase: Phase,
    },
    /// The server went on in plain text after it had agreed to TLS; whoever sits between could have added it.
    #[error("the server sent `{said}` in plain text after it agreed to TLS")]
    Injected {
        /// What it sent.
        said: String,
    },
    /// What the server sent is not what the protocol allows.
    #[error("{expected} was expected, and the server sent `{seen}`")]
    Malformed {
        /// What was expected.
        expected: &'static str,
        /// What came.
        seen: String,
    },
    /// The server wants another key exchange than the one that costs nothing.
    #[error("the server asks for another key exchange, which this way of looking does not do")]
    RetryRequested,
    /// The server said nothing for too long.
    #[error("the server said too little in the time {0}")]
    Silent(Phase),
    /// The server does not go over to TLS.
    #[error("the server does not go over to TLS: it said `{said}`")]
    StarttlsRefused {
        /// What it said.
        said: String,
    },
    /// The full handshake failed before the certificate.
    #[error("the handshake failed: {0}")]
    Tls(String),
    /// The server chose what was not offered.
    #[error("the server chose {version}, which was not offered")]
    UnexpectedVersion {
        /// What it chose.
        version: TlsVersion,
    },
}

/// What a connection is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// The plain text before TLS.
    #[error("before TLS")]
    Starttls,
    /// TLS, up to what is wanted of it.
    #[error("during the handshake")]
    Handshake,
    /// After the handshake: reading once, and taking leave.
    #[error("after the handshake")]
    Leaving,
    /// Nothing more.
    #[error("at the end")]
    Done,
}

/// The name of an alert in the registry of IANA, with its number.
fn alert_name(description: u8) -> String {
    let name = match description {
        0 => "close_notify",
        10 => "unexpected_message",
        40 => "handshake_failure",
        42 => "bad_certificate",
        47 => "illegal_parameter",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        109 => "missing_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return description.to_string(),
    };
    format!("{name} ({description})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_by_name_and_number() {
        let told = |description| Failure::Alert { description }.to_string();
        assert_eq!(
            told(40),
            "the server refused with the alert handshake_failure (40)"
        );
        assert_eq!(told(200), "the server refused with the alert 200");
    }
}
