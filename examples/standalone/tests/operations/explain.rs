//! The sentences of `order explain` for orders that really stopped.

use std::net::TcpListener;

use instant_acme::{Error, RetryPolicy};
use serde::Deserialize;

use crate::harness::acme;
use crate::harness::http::serve_files;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::succeed;

#[derive(Debug, Deserialize)]
struct Explained {
    verdict: String,
    stage: String,
    waiting_for: Option<String>,
}

fn explain(scene: &Scene, order: &str) -> Explained {
    let mut command = scene
        .server
        .certlocker(&format!("order explain {order} --json"));
    serde_json::from_str(&succeed(&mut command)).unwrap()
}

async fn stopped(scene: &Scene, names: &[&str]) -> Explained {
    let account = acme::register(scene, scene.server.create_client("web")).await;
    let mut order = acme::order(&account, names).await.unwrap();
    let known_at_once = acme::answer_nowhere(&mut order).await;
    if known_at_once.is_ok() {
        order.poll_ready(&RetryPolicy::default()).await.unwrap_err();
    }
    explain(scene, &acme::id(&order))
}

#[tokio::test]
async fn a_refused_connection_names_the_address_that_has_to_open() {
    let scene = Scene::new(&Registration::Bound);
    // Held for the test, so that nobody listens there.
    let free = TcpListener::bind(scene.http01()).unwrap();
    drop(free);
    let told = stopped(&scene, &["a.example"]).await;
    let address = scene.http01();
    assert!(
        told.verdict.contains(&format!(
            "Whoever runs a.example opens {address} to this server"
        )),
        "{told:?}"
    );
    assert_eq!(
        (told.stage.as_str(), told.waiting_for.as_deref()),
        ("validation", Some("client"))
    );
}

#[tokio::test]
async fn another_servers_answer_is_shown_with_who_gave_it() {
    let scene = Scene::new(&Registration::Bound);
    serve_files(scene.http01(), scene.path("empty"));
    let told = stopped(&scene, &["a.example"]).await;
    assert!(
        told.verdict.contains("the status is 404 instead of 200"),
        "{told:?}"
    );
    assert!(
        told.verdict
            .contains(&format!("the answer came from {}", scene.http01())),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_refusal_by_scope_is_found_by_the_id_that_the_client_was_told() {
    let scene = Scene::new(&Registration::Bound);
    let account = acme::register(&scene, scene.server.create_client("web")).await;
    let Err(Error::Api(problem)) = acme::order(&account, &["mail.test"]).await else {
        panic!("mail.test is outside of the client's scope");
    };
    let detail = problem.detail.unwrap();
    let (_, id) = detail
        .trim_end_matches(')')
        .rsplit_once("(refusal ")
        .unwrap();
    let told = explain(&scene, id);
    assert!(
        told.verdict
            .contains("client `web` may order dns:*.example, and dns:mail.test is outside"),
        "{told:?}"
    );
    assert_eq!(
        (told.stage.as_str(), told.waiting_for.as_deref()),
        ("order", Some("operator"))
    );
}
