//! Inventories of Ansible: INI, YAML, and the JSON that an inventory script prints.
//!
//! All three say the same. Groups are flat below `all`. A host's variables are `ansible_host`,
//! `ansible_user`, `ansible_port` and `ansible_ssh_private_key_file` as far as they are known, and
//! `certlocker_id`, `certlocker_cloud` and `certlocker_name`, its name as it is. The account that a group
//! gives its hosts is a variable of the group.
//!
//! Ansible runs what stands between braces in a variable: a value with such braces is left out.

mod ini;
mod json;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::{GroupId, HostId};

use super::name::{Names, shown};
use super::{Export, ExportError, HostAt, Settings, Snapshot, User};

/// The form of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "the forms that Ansible reads by itself"
)]
pub enum Form {
    /// The oldest, a section for each group.
    Ini,
    /// What an inventory script prints for `--list`.
    Json,
    /// A tree.
    Yaml,
}

/// Hosts as an inventory.
///
/// # Errors
/// [`ExportError::Setting`].
pub fn inventory(
    snapshot: &Snapshot,
    settings: &Settings,
    form: Form,
) -> Result<Export, ExportError> {
    settings.check()?;
    let inventory = Inventory::of(snapshot, settings);
    let text = match form {
        Form::Ini => ini::text(&inventory),
        Form::Json => json::text(&inventory),
        Form::Yaml => yaml::text(&inventory),
    };
    let notes = inventory.notes;
    Ok(Export { notes, text })
}

/// What an inventory script prints for `--host`: the variables of one host by its name in the inventory,
/// and of one that is not there none.
///
/// # Errors
/// [`ExportError::Setting`].
pub fn host_variables(
    snapshot: &Snapshot,
    settings: &Settings,
    name: &str,
) -> Result<Export, ExportError> {
    settings.check()?;
    let inventory = Inventory::of(snapshot, settings);
    let text = json::host(inventory.hosts.get(name));
    let notes = Vec::new();
    Ok(Export { notes, text })
}

type Variables = BTreeMap<&'static str, Value>;

enum Value {
    Number(u16),
    Text(String),
}

/// An inventory before it is written.
struct Inventory {
    groups: BTreeMap<String, Group>,
    hosts: BTreeMap<String, Variables>,
    notes: Vec<String>,
    ungrouped: BTreeSet<String>,
}

#[derive(Default)]
struct Group {
    hosts: BTreeSet<String>,
    variables: Variables,
}

impl Inventory {
    fn of(snapshot: &Snapshot, settings: &Settings) -> Self {
        let names = Names::of_hosts(&snapshot.hosts).and_groups(&snapshot.groups);
        let mut inventory = Self {
            groups: groups(snapshot, &names),
            hosts: BTreeMap::new(),
            notes: names.notes,
            ungrouped: BTreeSet::new(),
        };
        for (id, host) in &snapshot.hosts {
            let name = names.hosts[id].clone();
            for group in of_host(host, &names.groups) {
                let group = inventory.groups.entry(group.clone()).or_default();
                group.hosts.insert(name.clone());
            }
            if host.groups.is_empty() {
                inventory.ungrouped.insert(name.clone());
            }
            let variables = variables(id, host, snapshot, settings, &mut inventory.notes);
            inventory.hosts.insert(name, variables);
        }
        inventory
    }
}

fn of_host<'a>(
    host: &'a HostAt,
    names: &'a BTreeMap<GroupId, String>,
) -> impl Iterator<Item = &'a String> {
    host.groups.iter().filter_map(|id| names.get(id))
}

fn groups(snapshot: &Snapshot, names: &Names) -> BTreeMap<String, Group> {
    let group = |(id, name): (&GroupId, &String)| {
        let login = snapshot.groups[id].login.as_ref();
        let login = login.filter(|login| super::name::is_login(login));
        let login = login.map(|login| ("ansible_user", Value::Text(login.clone())));
        let group = Group {
            variables: login.into_iter().collect(),
            ..Group::default()
        };
        (name.clone(), group)
    };
    names.groups.iter().map(group).collect()
}

fn variables(
    id: &HostId,
    host: &HostAt,
    snapshot: &Snapshot,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Variables {
    let user = host.user(&snapshot.groups);
    let name = user.name(host, notes);
    // What a group says is said there.
    let name = name.filter(|_| !matches!(user, User::Group(_)));
    let destination = host.destination(settings.address);
    if destination.is_none() {
        let name = shown(&host.name);
        notes.push(format!("host {name} has no address that could be used"));
    }
    let text = |name, value: Option<String>| value.map(|value| (name, Value::Text(value)));
    let port = settings
        .port
        .map(|port| ("ansible_port", Value::Number(port)));
    let cloud = host.cloud.as_ref().map(ToString::to_string);
    let all = [
        text("ansible_host", destination),
        port,
        text("ansible_ssh_private_key_file", settings.identity(host)),
        text("ansible_user", name),
        text("certlocker_cloud", cloud),
        text("certlocker_id", Some(id.to_string())),
        text("certlocker_name", plain_name(host, notes)),
    ];
    all.into_iter().flatten().collect()
}

/// The name, unless Ansible would run a part of it.
fn plain_name(host: &HostAt, notes: &mut Vec<String>) -> Option<String> {
    const TEMPLATES: [&str; 3] = ["{{", "{%", "{#"];
    if !TEMPLATES.iter().any(|begin| host.name.contains(begin)) {
        return Some(host.name.clone());
    }
    let name = shown(&host.name);
    notes.push(format!(
        "the name {name} is no variable: Ansible would run what is between the braces"
    ));
    None
}
