//! Tokens as operators use them: made, bounded, followed in the record, rotated, revoked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::https::call;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{fail, succeed};

fn scene() -> Scene {
    Scene::new(&Registration::Bound)
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap()
}

/// Makes a token on the database; the answer has its text.
fn create(scene: &Scene, scopes: &[&str], more: &[&str]) -> Value {
    // One below another is made later, and is not to count longer.
    let expires = if more.is_empty() { "1d" } else { "1h" };
    let mut command = scene.server.certlocker("token create --json");
    command.args(["--expires", expires]);
    command.args(["--reason", "a pipeline"]).args(more);
    for scope in scopes {
        command.args(["--scope", scope]);
    }
    json(&mut command)
}

fn file(scene: &Scene, name: &str, token: &Value) -> PathBuf {
    let path = scene.path(name);
    fs::write(&path, text(token, "token")).unwrap();
    path
}

/// A command over the network, with the token in a file.
fn over(scene: &Scene, token: &Path, words: &str) -> Command {
    let mut command = scene.server.certlocker(words);
    command.args(["--server", scene.server.operator_url()]);
    command.arg("--token-file").arg(token);
    command
}

#[test]
fn what_a_token_did_and_who_made_it_are_one_question_each() {
    let scene = scene();
    let token = create(&scene, &["order:create=dns:*.example", "token:create"], &[]);
    let (id, path) = (text(&token, "id"), file(&scene, "token", &token));
    let client = "client create web --allow dns:*.example --json";
    let client = json(&mut over(&scene, &path, client));
    let child = "token create --scope token:create --expires 1h --reason below --json";
    let child = json(&mut over(&scene, &path, child));
    let did = json(&mut scene.server.certlocker(&format!(
        "audit list --actor token:{id} --oldest-first --json"
    )));
    let did: Vec<&str> = did
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(one, "name"))
        .collect();
    assert_eq!(did, ["secret.stored", "client.created", "token.created"]);
    for (thing, steps) in [
        (format!("client {}", text(&client, "kid")), 2),
        (format!("token {}", text(&child, "id")), 2),
        (format!("token {id}"), 1),
    ] {
        let why = json(
            &mut scene
                .server
                .certlocker(&format!("audit why {thing} --json")),
        );
        assert_eq!(why["steps"].as_array().unwrap().len(), steps, "{why}");
        assert_eq!(
            text(&why["steps"][steps - 1], "about"),
            format!("token:{id}")
        );
        assert!(text(&why, "root").contains("typed on the machine"), "{why}");
    }
    let shown = succeed(
        &mut scene
            .server
            .certlocker(&format!("token show {}", text(&child, "id"))),
    );
    assert!(
        shown.contains(&format!("created by  token:{id}")),
        "{shown}"
    );
}

#[test]
fn a_command_whose_token_does_not_allow_it_is_told_what_is_missing() {
    let scene = scene();
    let path = file(&scene, "token", &create(&scene, &["certificate:read"], &[]));
    succeed(&mut over(&scene, &path, "order list"));
    let words = "client create web --allow dns:*.example";
    let output = over(&scene, &path, words).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("this needs order:create, and token"),
        "{said}"
    );
    let refused = json(
        &mut scene
            .server
            .certlocker("audit list --action token.denied --json"),
    );
    assert_eq!(text(&refused[0]["data"], "operation"), "POST /clients");
}

#[test]
fn a_revoked_token_takes_those_below_it_along() {
    let scene = scene();
    let above = create(&scene, &["token:create"], &[]);
    let below = create(&scene, &["token:create"], &["--parent", text(&above, "id")]);
    let path = file(&scene, "below", &below);
    succeed(&mut over(&scene, &path, "token list"));
    let words = format!("token revoke {} --json", text(&above, "id"));
    let revoked = json(&mut scene.server.certlocker(&words));
    assert_eq!(revoked["revoked"].as_array().unwrap().len(), 2, "{revoked}");
    let said = fail(&mut over(&scene, &path, "token list"));
    assert!(said.contains("this token was revoked at"), "{said}");
    let beyond = ["--parent", text(&above, "id")];
    let mut command = scene
        .server
        .certlocker("token create --expires 1h --scope token:create");
    let said = fail(command.args(["--reason", "late"]).args(beyond));
    assert!(said.contains("the token above does not count"), "{said}");
}

#[test]
fn the_first_token_outlasts_a_restart_and_is_rotated_in_its_file() {
    let mut scene = scene();
    let first = scene.server.admin_token();
    scene.server.crash_and_restart();
    assert_eq!(scene.server.admin_token(), first);
    let why = json(
        &mut scene
            .server
            .certlocker(&format!("audit why token {} --json", &first[3..29])),
    );
    assert!(
        text(&why, "root").contains("the start of the server"),
        "{why}"
    );
    let path = scene.server.data().join("admin.token");
    succeed(&mut over(&scene, &path, "token rotate"));
    let second = scene.server.admin_token();
    assert!(second != first && second[..29] == first[..29]);
    let status = |token: &str| {
        let bearer = format!("Authorization: Bearer {token}");
        let (ca, url) = (scene.server.ca_file(), scene.server.operator_url());
        call(ca, url, "GET /rest/acme/orders", &[&bearer], "").status
    };
    assert_eq!((status(&first), status(&second)), (401, 200));
    scene.server.crash_and_restart();
    assert_eq!(scene.server.admin_token(), second);
}

#[test]
fn no_file_of_the_server_but_that_of_the_first_token_has_a_token_in_it() {
    let scene = scene();
    let token = create(&scene, &["certificate:read"], &[]);
    let path = file(&scene, "token", &token);
    succeed(&mut over(&scene, &path, "order list"));
    let log = fs::read(scene.path("server.log")).unwrap();
    let data = fs::read_dir(scene.server.data()).unwrap();
    let files = data.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file() && !path.ends_with("admin.token"));
    let first = scene.server.admin_token();
    for bytes in files.map(|path| fs::read(path).unwrap()).chain([log]) {
        for secret in [&text(&token, "token")[29..69], &first[29..69]] {
            let mut places = bytes.windows(secret.len());
            assert!(!places.any(|place| place == secret.as_bytes()));
        }
    }
}
