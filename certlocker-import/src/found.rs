//! What a source finds.

use std::collections::BTreeMap;

use certlocker_core::host::{CloudId, Facts, Provider};

use crate::keys::KeyPair;

/// A machine as a source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by every source")]
pub struct FoundHost {
    /// What the cloud calls it.
    pub cloud: CloudId,
    /// What is compared with what is known.
    pub facts: Facts,
    /// What its image says that the account is called.
    pub image_login: Option<String>,
    /// The name of its image.
    pub image_name: Option<String>,
    /// Who made its image: an account.
    pub image_owner: Option<String>,
    /// The service that runs it, if it is not the account's own.
    pub managed_by: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its network or VPC.
    pub network: Option<String>,
    /// The group that makes and ends it as it is needed.
    pub scaling_group: Option<String>,
    /// Its security groups, by name.
    pub security_groups: Vec<String>,
    /// Its subnet.
    pub subnet: Option<String>,
    /// Its tags or metadata.
    pub tags: BTreeMap<String, String>,
}

/// A part of a cloud that is looked at as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs, reason = "where machines are")]
pub struct Scope {
    /// The account or project.
    pub account: String,
    /// Whose cloud.
    pub provider: Provider,
    /// The region.
    pub region: String,
}

impl Scope {
    /// Where a machine is.
    pub fn of(cloud: &CloudId) -> Self {
        Self {
            account: cloud.account().to_owned(),
            provider: cloud.provider(),
            region: cloud.region().to_owned(),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.provider, self.account, self.region)
    }
}

/// Everything that a source found, with what it could not see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "put together from pages")]
pub struct Discovery {
    /// Parts that were seen to their end: a known host of one of them that was not found is gone.
    pub complete: Vec<Scope>,
    /// Parts that were not, and why: nothing is concluded from what is missing there.
    pub failed: Vec<(Scope, String)>,
    /// The machines.
    pub hosts: Vec<FoundHost>,
    /// The key pairs of each part.
    pub key_pairs: Vec<(Scope, KeyPair)>,
    /// What else could not be seen of a part, and why: key pairs, or the names of images.
    pub lacking: Vec<(Scope, String)>,
    /// Parts of which only some machines were asked for, which were all seen: nothing is concluded from
    /// what is missing there.
    pub selected: Vec<Scope>,
}

impl Discovery {
    /// Parts in the order of their names, and machines of each in the order of the source: parts are
    /// read at the same time, and which is faster means nothing.
    pub(crate) fn in_order(&mut self) {
        self.complete.sort();
        self.failed.sort();
        self.lacking.sort();
        self.selected.sort();
        self.key_pairs
            .sort_by(|(one, _), (other, _)| one.cmp(other));
        let place = |host: &FoundHost| {
            let cloud = &host.cloud;
            (
                cloud.account().to_owned(),
                cloud.provider(),
                cloud.region().to_owned(),
            )
        };
        self.hosts.sort_by_cached_key(place);
    }
}
