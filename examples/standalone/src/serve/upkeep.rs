//! What has to be done from time to time: a fresh certificate for the listeners, and out with old
//! orders, spent nonces and forgotten claims.

use std::sync::Arc;
use std::time::Duration;

use certlocker_acme::{Clock, Gateway, LocalCa, SharedNonces, SystemClock};
use certlocker_core::{Actor, Attribution, Component, Identifier, Kind, Timestamp, Trigger};

use super::{UPKEEP_PAUSE, identity};
use crate::inventory::Inventory;
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// How many old orders or tokens are removed at a time.
const REMOVED_AT_ONCE: usize = 500;
/// How many spent nonces are forgotten at a time.
const NONCES_AT_ONCE: usize = 10_000;
/// How many claims are forgotten at a time.
const CLAIMS_AT_ONCE: usize = 10_000;
/// How long ago a claim ended under which nobody commits any more, whatever clocks differ.
const CLAIMS_KEPT: Duration = Duration::from_secs(3_600);
/// The listeners' certificate is renewed when this share of its life is left.
const RENEWED_AT: u32 = 3;

/// What the upkeep works on.
pub(super) struct Rounds {
    pub(super) ca: LocalCa,
    pub(super) gateway: Gateway,
    pub(super) inventory: Inventory,
    pub(super) metrics: Metrics,
    pub(super) names: Vec<Identifier>,
    pub(super) nonces: Option<Arc<SharedNonces>>,
    pub(super) retention: Duration,
    pub(super) tls: Tls,
}

impl Rounds {
    pub(super) async fn run(self) {
        let clock = SystemClock::default();
        let mut renewed = clock.now();
        loop {
            tokio::time::sleep(UPKEEP_PAUSE).await;
            self.metrics.upkeep();
            let now = clock.now();
            let life = self.ca.validity();
            if now.since(renewed) > life - life / RENEWED_AT
                && renew(&self.ca, &self.tls, &self.names, now)
            {
                renewed = now;
            }
            let measured = crate::probing::measure(self.inventory.store.as_ref(), now).await;
            if let Err(error) = measured {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the endpoints were not counted");
            }
            if self.leads(now).await {
                remove_old_orders(&self.gateway, now.before(self.retention)).await;
                self.remove_old_tokens(now.before(self.retention)).await;
                self.remove_old_sessions().await;
                self.forget_nonces().await;
                self.forget_claims(now).await;
            }
        }
    }

    /// Of several servers on one database one does the round; whichever asks first.
    async fn leads(&self, now: Timestamp) -> bool {
        let until = now.after(UPKEEP_PAUSE / 2);
        let claimed = self
            .inventory
            .store
            .claim(Kind::Order, "upkeep", now, until)
            .await;
        match claimed {
            Ok(lease) => lease.is_some(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "it is not known who does the upkeep");
                false
            }
        }
    }

    async fn forget_claims(&self, now: Timestamp) {
        let before = now.before(CLAIMS_KEPT);
        loop {
            let store = &self.inventory.store;
            match store.forget_claims(before, CLAIMS_AT_ONCE).await {
                Ok(CLAIMS_AT_ONCE) => {}
                Ok(_) => return,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "claims of servers that are gone were not removed");
                    return;
                }
            }
        }
    }

    async fn remove_old_tokens(&self, before: Timestamp) {
        let by = Attribution::new(Actor::Server(Component::Caretaker), Trigger::Due);
        let removed = self
            .inventory
            .remove_old_tokens(before, REMOVED_AT_ONCE, &by);
        match removed.await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "removed tokens that ended long ago"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "old tokens were not removed");
            }
        }
    }

    async fn remove_old_sessions(&self) {
        let removed = self.inventory.remove_old_sessions(REMOVED_AT_ONCE).await;
        if let Err(error) = removed {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "sessions that are over were not removed");
        }
    }

    async fn forget_nonces(&self) {
        let Some(nonces) = &self.nonces else { return };
        loop {
            match nonces.forget(NONCES_AT_ONCE).await {
                Ok(NONCES_AT_ONCE) => {}
                Ok(_) => return,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "old nonces were not removed");
                    return;
                }
            }
        }
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
