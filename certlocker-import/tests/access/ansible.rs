//! What Ansible reads in the three forms of an inventory.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use certlocker_import::export::ansible::{Form, host_variables, inventory};
use certlocker_import::export::{Settings, Snapshot};
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::tool::{ansible, command, succeed};

/// Names and accounts as people, and those who mean ill, give them.
fn awkward() -> Scene {
    let scene = Scene::new();
    let web = scene.group("web-servers", Some("deploy"));
    let web_too = scene.group("web_servers", None);
    let all = scene.group("all", None);
    let digit = scene.group("2026", None);
    scene.host("plain", ("i-1", "192.0.2.1"), Some("ubuntu"), &[web_too]);
    scene.host("given", ("i-2", "192.0.2.2"), Some("ubuntu"), &[web, all]);
    scene.host("twice", ("i-3", "192.0.2.3"), Some("root"), &[digit]);
    scene.host("twice", ("i-4", "2001:db8::4"), Some("123"), &[]);
    scene.host("localhost", ("i-5", "192.0.2.5"), Some("no"), &[]);
    scene.host(
        "it's \"a\" \\ #7 = é😀",
        ("i-6", "192.0.2.6"),
        Some("a b"),
        &[],
    );
    scene.host("x[1:3]:22", ("i-7", "192.0.2.7"), None, &[web]);
    scene.host(
        "{{ lookup('pipe', 'id') }}",
        ("i-8", ""),
        Some("core"),
        &[web],
    );
    scene.host(
        "a\nevil ansible_connection=local",
        ("i-9", "192.0.2.9"),
        None,
        &[],
    );
    scene.host("True", ("", "192.0.2.10"), None, &[]);
    scene
}

fn settings() -> Settings {
    Settings {
        identities: Some("/keys of us".to_owned()),
        port: Some(2222),
        ..Settings::default()
    }
}

fn text(snapshot: &Snapshot, form: Form) -> String {
    inventory(snapshot, &settings(), form).unwrap().text
}

/// What `ansible-inventory --list` says, lists sorted.
fn listed(program: &Path, folder: &Path, file: &str) -> Value {
    let mut list = command(program, folder);
    list.args(["--list", "-i"]).arg(folder.join(file));
    let mut list: Value = serde_json::from_str(&succeed(&mut list)).unwrap();
    sort(&mut list);
    list["_meta"].as_object_mut().unwrap().remove("profile");
    list
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.sort_by_key(ToString::to_string),
        Value::Object(members) => members.values_mut().for_each(sort),
        _ => {}
    }
}

#[test]
fn ansible_reads_the_same_hosts_groups_and_variables_in_every_form() {
    let Some(program) = ansible("ansible-inventory") else {
        return;
    };
    let (snapshot, folder) = (awkward().all(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    fs::write(path("hosts.ini"), text(&snapshot, Form::Ini)).unwrap();
    fs::write(path("hosts.yaml"), text(&snapshot, Form::Yaml)).unwrap();
    fs::write(path("hosts.json"), text(&snapshot, Form::Json)).unwrap();
    let script = format!("#!/bin/sh\nexec cat '{}'\n", path("hosts.json").display());
    fs::write(path("script"), script).unwrap();
    fs::set_permissions(path("script"), Permissions::from_mode(0o755)).unwrap();
    let json = listed(&program, folder.path(), "script");
    assert_eq!(listed(&program, folder.path(), "hosts.ini"), json);
    assert_eq!(listed(&program, folder.path(), "hosts.yaml"), json);
    let variables = |name: &str| json["_meta"]["hostvars"][name].clone();
    assert_eq!(variables("given")["ansible_user"], "deploy");
    let ids = snapshot.hosts.iter().find(|(_, host)| host.name == "plain");
    assert_eq!(
        variables("plain"),
        json!({
            "ansible_host": "192.0.2.1",
            "ansible_port": 2222,
            "ansible_ssh_private_key_file": "/keys of us/deploy",
            "ansible_user": "ubuntu",
            "certlocker_cloud": "aws/1/eu-west-1/i-1",
            "certlocker_id": ids.unwrap().0.to_string(),
            "certlocker_name": "plain",
        })
    );
    assert_eq!(variables("twice-i-4")["ansible_user"], "123");
    assert_eq!(variables("twice-i-4")["ansible_host"], "2001:db8::4");
    assert_eq!(variables("host_localhost")["ansible_user"], "no");
    let names = json["_meta"]["hostvars"].as_object().unwrap();
    let awkward = names.values().find(|of| of["ansible_host"] == "192.0.2.6");
    let awkward = awkward.unwrap();
    assert_eq!(awkward["certlocker_name"], "it's \"a\" \\ #7 = é😀");
    assert_eq!(awkward.get("ansible_user"), None);
    assert_eq!(json["web_servers"]["hosts"], json!(["plain"]));
    assert_eq!(json["web_servers_2"]["hosts"].as_array().unwrap().len(), 3);
    assert_eq!(json["group_2026"]["hosts"], json!(["twice-i-3"]));
    assert_eq!(json["group_all"]["hosts"], json!(["given"]));
    assert_eq!(names.len(), 10);
    assert!(!json.to_string().contains("{{"));
    let mut all = names.values();
    assert!(all.all(|of| of.get("ansible_connection").is_none()));
}

#[test]
fn what_is_called_otherwise_or_left_out_is_said() {
    let notes = inventory(&awkward().all(), &settings(), Form::Ini)
        .unwrap()
        .notes;
    for said in [
        "group `web-servers` is called web_servers_2 here: another group or a host has that name",
        "group `all` is called group_all here: the name cannot stand here",
        "group `2026` is called group_2026",
        "host `twice` is called twice-i-3 here: 2 hosts would have the same name",
        "host `localhost` is called host_localhost",
        "the account `a b` of host",
        "is no variable: Ansible would run what is between the braces",
        "has no address that could be used",
        "host `a\\u{a}evil ansible_connection=local` is called a_evil_ansible_connection_local",
    ] {
        assert!(
            notes.iter().any(|note| note.contains(said)),
            "{said}: {notes:#?}"
        );
    }
    assert!(notes.iter().all(|note| !note.contains('\n')));
}

#[test]
fn an_inventory_script_answers_for_one_host() {
    let snapshot = awkward().all();
    let variables = |name| {
        let export = host_variables(&snapshot, &settings(), name).unwrap();
        serde_json::from_str::<Value>(&export.text).unwrap()
    };
    let all: Value = serde_json::from_str(&text(&snapshot, Form::Json)).unwrap();
    assert_eq!(variables("plain"), all["_meta"]["hostvars"]["plain"]);
    assert_eq!(variables("nobody"), json!({}));
}

#[test]
fn groups_that_give_a_host_different_accounts_are_told_and_its_own_is_used() {
    let scene = Scene::new();
    let (one, other) = (
        scene.group("one", Some("a")),
        scene.group("other", Some("b")),
    );
    scene.host("web", ("i-1", "192.0.2.1"), Some("own"), &[one, other]);
    let export = inventory(&scene.all(), &Settings::default(), Form::Json).unwrap();
    let json: Value = serde_json::from_str(&export.text).unwrap();
    assert_eq!(json["_meta"]["hostvars"]["web"]["ansible_user"], "own");
    assert!(
        export.notes[0].contains("different accounts, `a, b`"),
        "{:?}",
        export.notes
    );
}
