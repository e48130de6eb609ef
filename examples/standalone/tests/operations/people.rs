//! People as operators add and end them.

use serde_json::Value;

use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{fail, succeed};

#[test]
fn a_person_is_added_reset_and_switched_off_beside_and_over_the_server() {
    let scene = Scene::new(&Registration::Bound);
    let run = |words: &str| -> Value {
        serde_json::from_str(&succeed(&mut scene.server.certlocker(words))).unwrap()
    };
    let added = run("person add ann --role viewer --role auditor --json");
    assert!(
        added["code_url"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/"),
        "{added}"
    );
    let said = fail(&mut scene.server.certlocker("person add ann --role viewer"));
    assert!(
        said.contains("there is a person named `ann` already"),
        "{said}"
    );
    let said = fail(&mut scene.server.certlocker("person add bob --role root"));
    assert!(said.contains("viewer"), "{said}");
    let over = format!("--server {}", scene.server.operator_url());
    let reset = run(&format!("person reset ann --json {over}"));
    assert_ne!(reset["password"], added["password"]);
    let disabled = run(&format!("person disable ann --json {over}"));
    assert!(disabled["disabled"].is_string(), "{disabled}");
    assert_eq!(run("person list --json")[0], disabled);
    let id = added["id"].as_str().unwrap();
    let why = succeed(&mut scene.server.certlocker(&format!("audit why person {id}")));
    assert!(
        why.contains("person `ann`") && why.contains("as auditor, viewer"),
        "{why}"
    );
    let records = succeed(&mut scene.server.certlocker("audit list --limit 1000 --json"));
    for secret in ["password", "code_url"] {
        assert!(!records.contains(added[secret].as_str().unwrap()));
    }
}
