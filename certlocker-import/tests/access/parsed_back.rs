//! Whatever hosts are called, what is read back is what went in.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::host::{AccessOrigin, AddressKind, Facts, HostAddress, Through};
use certlocker_core::{AccessId, GroupId, HostId, Timestamp};
use certlocker_import::export::ansible::{Form, inventory};
use certlocker_import::export::authorized_keys::authorized_keys;
use certlocker_import::export::ssh_config::ssh_config;
use certlocker_import::export::{EntryAt, GroupAt, HostAt, Settings, Snapshot};
use proptest::prelude::*;
use serde_json::Value;
use ssh_key::AuthorizedKeys;

use crate::scene::{key, random};

/// Names with what could mean something to a reader.
fn name() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[a-z]{1,3}",
        Just(" ".to_owned()),
        "[\"'\\\\#=:,\\[\\]{}%!*?&|>@`-]{1,2}",
        "[\\n\\r\\t\\u{0}\\u{7f}\\u{85}\\u{2028}]",
        Just("é😀".to_owned()),
        Just("localhost".to_owned()),
        Just("all".to_owned()),
    ];
    proptest::collection::vec(parts, 0..5).prop_map(|parts| parts.concat())
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let group = (name(), proptest::option::of(name()));
    let host = (
        name(),
        proptest::option::of(name()),
        proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
        any::<std::net::IpAddr>(),
        name(),
    );
    let groups = proptest::collection::btree_map(name(), group, 0..4);
    (groups, proptest::collection::vec(host, 0..6)).prop_map(|(groups, hosts)| {
        let at = Timestamp::from_seconds(1_700_000_000);
        let groups: BTreeMap<GroupId, GroupAt> = groups
            .into_iter()
            .map(|(name, (_, login))| (GroupId::new(at, &mut random), GroupAt { login, name }))
            .collect();
        let ids: Vec<GroupId> = groups.keys().copied().collect();
        let hosts = hosts.into_iter().map(|(name, login, of, ip, who)| {
            let of = of.iter().filter(|_| !ids.is_empty());
            let in_groups: BTreeSet<GroupId> = of.map(|index| *index.get(&ids)).collect();
            let entry = EntryAt {
                access_id: AccessId::new(at, &mut random),
                key: key(7),
                login: Some("ubuntu".to_owned()),
                origin: AccessOrigin::Policy(who.clone()),
                through: in_groups
                    .first()
                    .map_or(Through::Direct, |id| Through::Group(*id)),
                until: Some(at),
                who,
            };
            let kind = AddressKind::Public;
            let facts = Facts {
                addresses: [HostAddress { ip, kind }].into(),
                hostnames: [name.clone()].into(),
                ..Facts::default()
            };
            let host = HostAt {
                cloud: None,
                entries: vec![entry],
                facts,
                groups: in_groups,
                login,
                name,
            };
            (HostId::new(at, &mut random), host)
        });
        let hosts = hosts.collect();
        Snapshot { groups, hosts }
    })
}

/// An inventory as it is read back: hosts with their variables, and groups with members and variables.
#[derive(Debug, Default, PartialEq)]
struct Read {
    hosts: BTreeMap<String, BTreeMap<String, Value>>,
    members: BTreeMap<String, BTreeSet<String>>,
    variables: BTreeMap<String, BTreeMap<String, Value>>,
}

fn variables(of: &Value) -> BTreeMap<String, Value> {
    let members = of.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn from_json(text: &str) -> Read {
    let json: Value = serde_json::from_str(text).unwrap();
    let mut read = Read::default();
    for (name, of) in json["_meta"]["hostvars"].as_object().unwrap() {
        read.hosts.insert(name.clone(), variables(of));
    }
    for (name, group) in json.as_object().unwrap() {
        if ["_meta", "all", "ungrouped"].contains(&name.as_str()) {
            continue;
        }
        let members = group["hosts"].as_array().unwrap().iter();
        let members = members.map(|member| member.as_str().unwrap().to_owned());
        read.members.insert(name.clone(), members.collect());
        read.variables
            .insert(name.clone(), variables(&group["vars"]));
    }
    read
}

/// Reads INI as Ansible does: words of a shell, literals of Python.
fn from_ini(text: &str) -> Read {
    let mut read = Read::default();
    let (mut section, mut kind) = (String::new(), String::new());
    for line in text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{b}', '\u{c}']) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(head) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            let (name, of) = head.split_once(':').unwrap_or((head, "hosts"));
            (section, kind) = (name.to_owned(), of.to_owned());
            read.members.entry(section.clone()).or_default();
            read.variables.entry(section.clone()).or_default();
        } else if kind == "vars" {
            let (name, value) = line.split_once('=').unwrap();
            let of = read.variables.get_mut(&section).unwrap();
            of.insert(name.to_owned(), literal(value));
        } else {
            let words = words(line);
            let host = read.hosts.entry(words[0].clone()).or_default();
            for word in &words[1..] {
                let (name, value) = word.split_once('=').unwrap();
                host.insert(name.to_owned(), literal(value));
            }
            if !section.is_empty() {
                read.members
                    .get_mut(&section)
                    .unwrap()
                    .insert(words[0].clone());
            }
        }
    }
    read
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "{line}");
    words
}

fn literal(text: &str) -> Value {
    if let Ok(number) = text.parse::<u16>() {
        return number.into();
    }
    let inner = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let (mut read, mut rest) = (String::new(), inner.chars());
    while let Some(c) = rest.next() {
        assert!(c != '"');
        if c != '\\' {
            read.push(c);
            continue;
        }
        let digits = match rest.next().unwrap() {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => panic!("\\{other}"),
        };
        let code: String = rest.by_ref().take(digits).collect();
        let code = u32::from_str_radix(&code, 16).unwrap();
        read.push(char::from_u32(code).unwrap());
    }
    read.into()
}

/// YAML in block style with double-quoted texts, which JSON reads after its longer escapes are its own.
fn from_yaml(text: &str) -> Read {
    let mut read = Read::default();
    let mut path: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim_start();
        let (key, value) = if line.starts_with('"') {
            let end = line.find("\":").unwrap();
            (
                literal(&line[..=end]).as_str().unwrap().to_owned(),
                &line[end + 2..],
            )
        } else {
            let (key, value) = line.split_once(':').unwrap();
            (key.to_owned(), value)
        };
        path.truncate(depth / 2);
        path.push(key.clone());
        let at: Vec<&str> = path.iter().map(String::as_str).collect();
        match at.as_slice() {
            ["all", "hosts", host] => {
                read.hosts.insert((*host).to_owned(), BTreeMap::new());
            }
            ["all", "hosts", host, _] => {
                let of = read.hosts.get_mut(*host).unwrap();
                of.insert(key, literal(value.trim()));
            }
            ["all", "children", group] => {
                read.members.insert((*group).to_owned(), BTreeSet::new());
                read.variables.insert((*group).to_owned(), BTreeMap::new());
            }
            ["all", "children", group, "hosts", host] => {
                let members = read.members.get_mut(*group).unwrap();
                members.insert((*host).to_owned());
            }
            ["all", "children", group, "vars", _] => {
                let of = read.variables.get_mut(*group).unwrap();
                of.insert(key, literal(value.trim()));
            }
            _ => {}
        }
    }
    read
}

fn is_token(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(fits)
}

proptest! {
    #[test]
    fn three_forms_of_an_inventory_say_the_same_and_all_of_it(snapshot in snapshots()) {
        let settings = Settings { port: Some(22), ..Settings::default() };
        let text = |form| inventory(&snapshot, &settings, form).unwrap().text;
        let read = from_json(&text(Form::Json));
        prop_assert_eq!(&from_ini(&text(Form::Ini)), &read);
        prop_assert_eq!(&from_yaml(&text(Form::Yaml)), &read);
        prop_assert_eq!(read.hosts.len(), snapshot.hosts.len());
        prop_assert!(read.hosts.keys().all(|name| is_token(name)));
        for (id, host) in &snapshot.hosts {
            let id = Value::from(id.to_string());
            let (_, of) = read.hosts.iter().find(|(_, of)| of["certlocker_id"] == id).unwrap();
            let is_template = ["{{", "{%", "{#"].iter().any(|begin| host.name.contains(begin));
            let name = (!is_template).then(|| Value::from(host.name.clone()));
            prop_assert_eq!(of.get("certlocker_name"), name.as_ref());
            let members = read.members.values().filter(|all| {
                all.iter().any(|name| read.hosts[name]["certlocker_id"] == id)
            });
            prop_assert_eq!(members.count(), host.groups.len());
        }
        prop_assert_eq!(text(Form::Ini), text(Form::Ini));
    }

    #[test]
    fn a_client_configuration_has_nothing_but_names_and_addresses(snapshot in snapshots()) {
        let text = ssh_config(&snapshot, &Settings::default()).unwrap().text;
        let mut aliases = BTreeSet::new();
        let mut hosts = 0;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[0] {
                "Host" => {
                    hosts += 1;
                    for alias in &words[1..] {
                        prop_assert!(is_token(alias) && aliases.insert((*alias).to_owned()));
                    }
                }
                "HostName" => prop_assert!(words[1].parse::<std::net::IpAddr>().is_ok()),
                "User" => prop_assert!(words.len() == 2 && is_token(words[1])),
                other => prop_assert!(false, "{other}"),
            }
        }
        prop_assert_eq!(hosts, snapshot.hosts.len());
    }

    #[test]
    fn a_file_of_keys_has_one_line_for_each_key(snapshot in snapshots()) {
        for host in snapshot.hosts.values() {
            let text = authorized_keys(&snapshot, host, None, &BTreeSet::new()).unwrap().text;
            let entries: Vec<_> = AuthorizedKeys::new(&text).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(entries.len(), 1);
            let options: Vec<&str> = entries[0].config_opts().iter().collect();
            prop_assert_eq!(options, ["expiry-time=\"20231114221320Z\""]);
            let blob = entries[0].public_key().to_bytes().unwrap();
            prop_assert_eq!(blob, host.entries[0].key.blob());
            let comment = entries[0].public_key().comment().to_owned();
            let id = format!("access:{}", host.entries[0].access_id);
            prop_assert!(comment.contains(&id), "{}", comment);
        }
    }
}
