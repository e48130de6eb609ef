//! Hosts as files for other programs, and certificates for those who may use them, by commands.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{fail, succeed};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../certlocker-import/tests");

/// A server with three hosts, two of which a key of ours opens as `ubuntu`.
struct Desk {
    host: String,
    key: PathBuf,
    scene: Scene,
}

impl Desk {
    fn new() -> Self {
        let scene = Scene::new(&Registration::Bound);
        let mut plan = scene
            .server
            .certlocker("import plan --json --group {tag:env}");
        for name in ["instances", "images", "key-pairs"] {
            plan.arg("--file")
                .arg(format!("{RECORDED}/recorded/{name}.json"));
        }
        let private = format!("{RECORDED}/keys/rsa_pkcs1.pem");
        plan.args(["--key", &private]);
        let plan: Value = serde_json::from_str(&succeed(&mut plan)).unwrap();
        let id = plan["plan"]["id"].as_str().unwrap();
        succeed(&mut scene.server.certlocker(&format!("import apply {id}")));
        let key = scene.path("key.pub");
        let public = certlocker_import::keys::read_key("key", &fs::read(private).unwrap());
        fs::write(&key, format!("{} somebody\n", public.unwrap().public())).unwrap();
        let hosts: Value =
            serde_json::from_str(&succeed(&mut scene.server.certlocker("host list --json")))
                .unwrap();
        let mut hosts = hosts.as_array().unwrap().iter();
        let host = hosts.find(|host| host["name"] == "web").unwrap();
        let host = host["id"].as_str().unwrap().to_owned();
        Self { host, key, scene }
    }

    fn certlocker(&self, words: &str) -> Command {
        self.scene.server.certlocker(words)
    }

    fn json(&self, words: &str) -> Value {
        let mut command = self.certlocker(words);
        serde_json::from_str(&succeed(command.arg("--json"))).unwrap()
    }

    fn certificate(&self, login: &str) -> Command {
        let words = format!("host ssh-certificate {} --login {login}", self.host);
        let mut command = self.certlocker(&words);
        command.arg("--key").arg(&self.key);
        command
    }

    /// The same over the network, with a token that has these scopes.
    fn over(&self, mut command: Command, scope: &str) -> Command {
        let words = format!("token create --expires 1h --reason test --scope {scope}");
        let made = self.json(&words);
        let file = self.scene.path(scope.replace(':', "-"));
        fs::write(&file, made["token"].as_str().unwrap()).unwrap();
        command.arg("--token-file").arg(file);
        command.args(["--server", self.scene.server.operator_url()]);
        command
    }
}

#[test]
fn hosts_are_exported_the_same_by_the_command_and_over_the_network() {
    let desk = Desk::new();
    let keys = format!("authorized-keys --host {}", desk.host);
    for format in [
        "ansible-ini",
        "ansible-yaml",
        "ansible-json --list",
        "ssh-config --identity-dir /keys --port 2222",
        &keys,
    ] {
        let words = format!("host export --format {format}");
        let here = succeed(&mut desk.certlocker(&words));
        let there = succeed(&mut desk.over(desk.certlocker(&words), "host:read"));
        assert_eq!(here, there, "{format}");
        assert!(here.lines().count() > 0, "{format}");
    }
    let export = desk.json("host export --format ansible-json");
    let all: Value = serde_json::from_str(export["text"].as_str().unwrap()).unwrap();
    let (name, of) = all["_meta"]["hostvars"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let words = format!("host export --format ansible-json --host {name}");
    let one: Value = serde_json::from_str(&succeed(&mut desk.certlocker(&words))).unwrap();
    assert_eq!(one, *of);
    let refused = desk.over(
        desk.certlocker("host export --format ansible-ini"),
        "audit:read",
    );
    assert!(fail(&mut { refused }).contains("host:read"));
}

#[test]
fn an_export_is_of_what_is_asked_for() {
    let desk = Desk::new();
    let export = |words: &str| succeed(&mut desk.certlocker(&format!("host export {words}")));
    let prod = export("--format ansible-ini --group prod");
    assert!(
        prod.contains("[prod]") && !prod.contains("[test]"),
        "{prod}"
    );
    assert_eq!(export("--format ssh-config --login nobody").trim(), "");
    assert_eq!(
        export("--format ssh-config --at 2020-01-01T00:00:00Z").trim(),
        ""
    );
    let keys = format!("--format authorized-keys --host {} --login", desk.host);
    assert_eq!(export(&format!("{keys} nobody")).trim(), "");
    let from = export(&format!("{keys} ubuntu --from 10.0.0.0/8"));
    let key = fs::read_to_string(&desk.key).unwrap();
    let key = key.trim().trim_end_matches(" somebody");
    assert!(
        from.starts_with(&format!("from=\"10.0.0.0/8\" {key} ")),
        "{from}"
    );
    for (words, said) in [
        ("--format authorized-keys", "of one host: name it"),
        (
            "--format ansible-ini --list",
            "only with --format ansible-json",
        ),
        (
            "--format ansible-ini --from 10.0.0.0/8",
            "only with authorized-keys",
        ),
        (
            "--format ansible-ini --group nobody",
            "there is no group nobody",
        ),
        ("--format ansible-ini --at noon", "not an RFC 3339 time"),
        (
            "--format ssh-config --identity-dir a\"b",
            "cannot be used in an export",
        ),
    ] {
        let error = fail(&mut desk.certlocker(&format!("host export {words}")));
        assert!(error.contains(said), "{words}: {error}");
    }
}

#[test]
fn certificates_are_signed_for_whoever_has_access_and_others_are_told_why_not() {
    let desk = Desk::new();
    let missing = fail(&mut desk.certificate("ubuntu"));
    assert!(missing.contains("host ssh-ca create"), "{missing}");
    let trusted = succeed(&mut desk.certlocker("host ssh-ca create"));
    assert!(trusted.starts_with("ssh-ed25519 "), "{trusted}");
    assert_eq!(succeed(&mut desk.certlocker("host ssh-ca show")), trusted);
    let again = desk
        .certlocker("host ssh-ca create --algorithm ecdsa-p256")
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1));

    let signed = succeed(&mut desk.certificate("ubuntu"));
    assert!(
        signed.starts_with("ssh-rsa-cert-v01@openssh.com "),
        "{signed}"
    );
    let words = format!(
        "host export --format authorized-principals --host {} --login ubuntu",
        desk.host
    );
    let principals = succeed(&mut desk.certlocker(&words));
    let view: Value =
        serde_json::from_str(&succeed(desk.certificate("ubuntu").arg("--json"))).unwrap();
    assert_eq!(view["principals"][0], principals.trim());
    assert_eq!(view["serial"], 2);
    let about = view["key_id"].as_str().unwrap();
    let records = desk.json(&format!("audit list --about {about}"));
    assert_eq!(records[0]["name"], "ssh_certificate.issued");

    let over = desk.over(desk.certificate("ubuntu"), "host:certify");
    assert!(succeed(&mut { over }).starts_with("ssh-rsa-cert-v01@openssh.com "));
    let reader = desk.over(desk.certificate("ubuntu"), "host:write");
    assert!(fail(&mut { reader }).contains("this needs host:certify"));
    for mut refused in [
        desk.certificate("root"),
        desk.over(desk.certificate("root"), "host:certify"),
    ] {
        let output = refused.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("may use the host as ubuntu, and not as"),
            "{said}"
        );
    }
    let mut long = desk.certificate("ubuntu");
    assert!(fail(long.args(["--ttl", "25h"])).contains("24 hours at most"));
    let refused = desk.json("audit list --action CLA361E");
    assert_eq!(refused.as_array().unwrap().len(), 3);

    let list = desk.scene.path("revoked");
    let revoked = |mut command: Command| succeed(command.arg("--out").arg(&list));
    revoked(desk.certlocker("host ssh-ca revoked"));
    assert!(fs::read(&list).unwrap().starts_with(b"SSHKRL\n\0"));
    fs::remove_file(&list).unwrap();
    revoked(desk.over(desk.certlocker("host ssh-ca revoked"), "host:read"));
    assert!(fs::read(&list).unwrap().starts_with(b"SSHKRL\n\0"));
}
