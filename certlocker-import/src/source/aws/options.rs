//! What is asked of EC2, where, and how patiently.

use std::str::FromStr;
use std::time::Duration;

use certlocker_core::Secret;

/// What is asked, where, and how patiently.
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct Options {
    /// The account that the machines are of; if it is not said, STS is asked.
    pub account: Option<String>,
    /// How often one question is asked before it counts as not answered.
    pub attempts: u32,
    /// How long one answer may take.
    pub attempt_timeout: Duration,
    /// The longest pause before the second attempt; it doubles with each, up to [`Self::pause_limit`],
    /// and how much of it is waited is random.
    pub pause: Duration,
    /// The longest pause before any attempt.
    pub pause_limit: Duration,
    /// Only machines that fit all of these.
    pub filters: Vec<Filter>,
    /// Where EC2 and STS are, if not at Amazon's addresses.
    pub endpoint: Option<String>,
    /// Where the metadata service is, if not where every machine of EC2 has it.
    pub metadata_endpoint: Option<String>,
    /// The code of the device that a role is assumed with.
    pub mfa_code: Option<Secret>,
    /// How many machines a page has at most: 5 to 1000, as EC2 wants it.
    pub page_size: u16,
    /// The regions; all that are enabled for the account if there are none.
    pub regions: Vec<String>,
    /// Where STS is, if neither at Amazon's addresses nor at [`Self::endpoint`].
    pub sts_endpoint: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: None,
            attempts: 6,
            attempt_timeout: Duration::from_secs(60),
            pause: Duration::from_secs(1),
            pause_limit: Duration::from_secs(20),
            filters: Vec::new(),
            endpoint: None,
            metadata_endpoint: None,
            mfa_code: None,
            page_size: 1_000,
            regions: Vec::new(),
            sts_endpoint: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("account", &self.account)
            .field("endpoint", &self.endpoint)
            .field("filters", &self.filters)
            .field("page_size", &self.page_size)
            .field("regions", &self.regions)
            .finish_non_exhaustive()
    }
}

/// What a machine has to be, in the words of
/// [DescribeInstances](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html):
/// `NAME=VALUE,…`, as in `tag:env=prod,test`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a name and values")]
pub struct Filter {
    /// The name.
    pub name: String,
    /// The values, of which one has to fit; `*` and `?` stand for others.
    pub values: Vec<String>,
}

impl FromStr for Filter {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        match text.split_once('=') {
            Some((name, values)) if !name.trim().is_empty() && !values.trim().is_empty() => {
                Ok(Self {
                    name: name.trim().to_owned(),
                    values: values
                        .split(',')
                        .map(|value| value.trim().to_owned())
                        .collect(),
                })
            }
            _ => Err(InvalidOption::NoFilter),
        }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.values.join(","))
    }
}

/// Options that cannot be asked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOption {
    /// An account has another form.
    #[error("an account was expected to be a number of 12 digits")]
    NoAccount,
    /// A filter has another form.
    #[error("a filter was expected to be NAME=VALUE,…, as in tag:env=prod,test")]
    NoFilter,
    /// An endpoint has another form.
    #[error(
        "an endpoint was expected to be http://HOST[:PORT] or https://HOST[:PORT], without a user or a query"
    )]
    NoEndpoint,
    /// A region has another form.
    #[error("`{0}` is no region: one was expected, as in eu-west-1")]
    NoRegion(String),
    /// EC2 takes no such page.
    #[error("a page was expected to have 5 to 1000 machines")]
    NoPage,
    /// A zone of a region was given.
    #[error("`{zone}` is a zone: its region is {region}")]
    Zone {
        /// The region.
        region: String,
        /// What was given.
        zone: String,
    },
}

impl Options {
    pub(super) fn check(&self) -> Result<(), InvalidOption> {
        let is_account =
            |text: &String| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !self.account.as_ref().is_none_or(is_account) {
            return Err(InvalidOption::NoAccount);
        }
        if !(5..=1_000).contains(&self.page_size) {
            return Err(InvalidOption::NoPage);
        }
        let endpoints = [&self.endpoint, &self.metadata_endpoint, &self.sts_endpoint];
        if !endpoints
            .into_iter()
            .flatten()
            .all(|text| is_endpoint(text))
        {
            return Err(InvalidOption::NoEndpoint);
        }
        self.regions
            .iter()
            .try_for_each(|region| check_region(region))
    }
}

/// The name of a region becomes part of the name of a host, which is sent signatures and tokens.
pub(super) fn check_region(text: &str) -> Result<(), InvalidOption> {
    const LONGEST: usize = 32;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(plain) {
        let printable = text.chars().filter(|c| !c.is_control()).take(LONGEST);
        return Err(InvalidOption::NoRegion(printable.collect()));
    }
    let region = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    if region != text && region.ends_with(|c: char| c.is_ascii_digit()) {
        return Err(InvalidOption::Zone {
            region: region.to_owned(),
            zone: text.to_owned(),
        });
    }
    Ok(())
}

fn is_endpoint(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]/".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_no_zone_and_no_part_of_another_name() {
        for (text, expected) in [
            ("eu-west-1", None),
            ("us-gov-east-1", None),
            ("eusc-de-east-1", None),
            ("eu-west-1a", Some("its region is eu-west-1")),
            ("us-west-2-lax-1a", Some("is a zone")),
            ("", Some("is no region")),
            ("EU-WEST-1", Some("is no region")),
            ("x.evil.example/", Some("is no region")),
            ("eu-west-1@evil", Some("is no region")),
        ] {
            let said = check_region(text).err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(said, None, "{text}"),
                Some(part) => assert!(said.unwrap().contains(part), "{text}"),
            }
        }
    }

    #[test]
    fn an_endpoint_has_neither_a_user_nor_a_query() {
        for (text, expected) in [
            ("http://127.0.0.1:5000", true),
            ("https://ec2.example/", true),
            ("https://[::1]:8443", true),
            ("ec2.example", false),
            ("https://", false),
            ("https://user:password@ec2.example", false),
            ("https://ec2.example?token=1", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_endpoint(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_of_a_filter_may_have_an_equals_sign() {
        let filter: Filter = "tag:owner=team=a, b".parse().unwrap();
        assert_eq!(filter.name, "tag:owner");
        assert_eq!(filter.values, ["team=a", "b"]);
        assert_eq!("tag:owner=".parse::<Filter>(), Err(InvalidOption::NoFilter));
        assert_eq!("running".parse::<Filter>(), Err(InvalidOption::NoFilter));
    }
}
