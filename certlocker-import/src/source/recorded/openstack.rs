//! What `openstack … list -f json` prints, and what Nova answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use certlocker_core::Timestamp;
use certlocker_core::host::{AddressKind, CloudId, Facts, HostAddress, Power, Provider};
use serde_json::Value;

use super::aws::{ip, lacking, public};
use super::{Defaults, Machines, RecordedError, items, member, text};
use crate::found::{FoundHost, Scope};
use crate::keys::KeyPair;

pub(in crate::source) fn key_pairs(value: &Value) -> Vec<KeyPair> {
    let of_nova = items(value, "keypairs").filter_map(|item| item.get("keypair"));
    let of_client = value.as_array().into_iter().flatten();
    let either = |pair: &Value, nova: &str, client: &str| {
        member(pair, nova).or_else(|| member(pair, client))
    };
    of_nova
        .chain(of_client)
        .filter_map(|pair| {
            Some(KeyPair {
                created: None,
                fingerprint: either(pair, "fingerprint", "Fingerprint")
                    .and_then(|text| text.parse().ok()),
                name: either(pair, "name", "Name")?,
                public: public(pair.get("public_key")),
            })
        })
        .collect()
}

pub(super) fn servers(value: &Value, defaults: &Defaults) -> Result<Machines, RecordedError> {
    let region = defaults
        .region
        .as_deref()
        .ok_or(RecordedError::Nowhere("region"))?;
    let mut machines = Machines::default();
    let mut scopes = BTreeSet::new();
    let mut unread = 0;
    let of_client = value.as_array().into_iter().flatten();
    for server in items(value, "servers").chain(of_client) {
        let project = ["tenant_id", "Project ID", "project_id"]
            .iter()
            .find_map(|name| member(server, name))
            .or_else(|| defaults.account.clone())
            .ok_or(RecordedError::Nowhere("project"))?;
        match host(server, &project, region) {
            Some(host) => {
                scopes.insert(Scope::of(&host.cloud));
                machines.hosts.push((Scope::of(&host.cloud), host));
            }
            None => unread += 1,
        }
    }
    let cut =
        items(value, "servers_links").any(|link| member(link, "rel").as_deref() == Some("next"));
    if let Some(why) = lacking(cut, unread) {
        machines.incomplete = scopes
            .into_iter()
            .map(|scope| (scope, why.clone()))
            .collect();
    }
    Ok(machines)
}

/// A machine of a list; none if it has no name that can be read.
pub(in crate::source) fn host(server: &Value, project: &str, region: &str) -> Option<FoundHost> {
    let id = member(server, "id").or_else(|| member(server, "ID"))?;
    let cloud = CloudId::new(Provider::OpenStack, project, region, &id).ok()?;
    let tags = tags(server);
    let image = server.get("image");
    let property = |name: &str| member(image?.get("properties")?, name);
    let addresses = addresses(server);
    let network = addresses.first().map(|(network, _)| network.clone());
    let groups = items(server, "security_groups").filter_map(|group| member(group, "name"));
    Some(FoundHost {
        cloud,
        facts: Facts {
            addresses: addresses
                .into_iter()
                .flat_map(|(_, addresses)| addresses)
                .collect(),
            host_keys: BTreeSet::new(),
            hostnames: BTreeSet::new(),
            image: image
                .and_then(|image| member(image, "id"))
                .or_else(|| member(server, "Image ID")),
            key_pair: member(server, "key_name").or_else(|| member(server, "Key Name")),
            launched: member(server, "created").and_then(|at| Timestamp::parse(&at).ok()),
            platform: property("os_distro"),
            power: power(server),
        },
        image_login: property("os_admin_user"),
        image_name: member(server, "Image Name").or_else(|| member(server, "Image")),
        image_owner: None,
        managed_by: None,
        name: member(server, "name").or_else(|| member(server, "Name")),
        network,
        scaling_group: None,
        security_groups: groups.collect(),
        subnet: None,
        tags,
    })
}

/// Metadata, which the client calls properties and may print as one text.
fn tags(server: &Value) -> BTreeMap<String, String> {
    let metadata = server.get("metadata").or_else(|| server.get("Properties"));
    let pairs = metadata.and_then(Value::as_object).into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((text(&Value::from(key.as_str()))?, text(value)?)))
        .collect()
}

fn power(server: &Value) -> Power {
    let status = member(server, "status").or_else(|| member(server, "Status"));
    match status.as_deref() {
        Some("ACTIVE" | "PASSWORD") => Power::Running,
        Some("SHUTOFF" | "STOPPED" | "SUSPENDED" | "PAUSED" | "SHELVED" | "SHELVED_OFFLOADED") => {
            Power::Stopped
        }
        Some("DELETED" | "SOFT_DELETED") => Power::Terminated,
        Some(
            "BUILD" | "REBUILD" | "REBOOT" | "HARD_REBOOT" | "MIGRATING" | "RESIZE"
            | "VERIFY_RESIZE" | "REVERT_RESIZE",
        ) => Power::Changing,
        _ => Power::Unknown,
    }
}

/// Addresses by network, in each of the forms that there are.
fn addresses(server: &Value) -> Vec<(String, Vec<HostAddress>)> {
    if let Some(networks) = server.get("addresses").and_then(Value::as_object) {
        let of = |list: &Value| {
            list.as_array()
                .into_iter()
                .flatten()
                .filter_map(of_nova)
                .collect()
        };
        return networks
            .iter()
            .map(|(name, list)| (name.clone(), of(list)))
            .collect();
    }
    match server.get("Networks") {
        Some(Value::Object(networks)) => {
            let of = |list: &Value| {
                let list = list.as_array().into_iter().flatten();
                list.filter_map(|ip| of_client(ip.as_str()?)).collect()
            };
            networks
                .iter()
                .map(|(name, list)| (name.clone(), of(list)))
                .collect()
        }
        Some(Value::String(networks)) => networks
            .split(';')
            .filter_map(|network| network.trim().split_once('='))
            .map(|(name, list)| {
                (
                    name.to_owned(),
                    list.split(',').filter_map(of_client).collect(),
                )
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn of_nova(address: &Value) -> Option<HostAddress> {
    let kind = match member(address, "OS-EXT-IPS:type").as_deref() {
        Some("floating") => AddressKind::Floating,
        _ => return of_client(address.get("addr")?.as_str()?),
    };
    ip(address.get("addr"), kind)
}

/// The client does not say what kind an address is.
fn of_client(text: &str) -> Option<HostAddress> {
    let ip: IpAddr = text.trim().parse().ok()?;
    let private = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    let kind = if private {
        AddressKind::Private
    } else {
        AddressKind::Public
    };
    Some(HostAddress { ip, kind })
}
