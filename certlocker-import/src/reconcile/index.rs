//! Known hosts by everything that may tell that a found one is the same.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use certlocker_core::KeyFingerprint;
use certlocker_core::host::{AddressKind, CloudId, Host, HostAddress};

use super::Known;
use crate::found::FoundHost;

/// A known host that a found one may be, and why.
pub(super) struct Likeness {
    pub(super) host: usize,
    pub(super) rule: String,
}

pub(super) struct Index<'a> {
    addresses: HashMap<IpAddr, Vec<usize>>,
    clouds: HashMap<&'a CloudId, usize>,
    host_keys: HashMap<&'a KeyFingerprint, Vec<usize>>,
    hostnames: HashMap<&'a str, Vec<usize>>,
    known: &'a Known,
}

impl<'a> Index<'a> {
    pub(super) fn of(known: &'a Known) -> Self {
        let mut index = Self {
            addresses: HashMap::new(),
            clouds: HashMap::with_capacity(known.hosts.len()),
            host_keys: HashMap::new(),
            hostnames: HashMap::new(),
            known,
        };
        for (at, known) in known.hosts.iter().enumerate() {
            index.add(at, &known.host.value);
        }
        index
    }

    fn add(&mut self, at: usize, host: &'a Host) {
        if let Some(cloud) = host.cloud() {
            self.clouds.insert(cloud, at);
        }
        for key in &host.facts().host_keys {
            self.host_keys.entry(key).or_default().push(at);
        }
        // The addresses and names of a machine that is gone are anybody's.
        if host.gone().is_some() {
            return;
        }
        for address in &host.facts().addresses {
            self.addresses.entry(address.ip).or_default().push(at);
        }
        for name in &host.facts().hostnames {
            self.hostnames.entry(name).or_default().push(at);
        }
    }

    pub(super) fn by_cloud(&self, id: &CloudId) -> Option<usize> {
        self.clouds.get(id).copied()
    }

    /// Hosts that a machine with another cloud id may be: by host key, else by name or address.
    pub(super) fn like(&self, found: &FoundHost) -> Vec<Likeness> {
        let mut rules: BTreeMap<usize, String> = BTreeMap::new();
        for key in &found.facts.host_keys {
            for at in self.host_keys.get(key).into_iter().flatten() {
                rules
                    .entry(*at)
                    .or_insert_with(|| "same host key".to_owned());
            }
        }
        if rules.is_empty() {
            self.by_names(found, &mut rules);
            self.by_addresses(found, &mut rules);
        }
        rules
            .into_iter()
            .map(|(host, rule)| Likeness { host, rule })
            .collect()
    }

    fn by_names(&self, found: &FoundHost, rules: &mut BTreeMap<usize, String>) {
        for name in &found.facts.hostnames {
            for at in self.hostnames.get(name.as_str()).into_iter().flatten() {
                if self.shares_names(*at, found) {
                    rules
                        .entry(*at)
                        .or_insert_with(|| format!("same hostname {name}"));
                }
            }
        }
    }

    fn by_addresses(&self, found: &FoundHost, rules: &mut BTreeMap<usize, String>) {
        for address in &found.facts.addresses {
            for at in self.addresses.get(&address.ip).into_iter().flatten() {
                if is_global(address) || self.shares_names(*at, found) {
                    rules
                        .entry(*at)
                        .or_insert_with(|| format!("same address {}", address.ip));
                }
            }
        }
    }

    /// Private names and addresses mean something within one part of one cloud only.
    fn shares_names(&self, at: usize, found: &FoundHost) -> bool {
        match self.known.hosts[at].host.value.cloud() {
            None => true,
            Some(cloud) => {
                cloud.provider() == found.cloud.provider()
                    && cloud.account() == found.cloud.account()
                    && cloud.region() == found.cloud.region()
            }
        }
    }
}

fn is_global(address: &HostAddress) -> bool {
    address.kind != AddressKind::Private
}
