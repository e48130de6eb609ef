//! What is looked at before the server is called ready.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::lag::Lag;
use crate::assemble::Opened;
use crate::health::Health;
use crate::telemetry::Metrics;

/// `/livez`, `/readyz` and `/metrics`.
pub(super) fn router(opened: &Opened, metrics: Metrics, lags: Vec<Lag>) -> Router {
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
    let health = lags.iter().fold(health, |health, lag| {
        let lag = lag.clone();
        health.check(lag.name().to_owned(), move || {
            let lag = lag.clone();
            async move { lag.check().await }
        })
    });
    let lags = Arc::new(lags);
    let render = get(move || async move {
        for lag in lags.iter() {
            lag.measure().await;
        }
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
