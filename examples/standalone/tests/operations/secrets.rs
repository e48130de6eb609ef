//! Keys that wrap secrets: where they come from, how one takes the place of another, and what is
//! found when somebody was at the sealed bytes.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::acme;
use crate::harness::https::call;
use crate::harness::scene::Scene;
use crate::harness::server::{Credential, Registration, Server, certlocker};
use crate::harness::tool::{fail, succeed};

fn read(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

fn list(server: &Server) -> Value {
    read(&mut server.certlocker("secret list --json"))
}

/// What state each key is in, and how many secrets it wraps, the one in use first.
fn keys(list: &Value) -> Vec<(&str, u64)> {
    let keys = list["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        (
            key["state"].as_str().unwrap(),
            key["secrets"].as_u64().unwrap(),
        )
    })
    .collect()
}

fn create(server: &Server, name: &str) -> Credential {
    let bearer = format!("Authorization: Bearer {}", server.admin_token());
    let headers = [&bearer[..], "Content-Type: application/json"];
    let body = json!({"name": name, "allow": ["dns:*.example"]}).to_string();
    let request = "POST /rest/acme/clients";
    let url = server.operator_url();
    let answer = call(server.ca_file(), url, request, &headers, &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn a_key_is_changed_beside_a_running_server_that_uses_the_new_one_at_once() {
    let mut scene = Scene::new(&Registration::Bound);
    let before = create(&scene.server, "before");
    let said = succeed(&mut scene.server.certlocker("secret rotate"));
    assert!(said.contains("4 were wrapped anew"), "{said}");
    let after = create(&scene.server, "after");
    let listed = list(&scene.server);
    assert_eq!(keys(&listed), [("current", 5), ("unused", 0)]);
    for client in [before, after] {
        acme::register(&scene, client).await;
    }
    let old = listed["keys"][1]["file"].as_str().unwrap();
    assert!(
        said.contains(old) && said.contains("may be removed"),
        "{said}"
    );
    fs::remove_file(old).unwrap();
    scene.server.crash_and_restart();
    acme::register(&scene, create(&scene.server, "again")).await;
    let rewrapped = "audit list --json --action secret.rewrapped";
    let rewrapped = read(&mut scene.server.certlocker(rewrapped));
    assert_eq!(rewrapped.as_array().unwrap().len(), 4);
}

#[test]
fn a_rotation_that_was_killed_is_finished_under_the_same_key() {
    let scene = Scene::new(&Registration::Bound);
    for number in 0..150 {
        create(&scene.server, &format!("client-{number}"));
    }
    let mut rotation = scene.server.certlocker("secret rotate");
    let mut rotation = rotation
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(rotation.stderr.take().unwrap());
    let mut line = String::new();
    progress.read_line(&mut line).unwrap();
    rotation.kill().unwrap();
    rotation.wait().unwrap();
    assert_eq!(line, "certlocker: 100 of 153 secrets are wrapped anew\n");
    let stopped = list(&scene.server);
    let [("current", new), ("retired", old)] = keys(&stopped)[..] else {
        panic!("{stopped}");
    };
    assert!(new >= 100 && old > 0 && new + old == 153, "{new} and {old}");
    let finished = read(&mut scene.server.certlocker("secret rotate --json"));
    assert_eq!(finished["key"], stopped["keys"][0]["key"]);
    assert_eq!(finished["rewrapped"], old);
    assert_eq!(keys(&finished), [("current", 153), ("unused", 0)]);
    let verified = succeed(&mut scene.server.certlocker("audit verify"));
    assert!(verified.contains("is as it was signed"), "{verified}");
}

#[tokio::test]
async fn an_older_copy_of_a_sealed_secret_is_refused_and_named() {
    let scene = Scene::new(&Registration::Bound);
    let client = create(&scene.server, "web");
    let database = scene.server.data().join("certlocker.sqlite");
    let connection = rusqlite::Connection::open(database).unwrap();
    let id: String = connection
        .query_row(
            "SELECT max(key) FROM row WHERE kind = 'secret'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let kept = "SELECT snapshot FROM row WHERE kind = 'secret' AND key = ?";
    let older: Vec<u8> = connection.query_row(kept, [&id], |row| row.get(0)).unwrap();
    succeed(&mut scene.server.certlocker("secret rotate"));
    let put_back = "UPDATE row SET snapshot = ? WHERE kind = 'secret' AND key = ?";
    assert_eq!(connection.execute(put_back, (&older, &id)).unwrap(), 1);

    let account = acme::try_register(&scene, client).await;
    let refused = account.err().unwrap().to_string();
    assert!(refused.contains("cannot be checked now"), "{refused}");
    let log = fs::read_to_string(scene.path("server.log")).unwrap();
    assert!(
        log.contains(&format!("secret {id} is not what was stored last")),
        "{log}"
    );
    let said = fail(&mut scene.server.certlocker("secret rotate --finish"));
    assert!(said.contains("is not what was stored last"), "{said}");
    let verified = scene
        .server
        .certlocker("audit verify --json")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(1), "{report}");
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report}");
    assert_eq!(findings[0]["kind"], "secret");
    assert_eq!(findings[0]["place"], format!("secret {id}"));
}

/// A data directory without a server.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.data()).unwrap();
        place
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    fn certlocker(&self, words: &str) -> Command {
        certlocker(words, &self.data())
    }

    fn file(&self, name: &str, content: &str, mode: u32) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }
}

const CREATE: &str = "client create web --allow dns:*.example";

#[test]
fn a_key_of_the_environment_or_a_credential_is_the_key_of_the_file() {
    let place = Place::new();
    succeed(&mut place.certlocker(CREATE));
    let file = place.data().join("master.key");
    let key = fs::read(&file).unwrap();
    let elsewhere = place.0.path().join("credentials");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(&file, elsewhere.join("certlocker.key")).unwrap();
    let said = fail(&mut place.certlocker("secret list"));
    assert!(
        said.contains("master.key is missing: put that key back"),
        "{said}"
    );
    assert!(!file.exists());

    let mut environment = place.certlocker("secret list --master-key-from env:KEY --json");
    environment.env("KEY", base64(&key));
    let mut credential = place.certlocker("secret list --json");
    credential.env("CREDENTIALS_DIRECTORY", &elsewhere);
    credential.env("CERTLOCKER_MASTER_KEY_FROM", "credential:certlocker.key");
    for command in [&mut environment, &mut credential] {
        assert_eq!(keys(&read(command)), [("current", 1)]);
    }
    let said = fail(&mut place.certlocker("secret list --master-key-from credential:x"));
    assert!(said.contains("CREDENTIALS_DIRECTORY is not set"), "{said}");
    let said = fail(&mut place.certlocker("secret list --master-key-from env:KEY"));
    assert!(
        said.contains("variable KEY, which should hold a key in base64, is not set"),
        "{said}"
    );
    let mut wrong = place.certlocker("secret list --master-key-from env:KEY");
    let said = fail(wrong.env("KEY", "hunter2"));
    assert!(
        said.contains("holds no key in base64") && !said.contains("hunter2"),
        "{said}"
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_passphrase_protects_the_key_file_and_the_keys_that_it_replaces() {
    let place = Place::new();
    let passphrase = place.file("passphrase", "correct horse\n", 0o600);
    let with = |words: &str| {
        let mut command = place.certlocker(words);
        command.env("CERTLOCKER_MASTER_KEY_PASSPHRASE_FILE", &passphrase);
        command
    };
    succeed(&mut with(CREATE));
    succeed(&mut with("secret rotate"));
    let files = fs::read_dir(place.data().join("master.key.d")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    for file in files.chain([place.data().join("master.key")]) {
        assert!(
            fs::read(&file).unwrap().starts_with(b"CLPK"),
            "{}",
            file.display()
        );
    }
    let said = fail(&mut place.certlocker("secret list"));
    assert!(
        said.contains("protected by a passphrase, and none was given"),
        "{said}"
    );
    place.file("passphrase", "battery\n", 0o600);
    let said = fail(&mut with("secret list"));
    assert!(said.contains("does not open with the passphrase"), "{said}");
    place.file("passphrase", "correct horse", 0o644);
    let said = fail(&mut with("secret list"));
    assert!(said.contains("nobody but its owner may read it"), "{said}");
}

#[test]
fn secrets_go_from_a_file_to_a_key_from_elsewhere_and_the_file_may_be_removed() {
    let place = Place::new();
    succeed(&mut place.certlocker(CREATE));
    let old = place.data().join("master.key").display().to_string();
    let with = |words: &str| {
        let mut command = place.certlocker(words);
        command.env("KEY", base64(&[7; 32]));
        command.args(["--master-key-from", "env:KEY", "--json"]);
        command
    };
    let missing = read(&mut with("secret list"));
    assert_eq!(keys(&missing), [("current", 0), ("missing", 1)]);
    let said = fail(&mut with("secret rotate"));
    assert!(
        said.contains("which is not here: put that key back, as a retired one"),
        "{said}"
    );
    let retired = format!("file:{old}");
    let rotated = read(with("secret rotate").args(["--retired-key", &retired]));
    assert_eq!(rotated["rewrapped"], 1);
    assert_eq!(keys(&rotated), [("current", 1), ("unused", 0)]);
    fs::remove_file(&old).unwrap();
    assert_eq!(keys(&read(&mut with("secret list"))), [("current", 1)]);
}

#[test]
fn a_copy_has_the_keys_that_were_retired() {
    let place = Place::new();
    succeed(&mut place.certlocker(CREATE));
    succeed(&mut place.certlocker("secret rotate"));
    fs::write(place.data().join("admin.token"), "token").unwrap();
    let copy = place.0.path().join("copy");
    succeed(&mut place.certlocker(&format!("backup {}", copy.display())));
    succeed(&mut place.certlocker(&format!("restore {} --drill", copy.display())));
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder.join("master.key.d"))
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&copy).len(), 1);
    let elsewhere = place.0.path().join("elsewhere");
    succeed(&mut certlocker(
        &format!("restore {}", copy.display()),
        &elsewhere,
    ));
    assert_eq!(names(&elsewhere), names(&copy));
}
