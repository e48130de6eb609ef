//! Imports over the operator plane of a running server, and what it keeps for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{fail, succeed};

const KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../certlocker-import/tests/keys/rsa_pkcs1.pem"
);
const SECRET: &str = "canary/K7MDENG+bPxRfiCYzzzzzzzKEYcanary0";

fn scene() -> Scene {
    Scene::new(&Registration::Bound)
}

/// A token with these scopes, in a file.
fn token(scene: &Scene, name: &str, scopes: &[&str]) -> PathBuf {
    let mut command = scene.server.certlocker("token create --json");
    command.args(["--expires", "1h", "--reason", "imports"]);
    for scope in scopes {
        command.args(["--scope", scope]);
    }
    let made: Value = serde_json::from_str(&succeed(&mut command)).unwrap();
    let path = scene.path(name);
    fs::write(&path, made["token"].as_str().unwrap()).unwrap();
    path
}

fn over(scene: &Scene, token: &Path, words: &[&str]) -> Command {
    let mut command = scene.server.certlocker(words[0]);
    command.args(&words[1..]).arg("--json");
    command.args(["--server", scene.server.operator_url()]);
    command.arg("--token-file").arg(token);
    command
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

fn servers(scene: &Scene, names: &[&str]) -> PathBuf {
    let path = scene.path("servers.json");
    let server = |(at, name): (usize, &&str)| {
        format!(
            r#"{{"ID":"s-{name}","Name":"{name}","Status":"ACTIVE","Networks":{{"net":["10.0.0.{at}"]}}}}"#
        )
    };
    let all: Vec<String> = names.iter().enumerate().map(server).collect();
    fs::write(&path, format!("[{}]", all.join(","))).unwrap();
    path
}

fn plan(scene: &Scene, token: &Path, file: &Path) -> Value {
    let file = file.to_str().unwrap();
    let words = ["import", "plan", "--file", file];
    let more = ["--account", "p1", "--region", "one", "--group", "all"];
    json(&mut over(scene, token, &[words.as_slice(), &more].concat()))
}

#[test]
fn a_plan_is_made_read_edited_applied_and_taken_back_over_the_network() {
    let scene = scene();
    let token = token(&scene, "token", &["import:write", "host:read"]);
    let made = plan(&scene, &token, &servers(&scene, &["web", "db"]));
    let id = made["plan"]["id"].as_str().unwrap();
    assert_eq!(made["lines"].as_array().unwrap().len(), 2);
    let edit = ["import", "edit", id, "1", "--login", "deploy"];
    let line = json(&mut over(&scene, &token, &edit));
    assert_eq!(line["login"][0], "deploy");
    let applied = json(&mut over(&scene, &token, &["import", "apply", id]));
    assert_eq!(applied["hosts"], 2);
    let hosts = json(&mut over(&scene, &token, &["host", "list"]));
    assert_eq!(hosts.as_array().unwrap().len(), 2);
    let undo = json(&mut over(&scene, &token, &["import", "undo", id]));
    let undo = undo["plan"]["id"].as_str().unwrap();
    json(&mut over(&scene, &token, &["import", "apply", undo]));
    let hosts = json(&mut over(&scene, &token, &["host", "list"]));
    let gone = |host: &Value| host["gone"].is_string();
    assert!(hosts.as_array().unwrap().iter().all(gone));
}

#[test]
fn a_plan_that_hosts_have_outrun_is_refused_with_the_difference() {
    let scene = scene();
    let token = token(&scene, "token", &["import:write", "host:read"]);
    let old = plan(&scene, &token, &servers(&scene, &["web", "db"]));
    let new = plan(&scene, &token, &servers(&scene, &["web"]));
    let id = |plan: &Value| plan["plan"]["id"].as_str().unwrap().to_owned();
    json(&mut over(&scene, &token, &["import", "apply", &id(&new)]));
    let refused = fail(&mut over(&scene, &token, &["import", "apply", &id(&old)]));
    assert!(
        refused.contains("409") && refused.contains("web came since"),
        "{refused}"
    );
}

#[test]
fn a_credential_is_kept_sealed_and_gone_when_it_is_removed() {
    let scene = scene();
    let token = token(&scene, "token", &["import:write", "host:read"]);
    let path = scene.path("credentials");
    let text = format!(
        "[default]\naws_access_key_id=AKIAQWERTYUIOPASDFGH\naws_secret_access_key={SECRET}\noutput=json\n"
    );
    fs::write(&path, text).unwrap();
    let file = path.to_str().unwrap();
    let kept = json(&mut over(
        &scene,
        &token,
        &["import", "credential", "add", "prod", file],
    ));
    assert_eq!(kept["identity"], "default");
    assert!(kept["notes"][0].as_str().unwrap().contains("line 4"));
    let twice = ["import", "credential", "add", "prod", file];
    assert!(fail(&mut over(&scene, &token, &twice)).contains("already"));

    let key = [
        "import",
        "credential",
        "add",
        "deploy",
        KEY,
        "--kind",
        "key",
    ];
    let key = json(&mut over(&scene, &token, &key));
    assert_eq!(key["fingerprints"].as_array().unwrap().len(), 4);

    let remove = ["import", "credential", "remove", "prod"];
    json(&mut over(&scene, &token, &remove));
    assert!(fail(&mut over(&scene, &token, &remove)).contains("no credential prod"));
    let left = json(&mut over(&scene, &token, &["import", "credential", "list"]));
    assert_eq!(left.as_array().unwrap().len(), 1);
    let records = succeed(&mut scene.server.certlocker("audit list --json"));
    assert!(records.contains("credential.removed") && !records.contains("canary"));
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_cloud_that_the_program_was_built_without_is_named_once_its_credential_is_used() {
    let scene = scene();
    let token = token(&scene, "token", &["import:write", "host:read"]);
    let path = scene.path("credentials");
    let text = format!("aws_access_key_id=AKIAQWERTYUIOPASDFGH\naws_secret_access_key={SECRET}\n");
    fs::write(&path, text).unwrap();
    let add = [
        "import",
        "credential",
        "add",
        "prod",
        path.to_str().unwrap(),
    ];
    json(&mut over(&scene, &token, &add));
    let refused = fail(&mut over(
        &scene,
        &token,
        &["import", "plan", "--from", "prod"],
    ));
    assert!(refused.contains("built without aws"), "{refused}");
    let records = succeed(&mut scene.server.certlocker("audit list --json"));
    assert!(
        records.contains("secret.opened"),
        "the opening is on record"
    );
}

#[test]
fn an_entry_made_by_hand_lets_somebody_in_until_it_is_ended() {
    let scene = scene();
    let token = token(
        &scene,
        "token",
        &["import:write", "host:read", "host:write"],
    );
    let made = plan(&scene, &token, &servers(&scene, &["web"]));
    let id = made["plan"]["id"].as_str().unwrap();
    json(&mut over(&scene, &token, &["import", "apply", id]));
    let key = scene.path("key.pub");
    let public =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB4xGyVb0bDcqVZ5TsOAkHtkNXVtPwLpJJ0nMm6Oa6fJ ada";
    fs::write(&key, public).unwrap();
    let file = key.to_str().unwrap();
    let grant = ["host", "grant", "web", "--who", "ada", "--key", file];
    let past = [grant.as_slice(), &["--expires", "2020-01-01T00:00:00Z"]].concat();
    assert!(fail(&mut over(&scene, &token, &past)).contains("time to come"));
    let granted = json(&mut over(&scene, &token, &grant));
    let access = json(&mut over(&scene, &token, &["host", "access", "web"]));
    assert_eq!(access["entries"][0]["who"], "ada");
    assert_eq!(access["entries"][0]["origin"], "manual");
    let revoke = ["host", "revoke", granted["id"].as_str().unwrap()];
    json(&mut over(&scene, &token, &revoke));
    let access = json(&mut over(&scene, &token, &["host", "access", "web"]));
    assert!(access["entries"].as_array().unwrap().is_empty());
}
