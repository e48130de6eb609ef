//! What clouds say of a machine.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::FieldChange;
use crate::{KeyFingerprint, Timestamp};

/// What a cloud calls a machine, for as long as it exists; never used twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct CloudId(Parts);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Parts {
    account: String,
    instance: String,
    provider: Provider,
    region: String,
}

/// Whose cloud it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// Amazon EC2.
    Aws,
    /// An OpenStack cloud.
    OpenStack,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "aws",
            Self::OpenStack => "openstack",
        })
    }
}

impl CloudId {
    /// The machine `instance` in an account or project, in a region.
    ///
    /// # Errors
    /// [`InvalidCloudId`] for an empty or overlong part, or one with characters that no cloud uses.
    pub fn new(
        provider: Provider,
        account: &str,
        region: &str,
        instance: &str,
    ) -> Result<Self, InvalidCloudId> {
        let part = |text: &str| text.to_owned();
        Self::try_from(Parts {
            account: part(account),
            instance: part(instance),
            provider,
            region: part(region),
        })
    }

    /// Whose cloud it is in.
    pub fn provider(&self) -> Provider {
        self.0.provider
    }

    /// The account or project.
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// The machine.
    pub fn instance(&self) -> &str {
        &self.0.instance
    }
}

impl fmt::Display for CloudId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts {
            account,
            instance,
            provider,
            region,
        } = &self.0;
        write!(f, "{provider}/{account}/{region}/{instance}")
    }
}

impl TryFrom<Parts> for CloudId {
    type Error = InvalidCloudId;

    fn try_from(parts: Parts) -> Result<Self, InvalidCloudId> {
        const LONGEST: usize = 128;
        let fits = |text: &str| {
            (1..=LONGEST).contains(&text.len())
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | ' '))
        };
        if [&parts.account, &parts.instance, &parts.region]
            .into_iter()
            .all(|text| fits(text))
        {
            Ok(Self(parts))
        } else {
            Err(InvalidCloudId)
        }
    }
}

impl From<CloudId> for Parts {
    fn from(id: CloudId) -> Self {
        id.0
    }
}

/// What is no name of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "account, region and instance were expected to be letters, digits, `-`, `_`, `.`, `:` and blanks"
)]
#[non_exhaustive]
pub struct InvalidCloudId;

/// What was seen of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "what sources say of a machine")]
pub struct Facts {
    /// Where it is reached.
    pub addresses: BTreeSet<HostAddress>,
    /// The keys that it shows to whoever connects.
    pub host_keys: BTreeSet<KeyFingerprint>,
    /// Its names in DNS.
    pub hostnames: BTreeSet<String>,
    /// The image it was made of.
    pub image: Option<String>,
    /// The key pair it was made with, by name.
    pub key_pair: Option<String>,
    /// When it was made.
    pub launched: Option<Timestamp>,
    /// Its operating system, as the cloud calls it.
    pub platform: Option<String>,
    /// Whether it runs.
    pub power: Power,
}

/// An address of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "an address and its kind")]
pub struct HostAddress {
    /// The address.
    pub ip: IpAddr,
    /// What becomes of it.
    pub kind: AddressKind,
}

/// What becomes of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AddressKind {
    /// It belongs to the account, which may move it: an elastic or floating address.
    Floating,
    /// It is of a private network.
    Private,
    /// It is lent while the machine runs.
    Public,
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Power {
    /// It comes or goes.
    Changing,
    /// It runs.
    Running,
    /// It exists, and does not run.
    Stopped,
    /// It is gone, though the cloud still lists it.
    Terminated,
    /// Nobody says.
    #[default]
    Unknown,
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changing => "changing",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Terminated => "terminated",
            Self::Unknown => "unknown",
        })
    }
}

impl Facts {
    /// What is different in `next`.
    pub fn changes(&self, next: &Self) -> Vec<FieldChange> {
        if self == next {
            return Vec::new();
        }
        let fields = [
            ("addresses", list(&self.ips()), list(&next.ips())),
            ("host keys", list(&self.host_keys), list(&next.host_keys)),
            ("hostnames", list(&self.hostnames), list(&next.hostnames)),
            ("image", self.image.clone(), next.image.clone()),
            ("key pair", self.key_pair.clone(), next.key_pair.clone()),
            ("launched", shown(self.launched), shown(next.launched)),
            ("platform", self.platform.clone(), next.platform.clone()),
            ("power", shown(Some(self.power)), shown(Some(next.power))),
        ];
        fields
            .into_iter()
            .filter_map(|(field, before, after)| FieldChange::of(field, before, after))
            .collect()
    }

    fn ips(&self) -> BTreeSet<IpAddr> {
        self.addresses.iter().map(|address| address.ip).collect()
    }
}

fn list<T: fmt::Display>(of: &BTreeSet<T>) -> Option<String> {
    let texts: Vec<String> = of.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn shown<T: fmt::Display>(of: Option<T>) -> Option<String> {
    of.map(|value| value.to_string())
}
