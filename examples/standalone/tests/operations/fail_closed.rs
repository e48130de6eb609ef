//! Nothing is changed while a required sink waits for what was changed before.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use certlocker_audit::sink::signature;
use certlocker_core::Secret;
use instant_acme::Error;
use serde_json::Value;

use crate::harness::acme;
use crate::harness::https::{Response, call};
use crate::harness::receiver::Receiver;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::fail;

const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A server whose records have to get to a receiver, and another of its sinks that cannot work.
fn required(scene: &mut Scene) -> (Receiver, String) {
    let (ca, key) = (scene.path("receiver.pem"), scene.path("receiver.key"));
    let receiver = Receiver::listen(&ca);
    fs::write(&key, format!("{KEY}\n")).unwrap();
    let port = receiver.port();
    let key = key.display();
    let sink = format!("webhook:https://localhost:{port}/s3cret;key-file={key};required=5s");
    let hopeless = "file:/dev/full/nothing";
    scene
        .server
        .same_again()
        .args([
            "--audit-sink",
            &sink,
            "--audit-sink",
            hopeless,
            "--audit-ca-file",
        ])
        .arg(ca);
    scene.server.crash_and_restart();
    (receiver, sink)
}

fn desk(scene: &Scene, request: &str, body: &str) -> Response {
    let bearer = format!("Authorization: Bearer {}", scene.server.admin_token());
    let headers = [bearer.as_str(), "Content-Type: application/json"];
    let (ca, url) = (scene.server.ca_file(), scene.server.operator_url());
    call(ca, url, request, &headers, body)
}

/// Until the server says that it is ready, or not.
fn wait_for_readiness(scene: &Scene, status: u16) -> String {
    let started = Instant::now();
    loop {
        let ready = desk(scene, "GET /readyz", "");
        if ready.status == status {
            return ready.body;
        }
        assert!(started.elapsed() < PATIENCE, "{}", ready.body);
        thread::sleep(Duration::from_millis(20));
    }
}

fn last(scene: &Scene) -> u64 {
    let newest = desk(scene, "GET /rest/acme/audit/records?limit=1", "");
    let newest: Value = serde_json::from_str(&newest.body).unwrap();
    newest[0]["sequence"].as_u64().unwrap()
}

fn create(scene: &Scene, name: &str) -> Response {
    let body = format!(r#"{{"name":"{name}","allow":["dns:*.example"]}}"#);
    desk(scene, "POST /rest/acme/clients", &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_sink_that_hangs_closes_every_way_to_change_something_until_it_answers() {
    let mut scene = Scene::new(&Registration::Bound);
    let client = scene.server.create_client("web");
    let (account, credentials) = acme::register_with_credentials(&scene, client).await;
    let order = acme::order(&account, &["a.example"]).await.unwrap();
    let (receiver, sink) = required(&mut scene);
    let account = acme::reconnect(&scene, credentials).await;
    let mut order = account.order(order.url().to_owned()).await.unwrap();

    receiver.fall_silent();
    assert_eq!(create(&scene, "early").status, 201);
    let ready = wait_for_readiness(&scene, 503);
    assert!(ready.contains("webhook:https://localhost:"), "{ready}");
    let before = last(&scene);

    let refused = create(&scene, "late");
    let problem: Value = serde_json::from_str(&refused.body).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    let named = format!(
        "audit unavailable: webhook:https://localhost:{}",
        receiver.port()
    );
    assert!(detail.starts_with(&named), "{detail}");
    assert!(!detail.contains("s3cret"), "{detail}");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("5"))
    );

    let Err(Error::Api(problem)) = acme::order(&account, &["b.example"]).await else {
        panic!("no order is placed that would not be recorded");
    };
    assert_eq!(problem.status, Some(503));
    assert!(problem.detail.unwrap().starts_with(&named));
    let answered = acme::answer_nowhere(&mut order).await;
    assert!(matches!(answered, Err(Error::Api(problem)) if problem.status == Some(503)));

    let mut command = scene
        .server
        .certlocker("client create beside --allow dns:*.example");
    let said = fail(command.env("CERTLOCKER_AUDIT_SINK", &sink));
    assert!(said.contains(&named), "{said}");
    assert_eq!(last(&scene), before);

    receiver.answer_again();
    wait_for_readiness(&scene, 200);
    assert_eq!(create(&scene, "late").status, 201);
    acme::answer(&mut order, &scene.web_root()).await;
    let (_, chain) = acme::finish(&mut order).await;
    assert!(chain.contains("BEGIN CERTIFICATE"));
    let (started, all) = (Instant::now(), (1..=last(&scene)).collect::<BTreeSet<_>>());
    while !receiver.sequences().is_superset(&all) {
        assert!(started.elapsed() < PATIENCE, "{:?}", receiver.sequences());
        thread::sleep(Duration::from_millis(20));
    }
    let key = Secret::new(KEY.as_bytes().to_vec());
    for (signed, body) in receiver.signatures() {
        assert_eq!(signed, signature(&key, &body));
    }
}
