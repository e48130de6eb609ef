//! The address of a database: a PostgreSQL URL, with libpq's words for TLS.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::PostgresError;

/// How a server is reached, and what it has to show.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

/// What a server's certificate is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing: what is sent is encrypted, and whoever answers is believed.
    Anybody,
    /// Authorities; the name in the certificate may be another.
    Chain(PathBuf),
    /// Authorities, and the name that was connected to.
    Name(PathBuf),
}

const CONNECT: Duration = Duration::from_secs(5);
/// After so long without a sign of the server a connection is given up.
const SILENCE: Duration = Duration::from_secs(10);

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, PostgresError> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut tls = Tls::default();
        let pairs = parameters.split('&').filter(|pair| !pair.is_empty());
        let mut rest = Vec::new();
        for pair in pairs {
            if !tls.takes(pair)? {
                rest.push(pair);
            }
        }
        let plain = format!("{address}?{}", rest.join("&"));
        let config = Config::from_str(&plain);
        // The driver's text names a key, and never a value.
        let mut config = config.map_err(|error| PostgresError::Url(with_cause(&error)))?;
        if config.get_hosts().is_empty() {
            let none = "expected postgres://USER:PASSWORD@HOST[:PORT][,…]/DATABASE, got no host";
            return Err(PostgresError::Url(none.to_owned()));
        }
        let (mode, trust) = tls.decided()?;
        config.ssl_mode(mode);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("certlocker");
        }
        Ok(Self { config, trust })
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[derive(Default)]
struct Tls {
    mode: Option<String>,
    root: Option<PathBuf>,
}

impl Tls {
    /// Whether the parameter is one of those that the driver does not know.
    fn takes(&mut self, pair: &str) -> Result<bool, PostgresError> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || {
            let decoded = percent_decode_str(value).decode_utf8();
            let decoded = decoded.map(|value| value.into_owned());
            decoded.map_err(|_| PostgresError::Url(format!("{name} is not UTF-8")))
        };
        match name {
            "sslmode" => self.mode = Some(value()?),
            "sslrootcert" => self.root = Some(value()?.into()),
            "sslcert" | "sslkey" => {
                let text = format!("{name} is not supported: use a password or a socket");
                return Err(PostgresError::Url(text));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn decided(self) -> Result<(SslMode, Trust), PostgresError> {
        let mode = self.mode.as_deref();
        let unnamed = || {
            PostgresError::Url(format!(
                "sslmode={} needs sslrootcert=FILE, the authorities that the server's certificate may come from",
                mode.unwrap_or_default()
            ))
        };
        Ok(match (mode, self.root) {
            (Some("disable"), _) => (SslMode::Disable, Trust::Anybody),
            (None | Some("prefer"), None) => (SslMode::Prefer, Trust::Anybody),
            (None | Some("prefer"), Some(root)) => (SslMode::Prefer, Trust::Chain(root)),
            (Some("require"), None) => (SslMode::Require, Trust::Anybody),
            (Some("require" | "verify-ca"), Some(root)) => (SslMode::Require, Trust::Chain(root)),
            (Some("verify-full"), Some(root)) => (SslMode::Require, Trust::Name(root)),
            (Some("verify-ca" | "verify-full"), None) => return Err(unnamed()),
            (Some(other), _) => {
                let modes = "disable, prefer, require, verify-ca or verify-full";
                let text = format!("sslmode is {modes}, not `{other}`");
                return Err(PostgresError::Url(text));
            }
        })
    }
}

/// Hosts and database, and no password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            let port = ports.get(place).or_else(|| ports.first());
            write!(f, ":{}", port.copied().unwrap_or(5432))?;
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_hosts_and_no_password() {
        let address =
            Address::parse("postgres://me:hunter2@one,two:5433/db?sslmode=disable").unwrap();
        assert_eq!(address.to_string(), "one:5432,two:5433/db");
        assert_eq!(format!("{address:?}"), address.to_string());
    }

    #[test]
    fn tls_is_asked_for_in_the_words_of_libpq() {
        let cases = [
            ("", SslMode::Prefer, Trust::Anybody),
            ("sslmode=disable", SslMode::Disable, Trust::Anybody),
            ("sslmode=require", SslMode::Require, Trust::Anybody),
            (
                "sslmode=require&sslrootcert=/a%20b",
                SslMode::Require,
                Trust::Chain("/a b".into()),
            ),
            (
                "sslmode=verify-ca&sslrootcert=/r",
                SslMode::Require,
                Trust::Chain("/r".into()),
            ),
            (
                "connect_timeout=1&sslrootcert=/r&sslmode=verify-full",
                SslMode::Require,
                Trust::Name("/r".into()),
            ),
        ];
        for (parameters, mode, trust) in cases {
            let address = Address::parse(&format!("postgres://h/db?{parameters}")).unwrap();
            assert_eq!(
                (address.config.get_ssl_mode(), address.trust),
                (mode, trust),
                "{parameters}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_the_password() {
        let cases = [
            (
                "postgres://u:hunter2@h/db?sslmode=verify-full",
                "sslrootcert",
            ),
            ("postgres://u:hunter2@h/db?sslmode=sometimes", "verify-full"),
            ("postgres://u:hunter2@h/db?sslkey=k", "not supported"),
            ("postgres://u:hunter2@h/db?colour=red", "colour"),
            ("postgres://u:hunter2@h:port/db", "port"),
            ("postgres:///db", "no host"),
        ];
        for (url, part) in cases {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(
                error.contains(part) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
