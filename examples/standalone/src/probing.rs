//! The watch over the endpoints of a store: whom it trusts, and what it counts.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use certlocker_acme::{Clock, SystemClock};
use certlocker_core::endpoint::{Endpoint, Level};
use certlocker_core::{Event, Page, Store, StoreError, Timestamp};
use certlocker_probe::{
    Inventory as Expected, Judge, Observer, Prober, Roots, Settings as Manner, Watch,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::home::Home;

/// A watch that is made when it is needed: most commands look at nothing.
#[derive(Clone)]
pub struct Watching {
    home: Home,
    made: Arc<OnceLock<Watch>>,
    store: Arc<dyn Store>,
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

impl Watching {
    /// Over the endpoints of a store; the local root is trusted besides those of Mozilla and this machine.
    pub fn over(store: &Arc<dyn Store>, home: &Home) -> Self {
        Self {
            home: home.clone(),
            made: Arc::default(),
            store: store.clone(),
        }
    }

    /// The watch.
    pub fn watch(&self) -> &Watch {
        self.made.get_or_init(|| {
            let mut judge = Judge::new(Expected::default());
            judge.stores.inventory = own_roots(&self.home);
            judge.stores.mozilla = Some(Roots::mozilla());
            judge.stores.platform = Roots::platform().ok();
            let clock = SystemClock::default();
            let clock: certlocker_probe::Clock = Arc::new(move || clock.now());
            let prober = Prober::new(judge, Manner::default(), clock.clone());
            Watch::new(self.store.clone(), prober, clock, Arc::new(Counting))
        })
    }
}

/// The roots of the local authority.
pub(crate) fn own_roots(home: &Home) -> Option<Roots> {
    let pem = std::fs::read(home.ca_file()).ok()?;
    let ders: Vec<certlocker_core::Der> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(|der| der.ok().map(|der| certlocker_core::Der(der.to_vec())))
        .collect();
    Some(Roots::new(&ders))
}

/// Logs and counts; labels are names of answers only, of which there are few.
struct Counting;

impl Observer for Counting {
    fn looked(&self, endpoint: &Endpoint, events: &[Event], took: Duration) {
        metrics::histogram!("certlocker_probe_seconds").record(took.as_secs_f64());
        for standing in endpoint.standings() {
            let verdict = standing.sighting.verdict.name();
            metrics::counter!("certlocker_probes_total", "verdict" => verdict).increment(1);
        }
        for event in events {
            tracing::info!(
                endpoint = endpoint.spec().name(),
                code = event.code(),
                "{}",
                event.name()
            );
        }
    }

    fn failed(&self, error: &StoreError) {
        let error = error as &dyn std::error::Error;
        tracing::error!(
            error,
            "an endpoint was not looked at, or what was seen not kept"
        );
    }
}

/// What all endpoints come to, for metrics.
#[derive(Debug, Default)]
struct Sum {
    counts: std::collections::BTreeMap<&'static str, u32>,
    least_life: Option<f64>,
    oldest_mismatch: Option<Timestamp>,
}

impl Sum {
    fn add(&mut self, endpoint: &Endpoint, now: Timestamp) {
        for standing in endpoint.standings() {
            *self
                .counts
                .entry(standing.sighting.verdict.name())
                .or_default() += 1;
            if standing.level() == Level::Failure {
                let oldest = self.oldest_mismatch.unwrap_or(standing.since);
                self.oldest_mismatch = Some(oldest.min(standing.since));
            }
            if let Some((from, until)) = standing.sighting.lifetime {
                let whole = until.since(from).as_secs_f64().max(1.0);
                let left = until.since(now).as_secs_f64() / whole;
                self.least_life = Some(self.least_life.map_or(left, |least| least.min(left)));
            }
        }
    }

    fn show(&self, now: Timestamp) {
        for verdict in certlocker_core::endpoint::Verdict::NAMES {
            let count = self.counts.get(verdict).copied().unwrap_or_default();
            metrics::gauge!("certlocker_endpoint_places", "verdict" => verdict)
                .set(f64::from(count));
        }
        let age = self
            .oldest_mismatch
            .map_or(0.0, |since| now.since(since).as_secs_f64());
        metrics::gauge!("certlocker_endpoint_oldest_mismatch_age").set(age);
        if let Some(left) = self.least_life {
            metrics::gauge!("certlocker_endpoint_least_lifetime_left").set(left);
        }
    }
}

const AT_ONCE: usize = 500;

/// Sets the metrics about all endpoints.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn measure(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let (mut sum, mut page) = (Sum::default(), Page::oldest(AT_ONCE));
    loop {
        let part = store.endpoints(page.clone()).await?;
        let Some(last) = part.last() else { break };
        page = page.after(Some(last.value.id().to_string()));
        part.iter()
            .for_each(|endpoint| sum.add(&endpoint.value, now));
    }
    sum.show(now);
    Ok(())
}
