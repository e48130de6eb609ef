//! Names that are valid where they are to stand, each given once.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::{GroupId, HostId};

use super::{GroupAt, HostAt};

/// What hosts and groups are called in a file.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) groups: BTreeMap<GroupId, String>,
    pub(super) hosts: BTreeMap<HostId, String>,
    pub(super) notes: Vec<String>,
}

/// Names with a meaning of their own. A play on a machine that is called `localhost` would run on the
/// machine of whoever starts it.
const RESERVED: [&str; 6] = ["all", "ungrouped", "_meta", "localhost", "127.0.0.1", "::1"];

impl Names {
    /// Names for hosts, of letters, digits, `.`, `_` and `-`. Where several would have one name, none of
    /// them has: each is called by its cloud's name for it, or its id, too.
    pub(super) fn of_hosts(hosts: &BTreeMap<HostId, HostAt>) -> Self {
        let mut names = Self::default();
        let mut wanted: BTreeMap<String, Vec<HostId>> = BTreeMap::new();
        for (id, host) in hosts {
            let name = valid(&host.name, "host_", is_of_host);
            wanted.entry(name).or_default().push(*id);
        }
        let mut taken: BTreeSet<String> = wanted.keys().cloned().collect();
        for (name, ids) in wanted {
            for id in &ids {
                let called = match ids.len() {
                    1 => name.clone(),
                    _ => distinct(&name, id, &hosts[id], &mut taken),
                };
                names.say_host(&hosts[id], &called, ids.len());
                names.hosts.insert(*id, called);
            }
        }
        names
    }

    fn say_host(&mut self, host: &HostAt, called: &str, namesakes: usize) {
        if host.name == called {
            return;
        }
        let why = match namesakes {
            1 => "the name cannot stand here".to_owned(),
            _ => format!("{namesakes} hosts would have the same name"),
        };
        let name = shown(&host.name);
        self.notes
            .push(format!("host {name} is called {called} here: {why}"));
    }

    /// Names for groups too, of letters, digits and `_`. Of several that would have one name, the one that
    /// has it keeps it.
    pub(super) fn and_groups(mut self, groups: &BTreeMap<GroupId, GroupAt>) -> Self {
        let mut taken: BTreeSet<String> = self.hosts.values().cloned().collect();
        let mut by_name: Vec<(&GroupId, &GroupAt)> = groups.iter().collect();
        let changes = |group: &GroupAt| valid(&group.name, "group_", is_of_group) != group.name;
        by_name.sort_by_key(|(id, group)| (changes(group), &group.name, **id));
        for (id, group) in by_name {
            let wanted = valid(&group.name, "group_", is_of_group);
            let numbered = (2..).map(|number| format!("{wanted}_{number}"));
            let mut all = std::iter::once(wanted.clone()).chain(numbered);
            let called = all.find(|name| taken.insert(name.clone()));
            let called = called.expect("there are more numbers than names");
            if called != group.name {
                let why = match called == wanted {
                    true => "the name cannot stand here",
                    false => "another group or a host has that name here",
                };
                let name = shown(&group.name);
                self.notes
                    .push(format!("group {name} is called {called} here: {why}"));
            }
            self.groups.insert(*id, called);
        }
        self
    }
}

fn distinct(name: &str, id: &HostId, host: &HostAt, taken: &mut BTreeSet<String>) -> String {
    let cloud = host.cloud.as_ref();
    let cloud = cloud.map(|cloud| format!("{name}-{}", valid(cloud.instance(), "", is_of_host)));
    let own = [cloud, Some(format!("{name}-{id}"))].into_iter().flatten();
    let longer = (2..).map(|number| format!("{name}-{id}-{number}"));
    let mut all = own.chain(longer);
    all.find(|name| taken.insert(name.clone()))
        .expect("there are more numbers than names")
}

/// The name with every character replaced that does not fit, behind a prefix if it could be taken for
/// something else.
fn valid(name: &str, prefix: &str, fits: fn(char) -> bool) -> String {
    let replaced: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    let begins = replaced.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let digit = prefix == "group_" && replaced.starts_with(|c: char| c.is_ascii_digit());
    let reserved = RESERVED.contains(&replaced.to_ascii_lowercase().as_str());
    if begins && !digit && !reserved && !RESERVED.contains(&name) {
        replaced
    } else {
        format!("{prefix}{replaced}")
    }
}

fn is_of_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn is_of_group(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a text can stand as a host name wherever one is expected.
pub(super) fn is_host_name(text: &str) -> bool {
    const LONGEST: usize = 253;
    (1..=LONGEST).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_of_host)
}

/// Whether a text is the name of an account that no program takes for anything else.
pub(crate) fn is_login(text: &str) -> bool {
    const LONGEST: usize = 64;
    (1..=LONGEST).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(is_of_host)
}

/// A text from outside, as a note shows it: in quotes, printable, cut short.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", printable(&cut))
}

/// A text without characters that end a line or change how one reads.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let plain = !c.is_control() && (c.is_alphanumeric() || c.is_ascii() || c == '…');
            let escaped = (!plain).then(|| c.escape_unicode());
            escaped.into_iter().flatten().chain(plain.then_some(c))
        })
        .collect()
}
