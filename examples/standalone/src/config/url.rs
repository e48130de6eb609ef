//! URLs that stand in the configuration.

use std::fmt;
use std::net::SocketAddr;

use certlocker_core::{DnsName, Identifier};
use url::{Host, Url};

use super::value::{Misfit, Scalar};

/// An `https` URL below which the server's paths are mounted; it has no slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: Identifier,
}

impl BaseUrl {
    /// The URL under which a listener at `address` is reached from this machine: a loopback or
    /// unspecified address goes by the name `localhost`.
    pub fn of_listener(address: SocketAddr) -> Self {
        let ip = address.ip();
        let host = if ip.is_loopback() || ip.is_unspecified() {
            Identifier::Dns(DnsName::parse("localhost").expect("a legal name"))
        } else {
            Identifier::Ip(ip)
        };
        let port = address.port();
        let text = match (&host, port) {
            (Identifier::Ip(ip), 443) if ip.is_ipv6() => format!("https://[{ip}]"),
            (Identifier::Ip(ip), _) if ip.is_ipv6() => format!("https://[{ip}]:{port}"),
            (_, 443) => format!("https://{}", host.value()),
            _ => format!("https://{}:{port}", host.value()),
        };
        Self { text, host }
    }

    /// The URL with `port` in place of port 0, which stands for the port that is not known before
    /// the listener is bound.
    pub fn with_bound_port(self, port: u16) -> Self {
        let Ok(mut url) = Url::parse(&self.text) else {
            return self;
        };
        if url.port() != Some(0) || url.set_port(Some(port)).is_err() {
            return self;
        }
        Self {
            text: without_final_slash(&url),
            host: self.host,
        }
    }

    /// The URL as text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, which the server's own certificate has to name.
    pub fn host(&self) -> &Identifier {
        &self.host
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for BaseUrl {
    const PLACEHOLDER: &'static str = "URL";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let url = parse(text)?;
        let form = "an https URL, such as https://ca.example or https://ca.example:8443/pki";
        if url.scheme() != "https" {
            return Err(Misfit::expected(form, text));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Misfit::expected("an https URL without `?` and `#`", text));
        }
        Ok(Self {
            host: host(&url, text)?,
            text: without_final_slash(&url),
        })
    }
}

/// The address of a page that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl(String);

impl PageUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for PageUrl {
    const PLACEHOLDER: &'static str = "URL";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let url = parse(text)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Misfit::expected("an http or https URL", text));
        }
        Ok(Self(url.into()))
    }
}

/// A password in a URL is refused before anything else, and the text is not shown.
fn parse(text: &str) -> Result<Url, Misfit> {
    let url = Url::parse(text).map_err(|_| Misfit::expected("a URL with a scheme", text))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Misfit::because(
            "expected a URL without a user name or password before the host, got one with it",
        ));
    }
    Ok(url)
}

fn host(url: &Url, text: &str) -> Result<Identifier, Misfit> {
    match url.host() {
        Some(Host::Domain(name)) => match DnsName::parse(name) {
            Ok(name) if !name.is_wildcard() => Ok(Identifier::Dns(name)),
            Ok(_) => Err(Misfit::expected(
                "a URL with a host name, not a wildcard",
                text,
            )),
            Err(reason) => Err(Misfit::because(format!(
                "expected a URL with a host that a certificate can name, but {reason}"
            ))),
        },
        Some(Host::Ipv4(ip)) => Ok(Identifier::Ip(ip.into())),
        Some(Host::Ipv6(ip)) => Ok(Identifier::Ip(ip.into())),
        None => Err(Misfit::expected("a URL with a host", text)),
    }
}

fn without_final_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_https_with_an_optional_path() {
        let cases = [
            ("https://ca.example", Some("https://ca.example")),
            ("https://ca.example/", Some("https://ca.example")),
            (
                "https://CA.example:443/pki/",
                Some("https://ca.example/pki"),
            ),
            ("https://ca.example:8443", Some("https://ca.example:8443")),
            (
                "https://[2001:db8::1]:8443",
                Some("https://[2001:db8::1]:8443"),
            ),
            ("https://192.0.2.7", Some("https://192.0.2.7")),
            ("https://localhost:0", Some("https://localhost:0")),
            ("http://ca.example", None),
            ("ca.example", None),
            ("https://ca.example?x", None),
            ("https://ca.example#x", None),
            ("https://", None),
            ("https://*.example", None),
            ("https://under_score.example", None),
        ];
        for (text, expect) in cases {
            let parsed = BaseUrl::from_text(text).ok();
            assert_eq!(parsed.as_ref().map(BaseUrl::as_str), expect, "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for text in [
            "https://user:hunter2@ca.example",
            "https://hunter2@ca.example",
        ] {
            let misfit = BaseUrl::from_text(text).unwrap_err().to_string();
            assert!(misfit.contains("password"), "{misfit}");
            assert!(!misfit.contains("hunter2"), "{misfit}");
        }
    }

    #[test]
    fn a_listener_on_loopback_or_everywhere_is_reached_as_localhost() {
        let cases = [
            ("127.0.0.1:8443", "https://localhost:8443"),
            ("127.0.0.2:8443", "https://localhost:8443"),
            ("[::1]:8443", "https://localhost:8443"),
            ("0.0.0.0:443", "https://localhost"),
            ("[::]:0", "https://localhost:0"),
            ("192.0.2.7:8443", "https://192.0.2.7:8443"),
            ("192.0.2.7:443", "https://192.0.2.7"),
            ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("[2001:db8::1]:443", "https://[2001:db8::1]"),
        ];
        for (address, expect) in cases {
            let url = BaseUrl::of_listener(address.parse().unwrap());
            assert_eq!(url.as_str(), expect, "{address}");
            assert_eq!(BaseUrl::from_text(expect).as_ref(), Ok(&url), "{address}");
        }
    }

    #[test]
    fn only_port_zero_is_replaced_by_the_bound_port() {
        let cases = [
            ("https://localhost:0", "https://localhost:4711"),
            ("https://[::1]:0/pki", "https://[::1]:4711/pki"),
            ("https://localhost:8443", "https://localhost:8443"),
            ("https://ca.example", "https://ca.example"),
        ];
        for (text, expect) in cases {
            let url = BaseUrl::from_text(text).unwrap().with_bound_port(4711);
            assert_eq!(url.as_str(), expect);
        }
    }

    #[test]
    fn a_page_may_be_http_and_have_a_query() {
        let page = PageUrl::from_text("http://ca.example/terms?v=2").unwrap();
        assert_eq!(page.as_str(), "http://ca.example/terms?v=2");
        assert!(PageUrl::from_text("ftp://ca.example/terms").is_err());
    }
}
