//! Whether the server lives, and whether it can do its work.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

/// What a check found: a detail worth showing, or what is wrong.
pub type Finding = Result<String, String>;

type Look = dyn Fn() -> Pin<Box<dyn Future<Output = Finding> + Send>> + Send + Sync;

/// A list of things to look at before the server is called ready.
#[derive(Default)]
pub struct Health(Vec<(String, Box<Look>)>);

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Health {
    /// Nothing to look at: always ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; it runs beside the others each time somebody asks, and may not take long.
    #[must_use]
    pub fn check<F, L>(mut self, name: impl Into<String>, look: L) -> Self
    where
        F: Future<Output = Finding> + Send + 'static,
        L: Fn() -> F + Send + Sync + 'static,
    {
        self.0
            .push((name.into(), Box::new(move || Box::pin(look()))));
        self
    }

    /// Answers `/livez` as long as the process runs, and `/readyz` with one entry for each check.
    pub fn router(self) -> Router {
        Router::new()
            .route(
                "/livez",
                get(async || {
                    Json(Readiness {
                        ok: true,
                        checks: Vec::new(),
                    })
                }),
            )
            .route("/readyz", get(readyz))
            .with_state(Arc::new(self))
    }

    /// Looks at everything at the same time.
    pub async fn readiness(&self) -> Readiness {
        let started =
            |(name, look): &(String, Box<Look>)| (name.clone(), tokio::spawn(watched(look())));
        let running: Vec<_> = self.0.iter().map(started).collect();
        let mut checks = Vec::with_capacity(running.len());
        for (name, check) in running {
            let (finding, took) = check
                .await
                .unwrap_or_else(|_| (Err(PANICKED.to_owned()), Duration::ZERO));
            checks.push(Checked::new(name, finding, took));
        }
        Readiness {
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }
}

const PANICKED: &str = "the check itself failed; the log has the reason";
const PATIENCE: Duration = Duration::from_secs(5);

async fn watched(look: Pin<Box<dyn Future<Output = Finding> + Send>>) -> (Finding, Duration) {
    let start = Instant::now();
    let finding = tokio::time::timeout(PATIENCE, look).await;
    let finding = finding.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
    (finding, start.elapsed())
}

/// What was found, as it is shown.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Whether all checks passed.
    pub ok: bool,
    /// Each check, in the order in which they were added.
    pub checks: Vec<Checked>,
}

/// What one check found.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// What was looked at.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub ms: u128,
}

impl Checked {
    fn new(name: String, finding: Finding, took: Duration) -> Self {
        let ok = finding.is_ok();
        let (Ok(detail) | Err(detail)) = finding;
        Self {
            name,
            ok,
            detail,
            ms: took.as_millis(),
        }
    }
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness().await;
    let status = match readiness.ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower_service::Service;

    use super::*;

    async fn ask(health: Health, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = health.router().call(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let mut json: Value = serde_json::from_slice(&body).unwrap();
        for check in json["checks"].as_array_mut().unwrap() {
            assert!(
                check
                    .as_object_mut()
                    .unwrap()
                    .remove("ms")
                    .unwrap()
                    .is_u64()
            );
        }
        (status, json)
    }

    #[tokio::test]
    async fn a_server_whose_checks_pass_is_ready() {
        let health = Health::new().check("store", async || Ok("12 pages".to_owned()));
        let checks = json!([{"name": "store", "ok": true, "detail": "12 pages"}]);
        assert_eq!(
            ask(health, "/readyz").await,
            (200, json!({"ok": true, "checks": checks}))
        );
    }

    #[tokio::test]
    async fn one_failed_check_makes_it_unready_and_the_others_are_still_told() {
        let health = Health::new()
            .check("first", async || Ok("fine".to_owned()))
            .check("second", async || Err("disk is full".to_owned()))
            .check("third", async || panic!("on purpose"));
        let checks = json!([
            {"name": "first", "ok": true, "detail": "fine"},
            {"name": "second", "ok": false, "detail": "disk is full"},
            {"name": "third", "ok": false, "detail": PANICKED},
        ]);
        assert_eq!(
            ask(health, "/readyz").await,
            (503, json!({"ok": false, "checks": checks}))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_a_failed_one() {
        let health = Health::new().check("store", std::future::pending);
        let (status, json) = ask(health, "/readyz").await;
        assert_eq!(
            (status, &json["checks"][0]["detail"]),
            (503, &json!("no answer within 5s"))
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_ready_lives() {
        let health = Health::new().check("store", async || Err("gone".to_owned()));
        assert_eq!(ask(health, "/livez").await.0, 200);
    }
}
