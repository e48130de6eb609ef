//! What `aws ec2 describe-…` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use certlocker_core::Timestamp;
use certlocker_core::host::{AddressKind, CloudId, Facts, HostAddress, Power, Provider};
use serde_json::Value;

use super::{Defaults, Image, Machines, RecordedError, items, member, text};
use crate::found::{FoundHost, Scope};
use crate::keys::KeyPair;

pub(super) fn images(value: &Value) -> BTreeMap<String, Image> {
    let read = |image: &Value| {
        let name = member(image, "Name")?;
        let owner = member(image, "OwnerId");
        Some((member(image, "ImageId")?, Image { name, owner }))
    };
    items(value, "Images").filter_map(read).collect()
}

pub(super) fn key_pairs(value: &Value) -> Vec<KeyPair> {
    items(value, "KeyPairs")
        .filter_map(|pair| {
            Some(KeyPair {
                created: member(pair, "CreateTime").and_then(|at| Timestamp::parse(&at).ok()),
                fingerprint: member(pair, "KeyFingerprint").and_then(|text| text.parse().ok()),
                name: member(pair, "KeyName")?,
                public: public(pair.get("PublicKey")),
            })
        })
        .collect()
}

/// A public key may be longer than any other text.
pub(super) fn public(value: Option<&Value>) -> Option<certlocker_core::SshKey> {
    value?.as_str()?.parse().ok()
}

pub(super) fn instances(value: &Value, defaults: &Defaults) -> Result<Machines, RecordedError> {
    let mut machines = Machines::default();
    let mut scopes = BTreeSet::new();
    let mut unread = 0;
    for reservation in items(value, "Reservations") {
        // In a shared network, the owner of the instance is that of the reservation.
        let account = member(reservation, "OwnerId").or_else(|| defaults.account.clone());
        for instance in items(reservation, "Instances") {
            let account = account
                .as_deref()
                .ok_or(RecordedError::Nowhere("account"))?;
            let region = region(instance)
                .or_else(|| defaults.region.clone())
                .ok_or(RecordedError::Nowhere("region"))?;
            match host(instance, account, &region) {
                Some(host) => {
                    scopes.insert(Scope::of(&host.cloud));
                    machines.hosts.push((Scope::of(&host.cloud), host));
                }
                None => unread += 1,
            }
        }
    }
    let cut = value.get("NextToken").is_some_and(|token| !token.is_null());
    if let Some(why) = lacking(cut, unread) {
        machines.incomplete = scopes
            .into_iter()
            .map(|scope| (scope, why.clone()))
            .collect();
    }
    Ok(machines)
}

pub(super) fn lacking(cut: bool, unread: usize) -> Option<String> {
    if cut {
        return Some("the recording ends before the last page".to_owned());
    }
    (unread > 0)
        .then(|| format!("{unread} machines of the recording have no name that can be read"))
}

/// The region of an availability zone, also of a local zone: `us-west-2-lax-1a` is in `us-west-2`.
fn region(instance: &Value) -> Option<String> {
    let zone = member(instance.get("Placement")?, "AvailabilityZone")?;
    let mut parts = Vec::new();
    for part in zone.split('-') {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            parts.push(part.to_owned());
        } else {
            parts.push(digits);
            return Some(parts.join("-"));
        }
    }
    None
}

fn host(instance: &Value, account: &str, region: &str) -> Option<FoundHost> {
    let id = member(instance, "InstanceId")?;
    let cloud = CloudId::new(Provider::Aws, account, region, &id).ok()?;
    let tags: BTreeMap<String, String> = items(instance, "Tags")
        .filter_map(|tag| {
            Some((
                member(tag, "Key")?,
                text(tag.get("Value")?).unwrap_or_default(),
            ))
        })
        .collect();
    Some(FoundHost {
        cloud,
        facts: facts(instance),
        image_login: None,
        image_name: None,
        image_owner: None,
        managed_by: managed_by(instance),
        name: tags.get("Name").filter(|name| !name.is_empty()).cloned(),
        network: member(instance, "VpcId"),
        scaling_group: tags.get("aws:autoscaling:groupName").cloned(),
        security_groups: security_groups(instance),
        subnet: member(instance, "SubnetId"),
        tags,
    })
}

/// The groups of the machine and of each of its interfaces.
fn security_groups(instance: &Value) -> Vec<String> {
    let interfaces = items(instance, "NetworkInterfaces");
    let groups = items(instance, "SecurityGroups")
        .chain(interfaces.flat_map(|interface| items(interface, "Groups")));
    let names: BTreeSet<String> = groups
        .filter_map(|group| member(group, "GroupName"))
        .collect();
    names.into_iter().collect()
}

fn managed_by(instance: &Value) -> Option<String> {
    let operator = instance.get("Operator")?;
    let managed = operator.get("Managed").and_then(Value::as_bool) == Some(true);
    managed.then(|| member(operator, "Principal").unwrap_or_else(|| "a service".to_owned()))
}

fn facts(instance: &Value) -> Facts {
    let launched = member(instance, "LaunchTime");
    Facts {
        addresses: addresses(instance),
        host_keys: BTreeSet::new(),
        hostnames: hostnames(instance),
        image: member(instance, "ImageId"),
        key_pair: member(instance, "KeyName"),
        launched: launched.and_then(|at| Timestamp::parse(&at).ok()),
        platform: member(instance, "PlatformDetails").or_else(|| member(instance, "Platform")),
        power: power(instance),
    }
}

fn power(instance: &Value) -> Power {
    let state = instance
        .get("State")
        .and_then(|state| member(state, "Name"));
    match state.as_deref() {
        Some("running") => Power::Running,
        Some("stopped") => Power::Stopped,
        Some("terminated") => Power::Terminated,
        Some("pending" | "shutting-down" | "stopping") => Power::Changing,
        _ => Power::Unknown,
    }
}

/// The names of the machine and of the addresses of each interface.
fn hostnames(instance: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |of: &Value| {
        names.extend(member(of, "PrivateDnsName"));
        names.extend(member(of, "PublicDnsName"));
    };
    add(instance);
    for interface in items(instance, "NetworkInterfaces") {
        add(interface);
        for address in items(interface, "PrivateIpAddresses") {
            add(address);
            address.get("Association").into_iter().for_each(&mut add);
        }
    }
    names
}

/// The addresses of every interface; those of the instance itself, if it lists no interfaces.
fn addresses(instance: &Value) -> BTreeSet<HostAddress> {
    let mut all = BTreeSet::new();
    for interface in items(instance, "NetworkInterfaces") {
        for address in items(interface, "PrivateIpAddresses") {
            all.extend(ip(address.get("PrivateIpAddress"), AddressKind::Private));
            let association = address.get("Association");
            all.extend(association.and_then(public_ip));
        }
        for address in items(interface, "Ipv6Addresses") {
            all.extend(ip(address.get("Ipv6Address"), AddressKind::Public));
        }
    }
    if all.is_empty() {
        all.extend(ip(instance.get("PrivateIpAddress"), AddressKind::Private));
        all.extend(ip(instance.get("PublicIpAddress"), AddressKind::Public));
        all.extend(ip(instance.get("Ipv6Address"), AddressKind::Public));
    }
    all
}

/// An address that Amazon owns is lent; one of an account is an elastic one.
fn public_ip(association: &Value) -> Option<HostAddress> {
    let kind = match member(association, "IpOwnerId").as_deref() {
        Some("amazon") | None => AddressKind::Public,
        Some(_) => AddressKind::Floating,
    };
    let carrier = association.get("CarrierIp");
    ip(association.get("PublicIp"), kind).or_else(|| ip(carrier, AddressKind::Public))
}

pub(super) fn ip(value: Option<&Value>, kind: AddressKind) -> Option<HostAddress> {
    let ip: IpAddr = value?.as_str()?.parse().ok()?;
    Some(HostAddress { ip, kind })
}
