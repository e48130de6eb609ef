//! What a certificate names: a DNS name, perhaps a wildcard, or an IP address.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An identifier of an order, authorization or certificate ([RFC 8555 section 7.1.3], [RFC 8738]).
///
/// Parsed once, in canonical form: equal identifiers are equal values. The text form is
/// `dns:NAME` or `ip:ADDRESS`.
///
/// [RFC 8555 section 7.1.3]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3
/// [RFC 8738]: https://www.rfc-editor.org/rfc/rfc8738
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[allow(
    clippy::exhaustive_enums,
    reason = "a new identifier type changes every consumer"
)]
pub enum Identifier {
    /// A DNS name.
    Dns(DnsName),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
}

impl Identifier {
    /// Parses the value of a `dns` identifier.
    pub fn dns(value: &str) -> Result<Self, InvalidIdentifier> {
        DnsName::parse(value).map(Self::Dns)
    }

    /// Parses the value of an `ip` identifier; only the canonical text is accepted
    /// ([RFC 8738 section 3]).
    ///
    /// [RFC 8738 section 3]: https://www.rfc-editor.org/rfc/rfc8738#section-3
    pub fn ip(value: &str) -> Result<Self, InvalidIdentifier> {
        let invalid = |reason| InvalidIdentifier::new(value, reason);
        let address: IpAddr = value.parse().map_err(|_| invalid(Reason::NotAnAddress))?;
        if address.to_string() != value {
            return Err(invalid(Reason::NotCanonical(address)));
        }
        Ok(Self::Ip(address))
    }

    /// Whether this is a wildcard DNS name.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.is_wildcard())
    }

    /// What is proven for this identifier: itself, or the name below the `*.` of a wildcard.
    pub fn without_wildcard(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(name.base()),
            Self::Ip(address) => Self::Ip(*address),
        }
    }

    /// The value without its type, as it stands in protocol objects.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.as_str().to_owned(),
            Self::Ip(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
        }
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.to_string()
    }
}

impl TryFrom<String> for Identifier {
    type Error = InvalidIdentifier;

    fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
        match text.split_once(':') {
            Some(("dns", name)) => Self::dns(name),
            Some(("ip", address)) => Self::ip(address),
            _ => Err(InvalidIdentifier::new(&text, Reason::NoType)),
        }
    }
}

/// A DNS name in lower-case A-label form, perhaps with `*` as its first label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

impl DnsName {
    /// Parses a host name: letters, digits and hyphens in labels of legal length, A-labels that
    /// decode, no trailing dot, and no last label of digits only, which would read as an address.
    pub fn parse(value: &str) -> Result<Self, InvalidIdentifier> {
        let name = value.to_ascii_lowercase();
        match check_name(&name) {
            Ok(()) => Ok(Self(name)),
            Err(reason) => Err(InvalidIdentifier::new(value, reason)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without a leading `*.`.
    pub fn base(&self) -> Self {
        Self(self.0.strip_prefix("*.").unwrap_or(&self.0).to_owned())
    }

    /// Whether this name lies below `parent`, at any depth.
    pub fn is_below(&self, parent: &Self) -> bool {
        self.0
            .strip_suffix(parent.as_str())
            .is_some_and(|rest| rest.ends_with('.'))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> Self {
        name.0
    }
}

impl TryFrom<String> for DnsName {
    type Error = InvalidIdentifier;

    fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
        Self::parse(&text)
    }
}

/// RFC 1035 section 2.3.4, without the root label.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

fn check_name(name: &str) -> Result<(), Reason> {
    if !name.is_ascii() {
        return Err(Reason::NotAscii);
    }
    if name.len() > LONGEST_NAME {
        return Err(Reason::NameTooLong);
    }
    let host = name.strip_prefix("*.").unwrap_or(name);
    host.split('.').try_for_each(check_label)?;
    let last = host.rsplit('.').next().unwrap_or(host);
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reason::LooksLikeAnAddress);
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), Reason> {
    if label.is_empty() {
        return Err(Reason::EmptyLabel);
    }
    if label.len() > LONGEST_LABEL {
        return Err(Reason::LabelTooLong);
    }
    if !label
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return Err(Reason::Character);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(Reason::Hyphen);
    }
    if label.get(2..4) == Some("--") {
        return check_a_label(label);
    }
    Ok(())
}

/// A label with `--` in third place is reserved (RFC 5890 section 2.3.1) unless it is an A-label,
/// and an A-label has to decode and encode back to itself.
fn check_a_label(label: &str) -> Result<(), Reason> {
    if !label.starts_with("xn--") {
        return Err(Reason::ReservedLabel);
    }
    let (unicode, decoded) = idna::domain_to_unicode(label);
    match decoded
        .ok()
        .and_then(|()| idna::domain_to_ascii(&unicode).ok())
    {
        Some(again) if again == label && unicode != label => Ok(()),
        _ => Err(Reason::UndecodableLabel),
    }
}

/// Why a text is no identifier; Display is a sentence for the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` {reason}")]
pub struct InvalidIdentifier {
    value: String,
    reason: Reason,
}

impl InvalidIdentifier {
    fn new(value: &str, reason: Reason) -> Self {
        let value = shown(value, LONGEST_NAME + 3);
        Self { value, reason }
    }
}

/// A text from outside, cut short and without control characters, to be quoted in an error.
pub(crate) fn shown(text: &str, longest: usize) -> String {
    text.chars()
        .take(longest)
        .flat_map(char::escape_default)
        .collect()
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("is not an IP address")]
    NotAnAddress,
    #[error("is not the canonical text of this address, `{0}` is")]
    NotCanonical(IpAddr),
    #[error("has no type: `dns:` or `ip:` was expected before it")]
    NoType,
    #[error("has characters outside ASCII: send internationalized names in A-label form (xn--)")]
    NotAscii,
    #[error("is longer than a DNS name can be ({LONGEST_NAME} characters)")]
    NameTooLong,
    #[error("has an empty label: two dots in a row, or a dot at an end")]
    EmptyLabel,
    #[error("has a label longer than {LONGEST_LABEL} characters")]
    LabelTooLong,
    #[error(
        "has a character that host names do not have: letters, digits, hyphens and dots are allowed, and `*.` in front"
    )]
    Character,
    #[error("has a label that starts or ends with a hyphen")]
    Hyphen,
    #[error("has a reserved label (`--` in third place without `xn` before it)")]
    ReservedLabel,
    #[error("has an `xn--` label that does not decode to a valid internationalized label")]
    UndecodableLabel,
    #[error("ends in digits only, which reads as an IP address: use an `ip` identifier")]
    LooksLikeAnAddress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_cased_and_otherwise_kept() {
        for (given, kept) in [
            ("Example.COM", "example.com"),
            ("*.example.com", "*.example.com"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a-b.1c.example", "a-b.1c.example"),
        ] {
            assert_eq!(DnsName::parse(given).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn each_malformed_name_is_refused_with_its_own_reason() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abc.".repeat(62));
        for (given, reason) in [
            ("", "empty label"),
            ("example.com.", "empty label"),
            ("a..b", "empty label"),
            (".example", "empty label"),
            ("bücher.example", "outside ASCII"),
            ("a_b.example", "a character"),
            ("foo.*.example", "a character"),
            ("*", "a character"),
            ("a b", "a character"),
            ("-a.example", "hyphen"),
            ("a-.example", "hyphen"),
            ("ab--c.example", "reserved"),
            ("xn--.example", "starts or ends"),
            ("xn--a.example", "does not decode"),
            ("xn--zzzzzz.example", "does not decode"),
            ("192.0.2.1", "IP address"),
            (long_label.as_str(), "longer than 63"),
            (long_name.as_str(), "longer than a DNS name"),
        ] {
            let error = DnsName::parse(given).unwrap_err().to_string();
            assert!(error.contains(reason), "{given}: {error}");
        }
    }

    #[test]
    fn only_canonical_addresses_are_accepted() {
        for good in ["192.0.2.1", "2001:db8::1", "::1", "::ffff:192.0.2.1"] {
            assert_eq!(Identifier::ip(good).unwrap().value(), good);
        }
        for bad in [
            "192.168.001.1",
            "2001:DB8::1",
            "2001:db8:0::1",
            "fe80::1%eth0",
            "192.0.2.0/24",
            "[::1]",
            "a",
        ] {
            assert!(Identifier::ip(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn stored_text_and_back_is_the_same_identifier() {
        for text in ["dns:*.example.com", "ip:2001:db8::1"] {
            assert_eq!(
                Identifier::try_from(text.to_owned()).unwrap().to_string(),
                text
            );
        }
        assert!(Identifier::try_from("example.com".to_owned()).is_err());
    }

    #[test]
    fn below_means_a_whole_label_below() {
        let parent = DnsName::parse("example.com").unwrap();
        for (name, below) in [
            ("a.example.com", true),
            ("b.a.example.com", true),
            ("example.com", false),
            ("badexample.com", false),
        ] {
            assert_eq!(
                DnsName::parse(name).unwrap().is_below(&parent),
                below,
                "{name}"
            );
        }
    }
}
