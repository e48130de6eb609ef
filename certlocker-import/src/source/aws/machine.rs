//! A machine of EC2, as the rest of an import knows machines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_sdk_ec2::types::{
    Instance, InstanceNetworkInterface, InstanceNetworkInterfaceAssociation, InstanceStateName,
    KeyPairInfo,
};
use aws_smithy_types::DateTime;
use certlocker_core::Timestamp;
use certlocker_core::host::{AddressKind, CloudId, Facts, HostAddress, Power, Provider};

use super::super::text::line;
use super::images::Image;
use crate::found::{FoundHost, Scope};
use crate::keys::KeyPair;

/// A machine, unless it has no name that can be read.
pub(super) fn host(instance: &Instance, scope: &Scope, image: Option<&Image>) -> Option<FoundHost> {
    let id = text(instance.instance_id())?;
    let cloud = CloudId::new(Provider::Aws, &scope.account, &scope.region, &id).ok()?;
    let tags = tags(instance);
    let image_name = image.and_then(|image| image.name.clone());
    let image_owner = image.and_then(|image| image.owner.clone());
    Some(FoundHost {
        cloud,
        facts: facts(instance),
        image_login: None,
        image_name,
        image_owner,
        managed_by: managed_by(instance),
        name: tags.get("Name").filter(|name| !name.is_empty()).cloned(),
        network: text(instance.vpc_id()),
        scaling_group: tags.get("aws:autoscaling:groupName").cloned(),
        security_groups: security_groups(instance),
        subnet: text(instance.subnet_id()),
        tags,
    })
}

/// A key pair, unless it has no name.
pub(super) fn key_pair(pair: &KeyPairInfo) -> Option<KeyPair> {
    let read = |text: Option<&str>| Some(text?.trim().to_owned());
    Some(KeyPair {
        created: pair.create_time().and_then(time),
        fingerprint: read(pair.key_fingerprint()).and_then(|text| text.parse().ok()),
        name: text(pair.key_name())?,
        public: read(pair.public_key()).and_then(|text| text.parse().ok()),
    })
}

pub(super) fn text(text: Option<&str>) -> Option<String> {
    line(text?)
}

fn time(at: &DateTime) -> Option<Timestamp> {
    const MICROS: i128 = 1_000;
    i64::try_from(at.as_nanos() / MICROS)
        .ok()
        .map(Timestamp::from_micros)
}

fn tags(instance: &Instance) -> BTreeMap<String, String> {
    let tags = instance.tags().iter();
    tags.filter_map(|tag| Some((text(tag.key())?, text(tag.value()).unwrap_or_default())))
        .collect()
}

fn managed_by(instance: &Instance) -> Option<String> {
    let operator = instance
        .operator()
        .filter(|operator| operator.managed() == Some(true))?;
    let unnamed = || "a service".to_owned();
    Some(text(operator.principal()).unwrap_or_else(unnamed))
}

/// The groups of the machine and of each of its interfaces.
fn security_groups(instance: &Instance) -> Vec<String> {
    let interfaces = instance.network_interfaces().iter();
    let groups = instance
        .security_groups()
        .iter()
        .chain(interfaces.flat_map(|interface| interface.groups()));
    let names: BTreeSet<String> = groups
        .filter_map(|group| text(group.group_name()))
        .collect();
    names.into_iter().collect()
}

fn facts(instance: &Instance) -> Facts {
    let platform = instance.platform().map(|platform| platform.as_str());
    Facts {
        addresses: addresses(instance),
        host_keys: BTreeSet::new(),
        hostnames: hostnames(instance),
        image: text(instance.image_id()),
        key_pair: text(instance.key_name()),
        launched: instance.launch_time().and_then(time),
        platform: text(instance.platform_details()).or_else(|| text(platform)),
        power: power(instance),
    }
}

fn power(instance: &Instance) -> Power {
    match instance.state().and_then(|state| state.name()) {
        Some(InstanceStateName::Running) => Power::Running,
        Some(InstanceStateName::Stopped) => Power::Stopped,
        Some(InstanceStateName::Terminated) => Power::Terminated,
        Some(
            InstanceStateName::Pending
            | InstanceStateName::ShuttingDown
            | InstanceStateName::Stopping,
        ) => Power::Changing,
        _ => Power::Unknown,
    }
}

/// The names of the machine and of the addresses of each interface.
fn hostnames(instance: &Instance) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [instance.private_dns_name(), instance.public_dns_name()]
        .into_iter()
        .filter_map(text)
        .collect();
    for interface in instance.network_interfaces() {
        names.extend(text(interface.private_dns_name()));
        for address in interface.private_ip_addresses() {
            names.extend(text(address.private_dns_name()));
            let association = address.association();
            names.extend(association.and_then(|to| text(to.public_dns_name())));
        }
    }
    names
}

/// The addresses of every interface; those of the instance itself, if it lists no interfaces.
fn addresses(instance: &Instance) -> BTreeSet<HostAddress> {
    let interfaces = instance.network_interfaces().iter();
    let mut all: BTreeSet<HostAddress> = interfaces.flat_map(of_interface).collect();
    if all.is_empty() {
        all.extend(ip(instance.private_ip_address(), AddressKind::Private));
        all.extend(ip(instance.public_ip_address(), AddressKind::Public));
        all.extend(ip(instance.ipv6_address(), AddressKind::Public));
    }
    all
}

fn of_interface(interface: &InstanceNetworkInterface) -> Vec<HostAddress> {
    let mut all = Vec::new();
    for address in interface.private_ip_addresses() {
        all.extend(ip(address.private_ip_address(), AddressKind::Private));
        all.extend(address.association().and_then(public_ip));
    }
    for address in interface.ipv6_addresses() {
        all.extend(ip(address.ipv6_address(), AddressKind::Public));
    }
    all
}

/// An address that Amazon owns is lent; one of an account is an elastic one.
fn public_ip(association: &InstanceNetworkInterfaceAssociation) -> Option<HostAddress> {
    let kind = match association.ip_owner_id() {
        Some("amazon") | None => AddressKind::Public,
        Some(_) => AddressKind::Floating,
    };
    ip(association.public_ip(), kind).or_else(|| ip(association.carrier_ip(), AddressKind::Public))
}

fn ip(text: Option<&str>, kind: AddressKind) -> Option<HostAddress> {
    let ip: IpAddr = text?.parse().ok()?;
    Some(HostAddress { ip, kind })
}
