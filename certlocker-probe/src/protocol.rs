//! What is spoken before TLS, and how one takes leave.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// How TLS begins on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// FTP with AUTH TLS (RFC 4217).
    Ftp,
    /// IMAP with STARTTLS (RFC 9051).
    Imap,
    /// IRC with STARTTLS (IRCv3).
    Irc,
    /// LDAP with the StartTLS operation (RFC 4511 section 4.14).
    Ldap,
    /// LMTP with STARTTLS (RFC 2033, RFC 3207).
    Lmtp,
    /// SQL Server, whose handshake is inside packets of TDS 7 (MS-TDS section 2.2.6.5).
    Mssql,
    /// MySQL and MariaDB.
    Mysql,
    /// NNTP with STARTTLS (RFC 4642).
    Nntp,
    /// POP3 with STLS (RFC 2595).
    Pop3,
    /// PostgreSQL with SSLRequest.
    Postgres,
    /// Remote Desktop (MS-RDPBCGR section 2.2.1.1).
    Rdp,
    /// ManageSieve with STARTTLS (RFC 5804).
    Sieve,
    /// SMTP with STARTTLS (RFC 3207).
    Smtp,
    /// Telnet with START_TLS (draft-altman-telnet-starttls).
    Telnet,
    /// TLS from the first octet.
    Tls,
    /// XMPP of clients with STARTTLS (RFC 6120).
    Xmpp,
    /// XMPP between servers with STARTTLS (RFC 6120).
    XmppServer,
}

const NAMES: [(Protocol, &str); 17] = [
    (Protocol::Ftp, "ftp"),
    (Protocol::Imap, "imap"),
    (Protocol::Irc, "irc"),
    (Protocol::Ldap, "ldap"),
    (Protocol::Lmtp, "lmtp"),
    (Protocol::Mssql, "mssql"),
    (Protocol::Mysql, "mysql"),
    (Protocol::Nntp, "nntp"),
    (Protocol::Pop3, "pop3"),
    (Protocol::Postgres, "postgres"),
    (Protocol::Rdp, "rdp"),
    (Protocol::Sieve, "sieve"),
    (Protocol::Smtp, "smtp"),
    (Protocol::Telnet, "telnet"),
    (Protocol::Tls, "tls"),
    (Protocol::Xmpp, "xmpp"),
    (Protocol::XmppServer, "xmpp-server"),
];

impl Protocol {
    /// Every protocol.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(protocol, _)| protocol)
    }

    /// The protocol that is usual on a port; TLS from the first octet on all others.
    pub fn on_port(port: u16) -> Self {
        match port {
            21 => Self::Ftp,
            23 => Self::Telnet,
            24 => Self::Lmtp,
            25 | 587 => Self::Smtp,
            110 => Self::Pop3,
            119 => Self::Nntp,
            143 => Self::Imap,
            389 => Self::Ldap,
            1433 => Self::Mssql,
            3306 => Self::Mysql,
            3389 => Self::Rdp,
            4190 => Self::Sieve,
            5222 => Self::Xmpp,
            5269 => Self::XmppServer,
            5432 => Self::Postgres,
            6667 => Self::Irc,
            _ => Self::Tls,
        }
    }

    /// Whether a server of this kind takes note of whoever goes without a word.
    pub fn minds_manners(self) -> bool {
        self != Self::Tls
    }

    /// What a client says inside TLS before it goes; nothing where closing is enough.
    pub(crate) fn farewell(self) -> &'static [u8] {
        match self {
            Self::Ftp | Self::Irc | Self::Lmtp | Self::Nntp | Self::Pop3 | Self::Smtp => {
                b"QUIT\r\n"
            }
            Self::Imap => b"b LOGOUT\r\n",
            Self::Sieve => b"LOGOUT\r\n",
            // UnbindRequest, message 2.
            Self::Ldap => &[0x30, 5, 2, 1, 2, 0x42, 0],
            Self::Mssql
            | Self::Mysql
            | Self::Postgres
            | Self::Rdp
            | Self::Telnet
            | Self::Tls
            | Self::Xmpp
            | Self::XmppServer => b"",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES
            .iter()
            .find(|(protocol, _)| protocol == self)
            .map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A text that names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no protocol that is known: {known} are", known = NAMES.map(|(_, name)| name).join(", "))]
pub struct UnknownProtocol(String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let known = NAMES.iter().find(|(_, name)| *name == text);
        known
            .map(|(protocol, _)| *protocol)
            .ok_or_else(|| UnknownProtocol(crate::excerpt::text(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_is_known_by_its_name() {
        for protocol in Protocol::all() {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        let error = "gopher".parse::<Protocol>().unwrap_err().to_string();
        assert!(
            error.starts_with("`gopher` is no protocol that is known: ftp, imap,"),
            "{error}"
        );
    }
}
