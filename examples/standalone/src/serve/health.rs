//! What is looked at before the server is called ready.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::audit::Watch;
use crate::assemble::Opened;
use crate::health::Health;
use crate::telemetry::Metrics;

/// `/livez`, `/readyz` and `/metrics`.
pub(super) fn router(opened: &Opened, metrics: Metrics, audit: Watch) -> Router {
    let database = opened.database.clone();
    let health = Health::new().check("store", move || {
        let database = database.clone();
        async move {
            match database.check().await {
                Ok(()) => Ok("takes writes".to_owned()),
                Err(error) => Err(with_cause(&error)),
            }
        }
    });
    let watch = audit.clone();
    let health = health.check("audit-log", move || {
        let watch = watch.clone();
        async move { watch.check().await }
    });
    let render = get(move || async move {
        audit.measure().await;
        (
            [(header::CONTENT_TYPE, Metrics::MEDIA_TYPE)],
            metrics.render(),
        )
    });
    health.router().route("/metrics", render)
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
