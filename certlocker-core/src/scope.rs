//! What a scoped client may order.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::identifier::shown;
use crate::{DnsName, Identifier, Method};

const LONGEST_SHOWN: usize = 300;

/// The bounds within which a scoped client may order certificates.
///
/// Empty `methods` and `profiles` bound nothing; empty `names` allow nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every combination of fields is a scope"
)]
pub struct Scope {
    /// The challenge types that count as proof.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub methods: BTreeSet<Method>,
    /// The identifiers it may name.
    pub names: Vec<Pattern>,
    /// How many orders it may place in any 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_per_day: Option<u32>,
    /// The profiles it may ask for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub profiles: BTreeSet<String>,
}

impl Scope {
    /// Whether `identifier` lies inside.
    pub fn covers(&self, identifier: &Identifier) -> bool {
        self.names.iter().any(|pattern| pattern.covers(identifier))
    }

    /// The first of `identifiers` that lies outside.
    pub fn outside<'a>(&self, identifiers: &'a [Identifier]) -> Option<&'a Identifier> {
        identifiers
            .iter()
            .find(|identifier| !self.covers(identifier))
    }

    /// Whether `method` counts as proof.
    pub fn accepts(&self, method: Method) -> bool {
        self.methods.is_empty() || self.methods.contains(&method)
    }

    /// The names as one line of text.
    pub fn names_text(&self) -> String {
        if self.names.is_empty() {
            return "nothing".to_owned();
        }
        self.names
            .iter()
            .map(Pattern::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A set of identifiers, written `dns:NAME` (that name), `dns:*.NAME` (every name below it at any
/// depth and every wildcard there, but not `NAME`), or `ip:CIDR`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Pattern {
    /// Every name below this one.
    Below(DnsName),
    /// This name.
    Name(DnsName),
    /// Every address of this network.
    Network(IpNet),
}

impl Pattern {
    /// Whether `identifier` belongs to the set.
    pub fn covers(&self, identifier: &Identifier) -> bool {
        match (self, identifier) {
            (Self::Below(parent), Identifier::Dns(name)) if name.is_wildcard() => {
                name.base() == *parent || name.base().is_below(parent)
            }
            (Self::Below(parent), Identifier::Dns(name)) => name.is_below(parent),
            (Self::Name(exact), Identifier::Dns(name)) => exact == name,
            (Self::Network(network), Identifier::Ip(address)) => network.contains(address),
            _ => false,
        }
    }

    /// Whether every identifier of `other` belongs to this set, too.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(parent), Self::Below(name)) => name == parent || name.is_below(parent),
            (own, Self::Name(name)) => own.covers(&Identifier::Dns(name.clone())),
            (Self::Network(own), Self::Network(network)) => own.contains(network),
            _ => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(parent) => write!(f, "dns:*.{parent}"),
            Self::Name(name) => write!(f, "dns:{name}"),
            Self::Network(network) => write!(f, "ip:{network}"),
        }
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: String| InvalidPattern {
            text: shown(text, LONGEST_SHOWN),
            why,
        };
        match text.split_once(':') {
            Some(("dns", name)) => {
                let parsed = DnsName::parse(name).map_err(|error| invalid(error.to_string()))?;
                Ok(if parsed.is_wildcard() {
                    Self::Below(parsed.base())
                } else {
                    Self::Name(parsed)
                })
            }
            Some(("ip", network)) => network
                .parse()
                .or_else(|_| {
                    network
                        .parse()
                        .map(|address: std::net::IpAddr| IpNet::from(address))
                })
                .map(|network| Self::Network(network.trunc()))
                .map_err(|_| invalid("no address or CIDR network follows `ip:`".to_owned())),
            _ => Err(invalid(
                "it starts with neither `dns:` nor `ip:`".to_owned(),
            )),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

/// A text that is no pattern of identifiers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a scope (dns:NAME, dns:*.NAME or ip:CIDR): {why}")]
pub struct InvalidPattern {
    text: String,
    why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, identifier: &str) -> bool {
        let identifier = Identifier::try_from(identifier.to_owned()).unwrap();
        pattern.parse::<Pattern>().unwrap().covers(&identifier)
    }

    #[test]
    fn a_name_covers_itself_only() {
        assert!(covers("dns:a.example", "dns:A.example"));
        assert!(
            !covers("dns:a.example", "dns:b.a.example")
                && !covers("dns:a.example", "dns:*.a.example")
        );
    }

    #[test]
    fn a_star_covers_every_name_and_wildcard_below_but_not_the_name_itself() {
        for inside in [
            "dns:a.example.com",
            "dns:b.a.example.com",
            "dns:*.example.com",
            "dns:*.a.example.com",
        ] {
            assert!(covers("dns:*.example.com", inside), "{inside}");
        }
        for outside in [
            "dns:example.com",
            "dns:badexample.com",
            "dns:*.com",
            "ip:192.0.2.1",
        ] {
            assert!(!covers("dns:*.example.com", outside), "{outside}");
        }
    }

    #[test]
    fn a_network_is_the_same_by_whichever_of_its_addresses_it_is_named() {
        let named: Pattern = "ip:12.0.2.1/4".parse().unwrap();
        assert_eq!(named.to_string(), "ip:0.0.0.0/4");
        assert_eq!(named, "ip:2.0.0.0/4".parse().unwrap());
    }

    #[test]
    fn a_network_covers_its_addresses() {
        assert!(
            covers("ip:192.0.2.0/24", "ip:192.0.2.7") && covers("ip:2001:db8::1", "ip:2001:db8::1")
        );
        assert!(!covers("ip:192.0.2.0/24", "ip:192.0.3.7") && !covers("ip:0.0.0.0/0", "ip:::1"));
    }

    #[test]
    fn a_pattern_contains_what_is_at_its_place_or_below() {
        let contains = |one: &str, other: &str| {
            let other = other.parse().unwrap();
            one.parse::<Pattern>().unwrap().contains(&other)
        };
        for (one, other) in [
            ("dns:*.example", "dns:*.example"),
            ("dns:*.example", "dns:*.a.example"),
            ("dns:*.example", "dns:a.example"),
            ("dns:a.example", "dns:a.example"),
            ("ip:192.0.2.0/24", "ip:192.0.2.128/25"),
        ] {
            assert!(contains(one, other), "{one} {other}");
            assert_eq!(contains(other, one), one == other, "{other} {one}");
        }
        assert!(!contains("dns:*.example", "dns:example"));
        assert!(!contains("dns:*.example", "ip:192.0.2.1"));
    }

    #[test]
    fn text_and_back_is_the_same_pattern() {
        for text in ["dns:a.example", "dns:*.example", "ip:192.0.2.0/24"] {
            assert_eq!(text.parse::<Pattern>().unwrap().to_string(), text);
        }
        for bad in ["", "a.example", "dns:", "dns:a_b", "ip:x", "dns:*"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_scope_covers_nothing_and_bounds_no_method() {
        let scope = Scope::default();
        assert!(!scope.covers(&Identifier::dns("a.example").unwrap()));
        assert!(scope.accepts(Method::Dns01));
    }
}
