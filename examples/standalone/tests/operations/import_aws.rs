//! EC2, played by moto, brought in with a kept credential.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::server::certlocker;
use crate::harness::tool::{fail, succeed};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const SECRET: &str = "canary/K7MDENG+bPxRfiCYzzzzzzzKEYcanary0";
const REGION: &str = "eu-west-1";

/// Moto, for as long as the test runs.
struct Moto {
    server: Child,
    url: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn python(script: &str) -> Option<Command> {
    let python = format!("{ROOT}/target/test-tools/moto/bin/python");
    if !Path::new(&python).is_file() {
        let left_out = "moto is not installed (scripts/install-test-tools)";
        assert!(
            std::env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
            "{left_out}"
        );
        eprintln!("left out: {left_out}");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(format!("{ROOT}/certlocker-import/tests/aws/{script}"));
    Some(command)
}

/// Moto with machines of every sort in one region.
fn moto() -> Option<Moto> {
    let mut server = python("moto_server.py")?
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let url = loop {
        let line = lines.next().expect("moto ended").unwrap();
        if let Some((_, url)) = line.split_once("Running on ") {
            break url.trim().to_owned();
        }
    };
    // It goes on to say what it is asked.
    std::thread::spawn(move || lines.for_each(drop));
    let moto = Moto { server, url };
    succeed(python("moto_machines.py")?.args([&moto.url, REGION]));
    Some(moto)
}

struct Desk(TempDir);

impl Desk {
    /// With a credential of the name `prod`.
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        let file = desk.0.path().join("credentials");
        let text =
            format!("aws_access_key_id=AKIAQWERTYUIOPASDFGH\naws_secret_access_key={SECRET}\n");
        std::fs::write(&file, text).unwrap();
        desk.json(&[
            "import",
            "credential",
            "add",
            "prod",
            file.to_str().unwrap(),
        ]);
        desk
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = certlocker(words[0], self.0.path());
        command.args(&words[1..]).arg("--json");
        command
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&succeed(&mut self.command(words))).unwrap()
    }

    fn plan(&self, moto: &Moto, more: &[&str]) -> Value {
        let words = [
            "import",
            "plan",
            "--from",
            "prod",
            "--endpoint",
            &moto.url,
            "--region",
            REGION,
            "--group",
            "{tag:env}",
        ];
        self.json(&[&words, more].concat())
    }
}

fn count(plan: &Value, kind: &str) -> u64 {
    plan["plan"]["counts"][kind].as_u64().unwrap()
}

#[test]
fn the_machines_of_a_kept_credential_become_hosts_by_a_plan() {
    let Some(moto) = moto() else { return };
    let desk = Desk::new();
    let plan = desk.plan(&moto, &[]);
    assert_eq!((count(&plan, "create"), count(&plan, "skip")), (35, 5));
    assert_eq!(plan["lines"][0]["login"][0], "ubuntu");
    desk.json(&["import", "apply", plan["plan"]["id"].as_str().unwrap()]);
    let again = desk.plan(&moto, &[]);
    assert_eq!((count(&again, "exists"), count(&again, "gone")), (35, 0));
}

#[test]
fn of_what_a_filter_leaves_out_nothing_is_concluded() {
    let Some(moto) = moto() else { return };
    let desk = Desk::new();
    let plan = desk.plan(&moto, &[]);
    desk.json(&["import", "apply", plan["plan"]["id"].as_str().unwrap()]);
    let some = desk.plan(&moto, &["--filter", "tag:env=prod"]);
    assert_eq!(count(&some, "gone"), 0);
    assert!(
        (1..35).contains(&count(&some, "exists")),
        "{}",
        some["plan"]
    );
    let said = some["plan"]["failures"][0].as_str().unwrap();
    assert!(said.contains("only some machines were asked for"), "{said}");
}

#[test]
fn a_machine_without_a_metadata_service_is_told_so() {
    let desk = Desk::new();
    let kind = [
        "import",
        "credential",
        "add",
        "here",
        "--kind",
        "aws-instance-profile",
    ];
    assert_eq!(desk.json(&kind)["identity"], "instance-profile");
    let asked = ["import", "plan", "--from", "here", "--region", REGION];
    let mut command = desk.command(&asked);
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    let said = fail(&mut command);
    assert!(said.contains("no credentials are to be had"), "{said}");
}

#[test]
fn an_account_that_cannot_be_asked_is_told_without_its_secret() {
    let desk = Desk::new();
    let asked = [
        "import",
        "plan",
        "--from",
        "prod",
        "--region",
        REGION,
        "--endpoint",
        "http://127.0.0.1:1",
    ];
    let said = fail(&mut desk.command(&asked));
    assert!(
        said.contains("the cloud does not answer: http://127.0.0.1:1"),
        "{said}"
    );
    let zone = ["import", "plan", "--from", "prod", "--region", "eu-west-1a"];
    let said = [said, fail(&mut desk.command(&zone))].concat();
    assert!(said.contains("its region is eu-west-1"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}
