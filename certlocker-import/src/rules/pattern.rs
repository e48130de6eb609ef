//! Fields of a found host, and the words that pick them.

use std::str::FromStr;

use crate::found::FoundHost;

/// Something that a rule may ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Account,
    Image,
    ImageOwner,
    Name,
    Network,
    Platform,
    Provider,
    Region,
    ScalingGroup,
    SecurityGroup,
    Subnet,
    Tag(String),
}

/// Names as they are written in rules.
pub(super) const FIELDS: &str = "account, image, image_owner, name, network, platform, provider, region, scaling_group, security_group, subnet, tag:NAME";

impl FromStr for Field {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "account" => Self::Account,
            "image" => Self::Image,
            "image_owner" => Self::ImageOwner,
            "name" => Self::Name,
            "network" => Self::Network,
            "platform" => Self::Platform,
            "provider" => Self::Provider,
            "region" => Self::Region,
            "scaling_group" => Self::ScalingGroup,
            "security_group" => Self::SecurityGroup,
            "subnet" => Self::Subnet,
            _ => match text.strip_prefix("tag:") {
                Some(key) if !key.is_empty() => Self::Tag(key.to_owned()),
                _ => return Err(()),
            },
        })
    }
}

impl Field {
    /// Its values for a host: none, one, or for security groups several.
    pub(super) fn values(&self, host: &FoundHost) -> Vec<String> {
        let one = |value: Option<&String>| value.cloned().into_iter().collect();
        match self {
            Self::Account => vec![host.cloud.account().to_owned()],
            Self::Image => one(host.image_name.as_ref().or(host.facts.image.as_ref())),
            Self::ImageOwner => one(host.image_owner.as_ref()),
            Self::Name => one(host.name.as_ref()),
            Self::Network => one(host.network.as_ref()),
            Self::Platform => one(host.facts.platform.as_ref()),
            Self::Provider => vec![host.cloud.provider().to_string()],
            Self::Region => vec![host.cloud.region().to_owned()],
            Self::ScalingGroup => one(host.scaling_group.as_ref()),
            Self::SecurityGroup => host.security_groups.clone(),
            Self::Subnet => one(host.subnet.as_ref()),
            Self::Tag(key) => one(host.tags.get(key)),
        }
    }
}

/// Whether `text` is of the form `pattern`, in which `*` is any number of characters.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_number_of_characters() {
        for (pattern, text, expected) in [
            ("web", "web", true),
            ("web", "web1", false),
            ("web*", "web", true),
            ("*web", "a-web", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
