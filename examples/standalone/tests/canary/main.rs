//! Random secrets through every place where one can be given to the server or to a command: none
//! of them comes to light in what is stored, logged, exported or shown.
//!
//! Left out is what is there to be shown: names, contacts and identifiers, request ids, and what
//! hosts answer to challenges. What a request is answered with goes back to whoever sent the secret.

mod commands;
mod debug;
mod forms;
mod gateway;
#[path = "../harness/mod.rs"]
mod harness;
mod imports;
mod operator;
mod ssh;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use forms::Canaries;
use harness::scene::Scene;
use harness::server::{Node, Registration, Server};

/// What is collected on the way, with where it came from.
#[derive(Default)]
pub(crate) struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    pub(crate) fn add(&mut self, from: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((from.into(), bytes.into()));
    }

    /// What a command prints, on either stream.
    pub(crate) fn run(&mut self, from: &str, command: &mut Command) {
        let output = command.output().unwrap();
        self.add(from, [output.stdout, output.stderr].concat());
    }
}

/// Everything that a part of the test needs.
pub(crate) struct Test {
    pub(crate) canaries: Canaries,
    pub(crate) scene: Scene,
    pub(crate) seen: Seen,
}

impl Test {
    /// A server that has a secret in each of its files and variables, and logs everything.
    fn new() -> Self {
        let mut canaries = Canaries::default();
        let scene = Scene::starting(|folder, zone| {
            let node = node(folder, &mut canaries);
            Server::start_node(folder, zone, &Registration::Bound, node)
        });
        let seen = Seen::default();
        Self {
            canaries,
            scene,
            seen,
        }
    }

    /// A file that only its owner reads, outside of what is searched.
    pub(crate) fn private(&self, name: &str, content: &[u8]) -> PathBuf {
        private(&self.scene.path("private"), name, content)
    }
}

fn private(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

fn node(folder: &Path, canaries: &mut Canaries) -> Node {
    let outside = folder.join("private");
    let passphrase = canaries.text("the passphrase of the master key");
    let passphrase = private(&outside, "passphrase", passphrase.as_bytes());
    let token = canaries.text("the operator's token");
    private(&folder.join("data"), "admin.token", token.as_bytes());
    let retired = canaries.key("a retired key in the environment");
    let other = canaries.key("a retired key in a file");
    let other = private(&outside, "retired.key", &other);
    let sink = |name: &str| folder.join(name).display().to_string();
    Node {
        shared: vec![
            (
                "CERTLOCKER_MASTER_KEY_PASSPHRASE_FILE",
                passphrase.display().to_string(),
            ),
            (
                "CERTLOCKER_RETIRED_KEY",
                format!("env:OLD_KEY,file:{}", other.display()),
            ),
            ("OLD_KEY", STANDARD.encode(retired)),
            ("CERTLOCKER_LOG_LEVEL", "trace".to_owned()),
            (
                "CERTLOCKER_AUDIT_SINK",
                format!(
                    "file:{},file:{};format=ocsf",
                    sink("a.jsonl"),
                    sink("b.jsonl")
                ),
            ),
        ],
        ..Node::alone()
    }
}

/// Files whose purpose it is to hold a secret, for their owner only.
fn is_for_secrets(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let in_private = path.components().any(|part| part.as_os_str() == "private");
    in_private || name == "admin.token" || path.extension().is_some_and(|ending| ending == "key")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if !is_for_secrets(&path) {
            found.push(path);
        }
    }
}

#[test]
fn no_secret_comes_to_light() {
    let mut test = Test::new();
    gateway::sow(&mut test);
    operator::sow(&mut test);
    commands::sow(&mut test);
    debug::sow(&mut test);
    ssh::sow(&mut test);
    operator::collect(&mut test);
    commands::collect(&mut test);
    // With the log, and everything that waits to be written; the write-ahead log stays behind.
    let folder = test.scene.path("");
    let mut found = Vec::new();
    files(&folder, &mut found);
    for expected in [
        "certlocker.sqlite",
        "certlocker.sqlite-wal",
        "server.log",
        "a.jsonl",
        "b.jsonl",
        "checkpoint",
        "manifest.json",
    ] {
        assert!(
            found.iter().any(|path| path.ends_with(expected)),
            "{expected} is missing"
        );
    }
    for path in found {
        test.seen
            .add(path.display().to_string(), fs::read(&path).unwrap());
    }
    assert!(
        test.canaries.count() >= 200,
        "{} secrets only",
        test.canaries.count()
    );
    let search = test.canaries.search();
    let mut leaks: Vec<String> = Vec::new();
    for (from, bytes) in &test.seen.0 {
        for (place, form) in search.find(bytes) {
            leaks.push(format!("{place} is in {from} ({form})"));
        }
    }
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
}
