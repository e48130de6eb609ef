//! What changed who may use a host, asked of the database and of the running server.

use std::process::Command;

use serde_json::Value;

use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{fail, succeed};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../certlocker-import/tests");

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

/// Imports a recording whose machines have a key, and takes that back; the two plans.
fn imported_and_taken_back(scene: &Scene) -> [String; 2] {
    let mut plan = scene.server.certlocker("import plan --json");
    for file in ["instances.json", "images.json", "key-pairs.json"] {
        plan.args(["--file", &format!("{RECORDED}/recorded/{file}")]);
    }
    plan.args(["--key", &format!("{RECORDED}/keys/rsa_pkcs1.pem")]);
    let id = |plan: &Value| plan["plan"]["id"].as_str().unwrap().to_owned();
    let apply = |plan: &str| {
        json(
            &mut scene
                .server
                .certlocker(&format!("import apply {plan} --json")),
        );
    };
    let first = id(&json(&mut plan));
    // Two machines have one name, so that one gets its own.
    json(
        &mut scene
            .server
            .certlocker(&format!("import edit {first} 1 --rename first --json")),
    );
    apply(&first);
    let undo = id(&json(
        &mut scene
            .server
            .certlocker(&format!("import undo {first} --json")),
    ));
    apply(&undo);
    [first, undo]
}

#[test]
fn what_changed_who_may_use_a_host_is_one_question_with_the_plan_and_whoever_applied_it() {
    let scene = Scene::new(&Registration::Bound);
    let [import, undo] = imported_and_taken_back(&scene);
    let mut ask = scene.server.certlocker("audit access first --json");
    let told = json(&mut ask);
    let changes = told.as_array().unwrap();
    assert_eq!(changes.len(), 2, "{told:#}");
    let (newest, oldest) = (&changes[0], &changes[1]);
    assert_eq!(newest["origin"], format!("import:{undo}:1"));
    assert_eq!(newest["lost"], oldest["gained"]);
    assert_eq!(oldest["origin"], format!("import:{import}:1"));
    assert_eq!(oldest["gained"][0]["login"], "ubuntu");
    let planned = oldest["planned"][0]["sentence"].as_str().unwrap();
    assert!(
        planned.starts_with(&format!("plan {import} of an import")),
        "{planned}"
    );
    let root = oldest["root"].as_str().unwrap();
    assert!(root.contains("a command that"), "{root}");

    let key = oldest["gained"][0]["key"].as_str().unwrap().to_owned();
    let token = scene.path("token");
    let over = |permission: &str, words: &[&str]| {
        let made = format!("token create --scope {permission} --expires 1h --reason x --json");
        let made = json(&mut scene.server.certlocker(&made));
        std::fs::write(&token, made["token"].as_str().unwrap()).unwrap();
        let mut command = scene.server.certlocker("audit access first --json");
        command
            .args(["--server", scene.server.operator_url()])
            .args(words);
        command.arg("--token-file").arg(&token);
        command
    };
    assert_eq!(
        json(&mut over(
            "audit:read",
            &["--key", &key, "--login", "ubuntu"]
        )),
        told
    );
    assert_eq!(json(&mut over("audit:read", &["--limit", "1"]))[0], *newest);
    assert_eq!(
        json(&mut over("audit:read", &["--login", "root"])),
        Value::Array(vec![])
    );
    let refused = fail(&mut over("host:read", &[]));
    assert!(refused.contains("this needs audit:read"), "{refused}");
}
