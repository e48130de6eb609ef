//! What a crash leaves behind, another process finishes.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use instant_acme::{Error, RetryPolicy};

use crate::harness::acme;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_challenge_that_was_being_looked_at_is_looked_at_again_after_a_crash() {
    let mut scene = Scene::new(&Registration::Bound);
    let client = scene.server.create_client("web");
    let (account, credentials) = acme::register_with_credentials(&scene, client).await;
    let mut order = acme::order(&account, &["a.example"]).await.unwrap();
    let silent = Silent::listen(&scene);
    acme::answer_nowhere(&mut order).await.unwrap();
    silent.wait_for_a_visit();
    drop(silent);

    scene.server.crash_and_restart();
    let account = acme::reconnect(&scene, credentials).await;
    let mut order = account.order(order.url().to_owned()).await.unwrap();
    let patient = RetryPolicy::new().timeout(PATIENCE);
    let Err(Error::Api(problem)) = order.poll_ready(&patient).await else {
        panic!("nobody answers, so the order ends");
    };
    let kind = "urn:ietf:params:acme:error:connection";
    assert_eq!(problem.r#type.as_deref(), Some(kind));
}

#[tokio::test]
async fn a_proven_order_is_finalized_after_a_crash() {
    let mut scene = Scene::new(&Registration::Bound);
    let client = scene.server.create_client("web");
    let (account, credentials) = acme::register_with_credentials(&scene, client).await;
    let mut order = acme::order(&account, &["a.example"]).await.unwrap();
    acme::answer(&mut order, &scene.web_root()).await;
    order.poll_ready(&RetryPolicy::default()).await.unwrap();

    scene.server.crash_and_restart();
    let account = acme::reconnect(&scene, credentials).await;
    let mut order = account.order(order.url().to_owned()).await.unwrap();
    let (_, chain) = acme::finish(&mut order).await;
    assert!(chain.contains("BEGIN CERTIFICATE"));
}

/// A web server that takes connections and says nothing.
pub(crate) struct Silent(TcpListener);

impl Silent {
    pub(crate) fn listen(scene: &Scene) -> Self {
        let listener = TcpListener::bind(scene.http01()).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn wait_for_a_visit(&self) {
        let started = Instant::now();
        while self.0.accept().is_err() {
            assert!(started.elapsed() < PATIENCE, "nobody came");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
