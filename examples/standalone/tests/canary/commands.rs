//! Secrets in what is given to commands, and all that they print.

use std::fs;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Test;
use crate::gateway::pem;
use crate::harness::server::certlocker;
use crate::harness::tool::succeed;

pub(crate) fn sow(test: &mut Test) {
    settings(test);
    files(test);
    keys(test);
    clients(test);
    tokens(test);
    people(test);
}

/// Settings on the command line, in the environment and in a file; what is no setting, too.
fn settings(test: &mut Test) {
    for (number, template) in CONFIGURATIONS.iter().enumerate() {
        let secret = test
            .canaries
            .text(&format!("line {number} of a configuration, {template}"));
        let text = template.replace("{}", &secret);
        let file = test.private(&format!("{number}.toml"), text.as_bytes());
        for words in ["config check", "secret list"] {
            let mut command = elsewhere(test, words);
            command.arg("--config").arg(&file);
            test.seen.run(
                &format!("`{words}` with the configuration {template}"),
                &mut command,
            );
        }
    }
    for (number, (name, template)) in VARIABLES.iter().enumerate() {
        let secret = test
            .canaries
            .text(&format!("variable number {number}, {name}={template}"));
        let mut command = elsewhere(test, "config check");
        command.env(name, template.replace("{}", &secret));
        test.seen
            .run(&format!("a command with {name}={template}"), &mut command);
    }
    for template in FLAGS {
        let secret = test.canaries.text(&format!("the flag {template}"));
        for words in ["secret list", "client list", "config check"] {
            let mut command = elsewhere(test, words);
            command.arg(template.replace("{}", &secret));
            test.seen
                .run(&format!("`{words} {template}`"), &mut command);
        }
    }
}

pub(crate) const CONFIGURATIONS: [&str; 16] = [
    "database = \"postgres://user:{}@127.0.0.1:1/certlocker\"",
    "database = \"postgres://user:{}@127.0.0.1:port/certlocker\"",
    "database = \"mysql://user:{}@127.0.0.1/certlocker\"",
    "database = [\"postgres://user:{}@one/x\", \"postgres://user:{}@two/x\"]",
    "server = \"https://user:{}@127.0.0.1:1\"",
    "server = \"https://127.0.0.1:1/?token={}\"",
    "public-url = \"https://user:{}@ca.example\"",
    "admin-token = \"{}\"",
    "master-key = \"{}\"",
    "master-key-from = \"{}\"",
    "retired-key = [\"base64:{}\"]",
    "token = \"{}",
    "[vault]\ntoken = \"{}\"",
    "passphrase = {}",
    "max-jobs = 1\nmax-jobs = \"{}\"",
    "audit-sink = \"https://user:{}@siem.example/\"",
];

pub(crate) const VARIABLES: [(&str, &str); 7] = [
    ("CERTLOCKER_ADMIN_TOKEN", "{}"),
    ("CERTLOCKER_MASTER_KEY", "{}"),
    ("CERTLOCKER_MASTER_KEY_FROM", "{}"),
    ("CERTLOCKER_RETIRED_KEY", "env:{}="),
    (
        "CERTLOCKER_DATABASE",
        "postgres://user:{}@127.0.0.1:1/certlocker",
    ),
    ("CERTLOCKER_SERVER", "https://user:{}@127.0.0.1:1"),
    ("UNRELATED_TOKEN", "{}"),
];

const FLAGS: [&str; 8] = [
    "--database=postgres://user:{}@127.0.0.1:1/certlocker",
    "--database=postgresql://user:{}@[::1/certlocker",
    "--server=https://user:{}@127.0.0.1:1",
    "--master-key-from={}",
    "--master-key-from=env:{}=",
    "--retired-key=file:{};passphrase-file=",
    "--admin-token={}",
    "--master-key={}",
];

/// Files with another content than they should have.
fn files(test: &mut Test) {
    let secret = test.canaries.text("a token file with a wrong token");
    let wrong = test.private("wrong.token", secret.as_bytes());
    let secret = test.canaries.text("a token file with a private key");
    let key = test.private("key.token", pem(&secret).as_bytes());
    let url = test.scene.server.operator_url().to_owned();
    for file in [wrong, key] {
        let mut command = test.scene.server.certlocker("client list");
        command
            .arg("--token-file")
            .arg(file)
            .args(["--server", &url]);
        test.seen.run("a command with a wrong token", &mut command);
    }
    for (name, content) in [
        ("a key file with a private key", pem as fn(&str) -> String),
        ("a key file with text", str::to_owned),
    ] {
        let secret = test.canaries.text(name);
        let file = test.private("wrong.key", content(&secret).as_bytes());
        let mut command = elsewhere(test, "secret list");
        command.arg("--master-key-file").arg(file);
        test.seen.run(name, &mut command);
    }
    let secret = test.canaries.text("an anchor that is none");
    let anchor = test.private("anchor", secret.as_bytes());
    let mut command = test.scene.server.certlocker("audit verify");
    test.seen
        .run("`audit verify`", command.arg("--anchor").arg(anchor));
}

/// Keys and passphrases, right and wrong.
fn keys(test: &mut Test) {
    let secret = test.canaries.text("a wrong passphrase");
    let wrong = test.private("wrong.passphrase", secret.as_bytes());
    let mut command = test.scene.server.certlocker("secret list");
    command.env("CERTLOCKER_MASTER_KEY_PASSPHRASE_FILE", wrong);
    test.seen
        .run("a command with a wrong passphrase", &mut command);
    let secret = test.canaries.text("a passphrase that others can read");
    let exposed = test.private("exposed.passphrase", secret.as_bytes());
    let mut chmod = Command::new("chmod");
    succeed(chmod.arg("644").arg(&exposed));
    let mut command = test.scene.server.certlocker("secret list");
    command.env("CERTLOCKER_MASTER_KEY_PASSPHRASE_FILE", exposed);
    test.seen
        .run("a command with an exposed passphrase", &mut command);
    for (form, place) in [
        ("right", "a key of the environment"),
        ("wrong", "a wrong key of the environment"),
    ] {
        let key = test.canaries.key(place);
        let length = if form == "right" { key.len() } else { 30 };
        let mut command = elsewhere(test, "secret list --master-key-from env:KEY");
        command.env("KEY", STANDARD.encode(&key[..length]));
        test.seen.run(place, &mut command);
    }
    let secret = test
        .canaries
        .text("text in the place of a key of the environment");
    let mut command = elsewhere(test, "secret list --master-key-from env:KEY");
    test.seen.run("text for a key", command.env("KEY", secret));
    let before = test.canaries.key("a key that is rotated away");
    let file = test.private("rotated.key", &before);
    for words in ["client create web --allow dns:*.example", "secret rotate"] {
        let mut command = elsewhere(test, words);
        command.arg("--master-key-file").arg(&file);
        let printed = succeed(&mut command);
        if words.starts_with("secret") {
            test.seen.add("`secret rotate`", printed);
        }
    }
    let after = fs::read(&file).unwrap();
    assert_ne!(after, before);
    test.canaries.keep("a key that was made", &after);
}

/// Credentials that the server makes; they are shown once, to whoever asked for them.
fn clients(test: &mut Test) {
    for number in 0..20 {
        let client = test.scene.server.create_client(&format!("client-{number}"));
        let place = format!("the MAC key of client {number}");
        test.canaries.keep(&place, &client.mac_key());
    }
}

fn tokens(test: &mut Test) {
    let words = "token create --scope audit:read --expires 1d --reason canary --json";
    let made = json(&mut test.scene.server.certlocker(words));
    keep_token(test, "a token", &made);
    let words = format!("token rotate {} --json", text(&made, "id"));
    let rotated = json(&mut test.scene.server.certlocker(&words));
    keep_token(test, "a token that was rotated", &rotated);
}

/// The part of a token after its id, which everybody may know.
fn keep_token(test: &mut Test, place: &str, made: &Value) {
    let (_, secret) = text(made, "token").split_once(text(made, "id")).unwrap();
    test.canaries.keep(place, secret.as_bytes());
}

fn people(test: &mut Test) {
    for words in [
        "person add ann --role viewer --json",
        "person reset ann --json",
    ] {
        let made = json(&mut test.scene.server.certlocker(words));
        let password = text(&made, "password").as_bytes();
        test.canaries
            .keep(&format!("the password of `{words}`"), password);
        let (_, key) = text(&made, "code_url").split_once("secret=").unwrap();
        let (key, _) = key.split_once('&').unwrap();
        let place = format!("the key of codes of `{words}`");
        test.canaries.keep(&place, key.as_bytes());
    }
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

fn text<'a>(made: &'a Value, member: &str) -> &'a str {
    made[member].as_str().unwrap()
}

/// A command on a data directory of its own.
fn elsewhere(test: &Test, words: &str) -> Command {
    let data = test.scene.path("elsewhere");
    fs::create_dir_all(&data).unwrap();
    certlocker(words, &data)
}

/// Everything that commands show and copy.
pub(crate) fn collect(test: &mut Test) {
    succeed(&mut test.scene.server.certlocker("secret rotate"));
    let copy = test.scene.path("copy").display().to_string();
    for words in [
        "audit list --limit 1000 --json",
        "audit list --limit 1000",
        "audit verify --json",
        "audit receipt 9 --json",
        "certificate list --json",
        "client list --json",
        "client show web",
        "order list --json",
        "secret list --json",
        "token list --json",
        "person list --json",
        "host list --json",
        "config check --json",
        &format!("backup {copy}"),
        &format!("restore {copy} --drill"),
    ] {
        let mut command = test.scene.server.certlocker(words);
        let printed = succeed(&mut command);
        test.seen.add(format!("`{words}`"), printed);
    }
}
