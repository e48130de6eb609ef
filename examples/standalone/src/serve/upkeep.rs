//! What has to be done from time to time: a fresh certificate for the listeners, old orders out.

use std::time::Duration;

use certlocker_acme::{Clock, Gateway, LocalCa, SystemClock};
use certlocker_core::{Identifier, Timestamp};

use super::{UPKEEP_PAUSE, identity};
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// How many old orders are removed at a time.
const REMOVED_AT_ONCE: usize = 500;
/// The listeners' certificate is renewed when this share of its life is left.
const RENEWED_AT: u32 = 3;

pub(super) async fn run(
    gateway: Gateway,
    ca: LocalCa,
    tls: Tls,
    names: Vec<Identifier>,
    metrics: Metrics,
    retention: Duration,
) {
    let clock = SystemClock::default();
    let mut renewed = clock.now();
    loop {
        tokio::time::sleep(UPKEEP_PAUSE).await;
        metrics.upkeep();
        let now = clock.now();
        if now.since(renewed) > ca.validity() - ca.validity() / RENEWED_AT
            && renew(&ca, &tls, &names, now)
        {
            renewed = now;
        }
        remove_old_orders(&gateway, now.before(retention)).await;
    }
}

fn renew(ca: &LocalCa, tls: &Tls, names: &[Identifier], now: Timestamp) -> bool {
    let identity = identity::issue(ca, names, now).map_err(|error| error.to_string());
    match identity.and_then(|identity| tls.replace(identity).map_err(|error| error.to_string())) {
        Ok(()) => {
            tracing::info!("the listeners have a fresh certificate");
            true
        }
        Err(error) => {
            tracing::error!(
                error,
                "the listeners' certificate was not renewed; it is tried again"
            );
            false
        }
    }
}

async fn remove_old_orders(gateway: &Gateway, before: Timestamp) {
    loop {
        match gateway.remove_ended_orders(before, REMOVED_AT_ONCE).await {
            Ok(0) => return,
            Ok(count) => tracing::info!(count, "removed orders that ended long ago"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "old orders were not removed");
                return;
            }
        }
    }
}
