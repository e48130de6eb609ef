//! Where an http-01 request goes: the first URL, and what a redirect may lead to.

use certlocker_core::{FailureKind, Identifier, Outcome};
use url::Url;

use super::config::Config;
use super::dial::Host;
use super::printable::printable;
use super::trail::{Step, wrong};
use crate::Armed;

/// Longer than any URL that a web server needs to send a validator to.
const LONGEST_URL: usize = 2000;
const LONGEST_SHOWN: usize = 200;
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// The ports that count as 80 and 443.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) http: u16,
    pub(super) tls: u16,
}

impl From<&Config> for Ports {
    fn from(config: &Config) -> Self {
        Self {
            http: config.http_port,
            tls: config.tls_port,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// A URL that may be asked.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) host: Host,
    /// The port to dial.
    pub(super) port: u16,
    pub(super) scheme: Scheme,
    url: Url,
}

impl Location {
    /// Where the answer to `challenge` has to be ([RFC 8555 section 8.3]).
    ///
    /// [RFC 8555 section 8.3]: https://www.rfc-editor.org/rfc/rfc8555#section-8.3
    pub(super) fn first(challenge: &Armed, ports: Ports) -> Step<Self> {
        let host = Host::from(&challenge.identifier);
        let token = &challenge.token;
        let url = format!("http://{host}/.well-known/acme-challenge/{token}");
        let location = Url::parse(&url)
            .map_err(|error| error.to_string())
            .and_then(|url| Self::new(url, ports));
        match location {
            // A URL takes `0x7f.1` for an address, which the name of an identifier is not.
            Ok(location) if location.host == host => Ok(location),
            _ => Err(unusable(&challenge.identifier)),
        }
    }

    /// Where the `Location` header `value` of an answer leads from here.
    pub(super) fn redirected(&self, value: &[u8], ports: Ports) -> Step<Self> {
        let refused = |reason: String| {
            let to = printable(value, LONGEST_SHOWN);
            let detail = format!("{self} redirects to `{to}`, which is not followed: {reason}");
            wrong(FailureKind::IncorrectResponse, detail)
        };
        if value.len() > LONGEST_URL {
            return Err(refused(format!("it is longer than {LONGEST_URL} bytes")));
        }
        let text = std::str::from_utf8(value).map_err(|error| refused(error.to_string()))?;
        let url = self
            .url
            .join(text)
            .map_err(|error| refused(error.to_string()))?;
        Self::new(url, ports).map_err(refused)
    }

    fn new(url: Url, ports: Ports) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it names a user".to_owned());
        }
        let (scheme, port) = match url.scheme() {
            "http" => (Scheme::Http, url.port().unwrap_or(HTTP)),
            "https" => (Scheme::Https, url.port().unwrap_or(HTTPS)),
            other => return Err(format!("its scheme is {other}, not http or https")),
        };
        Ok(Self {
            host: host(&url)?,
            port: dialled_port(port, ports)?,
            scheme,
            url,
        })
    }

    /// The `Host` header: the port only where the URL names one.
    pub(super) fn authority(&self) -> String {
        match self.url.port() {
            None => self.host.to_string(),
            Some(port) => format!("{}:{port}", self.host),
        }
    }

    /// The request target: path and query.
    pub(super) fn target(&self) -> String {
        match self.url.query() {
            None => self.url.path().to_owned(),
            Some(query) => format!("{}?{query}", self.url.path()),
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&printable(self.url.as_str().as_bytes(), LONGEST_SHOWN))
    }
}

/// Where the `Location` header `value` leads from the first URL of `challenge`, and the port that
/// is dialled for it.
///
/// # Errors
///
/// Why it is not followed, as the outcome of the attempt.
pub fn judge_redirect(
    challenge: &Armed,
    value: &[u8],
    config: &Config,
) -> Result<(String, u16), Outcome> {
    let ports = Ports::from(config);
    let next = Location::first(challenge, ports)?.redirected(value, ports)?;
    Ok((next.url.into(), next.port))
}

fn unusable(identifier: &Identifier) -> Outcome {
    let detail = format!("{identifier} does not make a URL that means the same host");
    wrong(FailureKind::RejectedIdentifier, detail)
}

fn host(url: &Url) -> Result<Host, String> {
    match url.host() {
        Some(url::Host::Domain(name)) => Ok(Host::Name(
            name.strip_suffix('.').unwrap_or(name).to_owned(),
        )),
        Some(url::Host::Ipv4(address)) => Ok(Host::Address(address.into())),
        Some(url::Host::Ipv6(address)) => Ok(Host::Address(address.into())),
        None => Err("it names no host".to_owned()),
    }
}

fn dialled_port(port: u16, ports: Ports) -> Result<u16, String> {
    match port {
        HTTP => Ok(ports.http),
        HTTPS => Ok(ports.tls),
        port if port == ports.http || port == ports.tls => Ok(port),
        port => Err(format!("its port is {port}, not {HTTP} or {HTTPS}")),
    }
}

#[cfg(test)]
mod tests {
    use certlocker_core::{Method, Timestamp};

    use super::*;

    const PORTS: Ports = Ports {
        http: 5002,
        tls: 5001,
    };

    fn first(identifier: &str) -> Step<Location> {
        let challenge = Armed {
            identifier: Identifier::try_from(identifier.to_owned()).unwrap(),
            key_authorization: "tok.print".to_owned(),
            method: Method::Http01,
            started: Timestamp::from_seconds(0),
            token: "tok".to_owned(),
        };
        Location::first(&challenge, PORTS)
    }

    #[test]
    fn the_first_request_goes_to_the_well_known_path_of_the_bare_host() {
        for (identifier, host) in [
            ("dns:a.example", "a.example"),
            ("ip:192.0.2.1", "192.0.2.1"),
            ("ip:2001:db8::1", "[2001:db8::1]"),
        ] {
            let location = first(identifier).unwrap();
            assert_eq!(location.authority(), host);
            assert_eq!(location.port, 5002);
            assert_eq!(location.scheme, Scheme::Http);
            assert_eq!(location.target(), "/.well-known/acme-challenge/tok");
        }
    }

    #[test]
    fn a_name_that_a_url_takes_for_an_address_is_not_asked() {
        for name in ["dns:0x7f000001", "dns:127.0x1"] {
            assert!(matches!(first(name), Err(Outcome::Wrong(_))), "{name}");
        }
    }

    #[test]
    fn redirects_lead_to_ports_80_and_443_only() {
        let start = first("dns:a.example").unwrap();
        for (value, expected) in [
            ("/x?y=z#frag", Some(("a.example", 5002, "/x?y=z"))),
            (
                "x",
                Some(("a.example", 5002, "/.well-known/acme-challenge/x")),
            ),
            ("//b.example/x", Some(("b.example", 5002, "/x"))),
            ("http://b.example", Some(("b.example", 5002, "/"))),
            ("http://b.example:80/", Some(("b.example", 5002, "/"))),
            (
                "http://b.example:5002/",
                Some(("b.example:5002", 5002, "/")),
            ),
            ("http://b.example:443/", Some(("b.example:443", 5001, "/"))),
            ("https://b.example/", Some(("b.example", 5001, "/"))),
            ("https://b.example:443/", Some(("b.example", 5001, "/"))),
            (
                "https://b.example:5001/",
                Some(("b.example:5001", 5001, "/")),
            ),
            ("https://b.example./", Some(("b.example", 5001, "/"))),
            ("HTTPS://[2001:db8::1]/", Some(("[2001:db8::1]", 5001, "/"))),
            ("http://0x7f.1/", Some(("127.0.0.1", 5002, "/"))),
            ("http://b.example:8080/", None),
            ("http://b.example:22/", None),
            ("ftp://b.example/", None),
            ("file:///etc/passwd", None),
            ("data:text/plain,x", None),
            ("http://user@b.example/", None),
            ("http://user:secret@b.example/", None),
            ("http://", None),
            ("http://b.example:99999/", None),
        ] {
            let found = start.redirected(value.as_bytes(), PORTS);
            let found = found.ok().map(|l| (l.authority(), l.port, l.target()));
            let expected = expected.map(|(a, p, t)| (a.to_owned(), p, t.to_owned()));
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn a_location_that_is_too_long_or_no_text_is_not_followed() {
        let start = first("dns:a.example").unwrap();
        let long = format!("/{}", "a".repeat(LONGEST_URL));
        for value in [long.as_bytes(), b"/\xff"] {
            assert!(start.redirected(value, PORTS).is_err());
        }
    }
}
