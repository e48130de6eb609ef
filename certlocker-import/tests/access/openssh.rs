//! What OpenSSH makes of a client's configuration and of a file of keys.

use std::collections::BTreeSet;

use certlocker_core::host::AccessTarget;
use certlocker_import::export::authorized_keys::authorized_keys;
use certlocker_import::export::ssh_config::ssh_config;
use certlocker_import::export::{ExportError, Selection, Settings, Snapshot};

use crate::scene::{HOUR, Scene, key};
use crate::sshd::Sshd;
use crate::tool::{command, find, succeed};

fn keys(snapshot: &Snapshot, login: Option<&str>) -> Result<String, ExportError> {
    let host = snapshot.hosts.values().next().unwrap();
    authorized_keys(snapshot, host, login, &BTreeSet::new()).map(|export| export.text)
}

#[test]
fn ssh_reads_where_a_host_is_and_as_whom_it_is_used() {
    let Some(ssh) = find("ssh") else { return };
    let scene = Scene::new();
    let group = scene.group("web", Some("deploy"));
    scene.host("web 1*", ("i-1", "192.0.2.1"), Some("ubuntu"), &[group]);
    scene.host("db", ("i-2", "2001:db8::2"), Some("admin"), &[]);
    scene.host("nowhere", ("i-3", ""), Some("admin"), &[]);
    let settings = Settings {
        identities: Some("/keys of us/".to_owned()),
        port: Some(2222),
        ..Settings::default()
    };
    let export = ssh_config(&scene.all(), &settings).unwrap();
    assert!(
        export.notes[1].contains("`nowhere` is left out"),
        "{:?}",
        export.notes
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, export.text).unwrap();
    for (alias, at, user) in [
        ("web_1_", "192.0.2.1", "deploy"),
        ("i-1", "192.0.2.1", "deploy"),
        ("db", "2001:db8::2", "admin"),
    ] {
        let mut show = command(&ssh, folder.path());
        let shown = succeed(show.arg("-G").arg("-F").arg(&file).arg(alias));
        for line in [
            format!("hostname {at}"),
            format!("user {user}"),
            "port 2222".to_owned(),
            "identityfile /keys of us/deploy".to_owned(),
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
        }
    }
}

#[test]
fn a_file_of_keys_is_of_one_account() {
    let scene = Scene::new();
    let host = scene.host("web", ("i-1", "192.0.2.1"), Some("ubuntu"), &[]);
    let target = AccessTarget::Host(host);
    scene.grant(target, &key(1), ("ann", None), None);
    let only = keys(&scene.all(), None).unwrap();
    assert!(only.contains(&key(1).to_string()));
    scene.grant(target, &key(2), ("bob", Some("root")), None);
    let error = keys(&scene.all(), None).unwrap_err().to_string();
    assert_eq!(error, "`web` is used as root, ubuntu: name one of them");
    assert_eq!(keys(&scene.all(), Some("ubuntu")).unwrap(), only);
    let of_root = keys(&scene.all(), Some("root")).unwrap();
    assert!(of_root.contains(&key(2).to_string()) && !of_root.contains(&key(1).to_string()));
    for (login, hosts) in [("ubuntu", 1), ("root", 0)] {
        let login = Some(login.to_owned());
        let selection = Selection {
            login,
            ..Selection::default()
        };
        assert_eq!(scene.snapshot(&selection).hosts.len(), hosts);
    }
}

#[test]
fn what_ended_or_is_of_another_group_is_not_exported() {
    let scene = Scene::new();
    let (web, other) = (scene.group("web", None), scene.group("other", None));
    let host = scene.host("web", ("i-1", "192.0.2.1"), Some("ubuntu"), &[web]);
    let direct = AccessTarget::Host(host);
    let before = scene.now().before(HOUR / 2);
    scene.grant(direct, &key(1), ("expired", None), Some(before));
    let revoked = scene.grant(direct, &key(2), ("revoked", None), None);
    scene.revoke(direct, &revoked, before);
    scene.grant(
        AccessTarget::Group(other),
        &key(3),
        ("elsewhere", None),
        None,
    );
    scene.grant(AccessTarget::Group(web), &key(4), ("by group", None), None);
    let text = keys(&scene.all(), None).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("by group") && text.contains("group=web"),
        "{text}"
    );
    let selection = Selection {
        group: Some(other),
        ..Selection::default()
    };
    assert_eq!(scene.snapshot(&selection), Snapshot::default());
    // As it was before.
    let early = keys(&scene.at(scene.begin), None).unwrap();
    assert_eq!(early.lines().count(), 3, "{early}");
}

#[test]
fn sshd_accepts_the_keys_of_the_file_as_long_as_they_hold() {
    let Some(sshd) = Sshd::start(&["AuthorizedKeysFile {}/authorized_keys"]) else {
        return;
    };
    let (scene, user) = (Scene::new(), Some(sshd.user.as_str()));
    let host = scene.host("web", ("i-1", "192.0.2.1"), user, &[]);
    let target = AccessTarget::Host(host);
    let soon = scene.now().after(HOUR);
    scene.grant(target, &sshd.key("good"), ("ann \"x\" é", None), Some(soon));
    let ended = scene.begin.after(HOUR / 2);
    scene.grant(target, &sshd.key("ended"), ("bob", None), Some(ended));
    sshd.key("stranger");
    // The file as it was when both held: the server itself heeds the end.
    let text = keys(&scene.at(scene.begin), None).unwrap();
    let file = sshd.write("authorized_keys", text);
    let listed = succeed(sshd.keygen().arg("-lf").arg(&file));
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let (good, said) = sshd.lets_in("good", &[]);
    assert!(good, "{said}");
    let (ended, said) = sshd.lets_in("ended", &[]);
    assert!(!ended && said.contains("Refused by key options"), "{said}");
    let (stranger, said) = sshd.lets_in("stranger", &[]);
    assert!(!stranger, "{said}");
}

#[test]
fn sshd_accepts_keys_from_where_the_file_says() {
    let Some(sshd) = Sshd::start(&["AuthorizedKeysFile {}/authorized_keys"]) else {
        return;
    };
    let (scene, user) = (Scene::new(), Some(sshd.user.as_str()));
    let host = scene.host("web", ("i-1", "192.0.2.1"), user, &[]);
    scene.grant(
        AccessTarget::Host(host),
        &sshd.key("key"),
        ("ann", None),
        None,
    );
    let (snapshot, from) = (scene.all(), ["127.0.0.2/32".parse().unwrap()].into());
    let host = snapshot.hosts.values().next().unwrap();
    let export = authorized_keys(&snapshot, host, None, &from).unwrap();
    sshd.write("authorized_keys", export.text);
    let (here, said) = sshd.lets_in("key", &["-b", "127.0.0.2"]);
    assert!(here, "{said}");
    let (elsewhere, said) = sshd.lets_in("key", &["-b", "127.0.0.3"]);
    assert!(!elsewhere, "{said}");
}
