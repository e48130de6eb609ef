//! Hosts, and who may use them, as files that other programs read: inventories of Ansible, `ssh_config`,
//! `authorized_keys`, lists of principals.
//!
#![doc = include_str!("../guide/export.md")]

pub mod ansible;
pub mod authorized_keys;
mod gather;
mod name;
pub mod principals;
pub mod ssh_config;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use certlocker_core::host::{AccessOrigin, AddressKind, CloudId, Facts, Through};
use certlocker_core::{AccessId, GroupId, HostId, SshKey, Timestamp};

pub use gather::{Selection, gather};
pub(crate) use name::is_login;
use name::shown;

/// Hosts that were there at a time, with their groups and everybody who could use them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what exports are made from")]
pub struct Snapshot {
    /// The groups that any of the hosts was in.
    pub groups: BTreeMap<GroupId, GroupAt>,
    /// The hosts.
    pub hosts: BTreeMap<HostId, HostAt>,
}

/// A group at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what exports are made from")]
pub struct GroupAt {
    /// The account of its hosts, in place of each host's own.
    pub login: Option<String>,
    /// Its name.
    pub name: String,
}

/// A host at a time. Its name and what was seen of it are those of now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what exports are made from")]
pub struct HostAt {
    /// What its cloud calls it.
    pub cloud: Option<CloudId>,
    /// Who could use it.
    pub entries: Vec<EntryAt>,
    /// What was seen of it.
    pub facts: Facts,
    /// The groups it was in.
    pub groups: BTreeSet<GroupId>,
    /// Its own account.
    pub login: Option<String>,
    /// Its name.
    pub name: String,
}

/// A way to use a host at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what exports are made from")]
pub struct EntryAt {
    /// The entry.
    pub access_id: AccessId,
    /// The key.
    pub key: SshKey,
    /// The account, if one is known.
    pub login: Option<String>,
    /// What made the entry.
    pub origin: AccessOrigin,
    /// Directly, or by a group.
    pub through: Through,
    /// Until when it holds by itself.
    pub until: Option<Timestamp>,
    /// Who.
    pub who: String,
}

/// What is the same for all hosts of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct Settings {
    /// Which address is used where a host has several.
    pub address: Preference,
    /// The folder with the private keys, each named as the key pair of its hosts.
    pub identities: Option<String>,
    /// The port of SSH.
    pub port: Option<u16>,
}

/// Which address of a host is used, if there is one of the kind; of those, one of IPv4 first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "from inside, or from outside")]
pub enum Preference {
    /// One of its private network.
    Private,
    /// One that is reached from everywhere.
    #[default]
    Public,
}

/// A file, and what is not in it as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a text and what to say of it")]
pub struct Export {
    /// What was changed or left out, a sentence each.
    pub notes: Vec<String>,
    /// The file.
    pub text: String,
}

/// Why there is no export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A setting cannot stand in the file.
    #[error("{0} cannot be used in an export: {1}")]
    Setting(&'static str, &'static str),
    /// The file is of one account, and the host has several.
    #[error("`{host}` is used as {}: name one of them", .logins.join(", "))]
    SeveralLogins {
        /// The host.
        host: String,
        /// Its accounts.
        logins: Vec<String>,
    },
}

impl Settings {
    /// Whether they can stand in a file.
    ///
    /// # Errors
    /// [`ExportError::Setting`].
    pub fn check(&self) -> Result<(), ExportError> {
        let Some(folder) = &self.identities else {
            return Ok(());
        };
        let fits =
            |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '{' | '}' | '#');
        if !folder.is_empty() && folder.chars().all(|c| c == ' ' || fits(c)) {
            return Ok(());
        }
        let expected = "printable ASCII without quotes, braces, `\\` and `#` was expected";
        Err(ExportError::Setting("the folder of keys", expected))
    }

    /// Where the private key of a host is, if that is configured and the key pair's name is a file's.
    fn identity(&self, host: &HostAt) -> Option<String> {
        let folder = self.identities.as_deref()?.trim_end_matches('/');
        let name = host.facts.key_pair.as_deref()?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        (!name.starts_with('.') && name.chars().all(fits)).then(|| format!("{folder}/{name}"))
    }
}

impl HostAt {
    /// Where it is reached: an address, or else a name.
    fn destination(&self, preference: Preference) -> Option<String> {
        let rank = |kind| match (kind, preference) {
            (AddressKind::Private, Preference::Private) => 0,
            (AddressKind::Floating, _) => 1,
            (AddressKind::Public, _) => 2,
            _ => 3,
        };
        let addresses = self.facts.addresses.iter();
        let best = addresses.min_by_key(|at| (rank(at.kind), at.ip.is_ipv6(), at.ip));
        let is_name = |name: &&String| name::is_host_name(name);
        best.map(|at| at.ip.to_string())
            .or_else(|| self.facts.hostnames.iter().find(is_name).cloned())
    }

    fn user(&self, groups: &BTreeMap<GroupId, GroupAt>) -> User {
        let given = self.groups.iter().filter_map(|id| groups.get(id));
        let given: BTreeSet<&str> = given.filter_map(|group| group.login.as_deref()).collect();
        match (given.len(), &self.login) {
            (1, _) => User::Group(given.into_iter().map(str::to_owned).collect()),
            (0, Some(own)) => User::Own(own.clone()),
            (0, None) => User::Unknown,
            _ => User::Contested {
                groups: given.into_iter().map(str::to_owned).collect(),
                own: self.login.clone(),
            },
        }
    }
}

/// The account that is used on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
enum User {
    /// Its groups give it different ones.
    Contested {
        groups: Vec<String>,
        own: Option<String>,
    },
    /// Its groups give it this one.
    Group(String),
    /// Its own.
    Own(String),
    /// None is known.
    Unknown,
}

impl User {
    /// Its name, if it is one that can stand in a file; a note if not.
    fn name(&self, host: &HostAt, notes: &mut Vec<String>) -> Option<String> {
        let name = match self {
            Self::Contested { groups, own } => {
                notes.push(format!(
                    "the groups of host {} give it different accounts, {}: its own is used",
                    shown(&host.name),
                    shown(&groups.join(", "))
                ));
                own.as_ref()?
            }
            Self::Group(name) | Self::Own(name) => name,
            Self::Unknown => return None,
        };
        if is_login(name) {
            return Some(name.clone());
        }
        notes.push(format!(
            "the account {} of host {} is left out: it is no user name",
            shown(name),
            shown(&host.name)
        ));
        None
    }
}

/// Notes as lines of a comment.
fn comments(notes: &[String]) -> String {
    notes.iter().map(|note| format!("# {note}\n")).collect()
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Public => "public",
        })
    }
}
