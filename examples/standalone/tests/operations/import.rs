//! Hosts brought in by commands: planned, read, edited, applied, killed, taken back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::server::certlocker;
use crate::harness::tool::{fail, succeed};

const PATIENCE: Duration = Duration::from_secs(60);
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../certlocker-import/tests");

struct Desk {
    directory: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = certlocker(words[0], self.directory.path());
        command.args(&words[1..]);
        command.arg("--json");
        command
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&succeed(&mut self.command(words))).unwrap()
    }

    fn hosts(&self) -> Vec<Value> {
        self.json(&["host", "list"]).as_array().unwrap().clone()
    }

    /// A recording of so many servers.
    fn servers(&self, count: usize) -> PathBuf {
        let server = |at: usize| {
            format!(
                r#"{{"ID":"s-{at}","Name":"web-{at}","Status":"ACTIVE","Networks":{{"net":["10.{}.{}.{}"]}},"Image Name":"Ubuntu 24.04"}}"#,
                at >> 16,
                at >> 8 & 255,
                at & 255
            )
        };
        let path = self.directory.path().join("servers.json");
        let servers: Vec<String> = (0..count).map(server).collect();
        std::fs::write(&path, format!("[{}]", servers.join(","))).unwrap();
        path
    }

    fn plan(&self, file: &Path) -> Value {
        let file = file.to_str().unwrap();
        self.json(&[
            "import",
            "plan",
            "--file",
            file,
            "--account",
            "p1",
            "--region",
            "one",
            "--group",
            "all",
        ])
    }
}

fn id(plan: &Value) -> &str {
    plan["plan"]["id"].as_str().unwrap()
}

fn actions(plan: &Value) -> Vec<&str> {
    let lines = plan["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect()
}

#[test]
fn a_recording_of_aws_becomes_hosts_by_a_plan_that_was_read_and_edited() {
    let desk = Desk::new();
    let file = |name: &str| format!("{RECORDED}/{name}");
    let (instances, images, pairs) = (
        file("recorded/instances.json"),
        file("recorded/images.json"),
        file("recorded/key-pairs.json"),
    );
    let key = file("keys/rsa_pkcs1.pem");
    let words = [
        "import",
        "plan",
        "--file",
        &instances,
        "--file",
        &images,
        "--file",
        &pairs,
        "--key",
        &key,
        "--group",
        "{tag:env}",
        "--login",
        "test=deploy",
    ];
    let plan = desk.json(&words);
    assert_eq!(actions(&plan), ["create", "create", "create", "skip"]);
    assert_eq!(
        plan["lines"][0]["key"][1],
        format!("{key}: same public key")
    );
    assert_eq!(plan["rules"][0]["groups"]["prod"], 2);
    assert!(desk.hosts().is_empty());

    desk.json(&["import", "edit", id(&plan), "3", "--rename", "database"]);
    assert_eq!(desk.json(&["import", "apply", id(&plan)])["hosts"], 3);
    assert_eq!(
        actions(&desk.json(&words)),
        ["exists", "exists", "exists", "skip"]
    );
    assert!(fail(&mut desk.command(&["import", "apply", id(&plan)])).contains("was applied at"));

    let hosts = desk.hosts();
    // Two machines have this name, and which host came first is not said.
    let webs = hosts.iter().filter(|host| host["name"] == "web");
    let mut origins = Vec::new();
    for web in webs {
        let access = desk.json(&["host", "access", web["id"].as_str().unwrap()]);
        assert_eq!(access["entries"][0]["login"], "ubuntu");
        origins.push(access["entries"][0]["origin"].as_str().unwrap().to_owned());
    }
    origins.sort();
    let expected = [1, 2].map(|line| format!("import:{}:{line}", id(&plan)));
    assert_eq!(origins, expected);
    let before = desk.json(&["host", "access", "database", "--at", "2020-01-01T00:00:00Z"]);
    assert_eq!(before["presence"], "unknown");

    let undo = desk.json(&["import", "undo", id(&plan)]);
    assert_eq!(actions(&undo), ["gone", "gone", "gone"]);
    desk.json(&["import", "apply", id(&undo)]);
    assert!(desk.hosts().iter().all(|host| host["gone"].is_string()));
}

#[test]
fn an_apply_that_is_killed_goes_on_and_applies_nothing_twice() {
    const HOSTS: usize = 3_000;
    let desk = Desk::new();
    let plan = desk.plan(&desk.servers(HOSTS));
    let words = ["import", "apply", id(&plan)];
    let mut apply = desk.command(&words).stdout(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while desk.hosts().is_empty() {
        assert!(started.elapsed() < PATIENCE, "nothing is applied");
    }
    apply.kill().unwrap();
    apply.wait().unwrap();
    let half = desk.hosts().len();
    assert!(
        half.is_multiple_of(200),
        "{half} hosts are no whole number of batches"
    );
    let rest = desk.command(&words).output().unwrap();
    let done =
        rest.status.success() || String::from_utf8_lossy(&rest.stderr).contains("was applied");
    assert!(done, "{}", String::from_utf8_lossy(&rest.stderr));
    assert_eq!(desk.hosts().len(), HOSTS);
    let again = desk.plan(&desk.servers(HOSTS));
    assert_eq!(again["plan"]["counts"]["exists"], HOSTS);
}

#[test]
fn two_applies_of_one_plan_at_once_apply_it_once() {
    const HOSTS: usize = 1_000;
    let desk = Desk::new();
    let plan = desk.plan(&desk.servers(HOSTS));
    let words = ["import", "apply", id(&plan)];
    let apply = || {
        let mut command = desk.command(&words);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [apply(), apply()].map(|child| child.wait_with_output().unwrap());
    let mut changed = 0;
    for output in both {
        if output.status.success() {
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            changed += report["hosts"].as_u64().unwrap();
            continue;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("the plan was applied at"), "{said}");
    }
    assert_eq!(changed, HOSTS as u64, "each host is the work of one apply");
    assert_eq!(desk.hosts().len(), HOSTS);
    let again = desk.plan(&desk.servers(HOSTS));
    assert_eq!(again["plan"]["counts"]["exists"], HOSTS);
}

#[test]
fn a_plan_whose_hosts_have_changed_since_is_refused() {
    let desk = Desk::new();
    let (one, other) = (desk.plan(&desk.servers(2)), desk.plan(&desk.servers(1)));
    desk.json(&["import", "apply", id(&other)]);
    let refused = desk
        .command(&["import", "apply", id(&one)])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("the plan does not fit what is there: web-0 came since"),
        "{said}"
    );
    assert_eq!(desk.hosts().len(), 1);
}

#[test]
fn credentials_are_named_and_never_shown() {
    let desk = Desk::new();
    let path = desk.directory.path().join("credentials");
    let secret = "canary/K7MDENG+bPxRfiCYzzzzzzzKEYcanary0";
    let text = format!(
        "[default]\naws_access_key_id=AKIAQWERTYUIOPASDFGH\naws_secret_access_key={secret}\noutput=json\n"
    );
    std::fs::write(&path, text).unwrap();
    let said = succeed(&mut desk.command(&["import", "credentials", path.to_str().unwrap()]));
    assert!(
        said.contains("default") && said.contains("line 4: ignored: `output`"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
    std::fs::write(&path, "canary canary").unwrap();
    let nothing = desk
        .command(&["import", "credentials", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(nothing.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&nothing.stdout).contains("canary"));
}
