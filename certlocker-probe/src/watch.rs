//! Looks at the endpoints of a store when they are due, and keeps what it sees there.

mod known;
mod sight;

use std::sync::Arc;
use std::time::Duration;

use certlocker_core::endpoint::{Endpoint, Glimpse, Look};
use certlocker_core::{
    Actor, Attribution, CertificateId, Changeset, Component, EndpointId, Event, Kind, Lease, Page,
    Store, StoreError, Trigger, Versioned,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::run::Clock;
use crate::{Judge, Prober};

use known::Known;

/// Is told what a watch does.
pub trait Observer: Send + Sync {
    /// An endpoint was looked at, in this time; the events are what became different.
    fn looked(&self, endpoint: &Endpoint, events: &[Event], took: Duration);

    /// A look could not be made or kept; it is made again.
    fn failed(&self, error: &StoreError);
}

/// Keeps an eye on the endpoints of a store.
///
/// Any number of processes may watch one store: each endpoint is looked at by whoever claims it, and what a
/// process that died had claimed is taken over when its claim ends.
#[derive(Clone)]
pub struct Watch {
    clock: Clock,
    observer: Arc<dyn Observer>,
    prober: Prober,
    store: Arc<dyn Store>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("prober", &self.prober)
            .finish_non_exhaustive()
    }
}

/// How long a claim lasts that is not renewed: what a process leaves behind that dies.
const CLAIMED: Duration = Duration::from_secs(30);
/// How often a claim is renewed while somebody looks.
const RENEWED: Duration = Duration::from_secs(10);
/// How many endpoints are looked at together.
const AT_ONCE: usize = 128;
/// How long until it is looked again whether something is due.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an endpoint rests whose look could not be kept.
const REST: Duration = Duration::from_secs(5);
/// How often a look is made again because somebody else wrote meanwhile.
const MOST_TRIES: usize = 4;
/// How many endpoints are read at once.
const READ_AT_ONCE: usize = 500;

impl Watch {
    /// Watches this store. What the prober judges by is whom to trust; what is expected is read from the
    /// store at each look.
    pub fn new(
        store: Arc<dyn Store>,
        prober: Prober,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            clock,
            observer,
            prober,
            store,
        }
    }

    /// Looks at whatever is due, until it is dropped.
    pub async fn run(&self) {
        let mut looks = JoinSet::new();
        loop {
            while looks.try_join_next().is_some() {}
            let now = (self.clock)();
            let room = AT_ONCE - looks.len();
            let claimed = self
                .store
                .claim_due(Kind::Endpoint, now, now.after(CLAIMED), room);
            let leases = claimed.await.unwrap_or_else(|error| {
                self.observer.failed(&error);
                Vec::new()
            });
            let idle = leases.len() < room;
            for lease in leases {
                let watch = self.clone();
                looks.spawn(async move { watch.look_under(lease).await });
            }
            match idle {
                true => sleep(PAUSE).await,
                false => drop(looks.join_next().await),
            }
        }
    }

    /// A look under a claim, which ends with it.
    async fn look_under(&self, lease: Lease) {
        let Err(error) = self.keep_claimed(&lease).await else {
            return;
        };
        if matches!(error, StoreError::NotFound | StoreError::Conflict) {
            // Removed, changed, or claimed by somebody else meanwhile.
            let _ = self.store.release(&lease).await;
            return;
        }
        self.observer.failed(&error);
        sleep(REST).await;
        let _ = self.store.release(&lease).await;
    }

    async fn keep_claimed(&self, lease: &Lease) -> Result<(), StoreError> {
        let id: EndpointId = lease.key.parse().map_err(|_| StoreError::NotFound)?;
        let by = Attribution::new(Actor::Server(Component::Prober), Trigger::Due);
        let mut renewals = interval_at(Instant::now() + RENEWED, RENEWED);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let look = self.once(&id, &by, Some(lease));
        tokio::pin!(look);
        loop {
            tokio::select! {
                seen = &mut look => return seen.map(drop),
                _ = renewals.tick() => {
                    let until = (self.clock)().after(CLAIMED);
                    if !self.store.renew(lease, until).await? {
                        return Err(StoreError::Conflict);
                    }
                }
            }
        }
    }

    /// Looks at an endpoint now, whether it is due or not, and keeps what was seen.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] if others kept writing meanwhile.
    pub async fn look(
        &self,
        id: &EndpointId,
        by: &Attribution,
    ) -> Result<Versioned<Endpoint>, StoreError> {
        for _ in 1..MOST_TRIES {
            match self.once(id, by, None).await {
                Err(StoreError::Conflict) => {}
                seen => return seen,
            }
        }
        self.once(id, by, None).await
    }

    async fn once(
        &self,
        id: &EndpointId,
        by: &Attribution,
        lease: Option<&Lease>,
    ) -> Result<Versioned<Endpoint>, StoreError> {
        let endpoint = self.store.endpoint(id).await?;
        let started = Instant::now();
        let look = self.see(&endpoint.value).await?;
        let transition = endpoint.looked(look, jitter());
        let events = transition.events().to_vec();
        let change = transition.by(by);
        let after = change.after();
        let changes = Changeset::of(change);
        let changes = match lease {
            Some(lease) => changes.under(lease.clone()),
            None => changes,
        };
        self.store.commit(changes).await?;
        self.observer
            .looked(&after.value, &events, started.elapsed());
        self.note_served(&after.value, by).await?;
        Ok(after)
    }

    async fn see(&self, endpoint: &Endpoint) -> Result<Look, StoreError> {
        let known = Known::of(self.store.as_ref(), endpoint.spec()).await?;
        let base = self.prober.judge();
        let judge = Judge {
            inventory: known.inventory(endpoint.spec()),
            known_intermediates: known.intermediates(),
            ..base.clone()
        };
        let reports = match sight::target(endpoint.spec()) {
            Ok(target) => self.prober.judging(judge).probe(&target).await,
            Err(why) => return Ok(sight::nowhere(why, known.expectation(), (self.clock)())),
        };
        let mut sightings = Vec::new();
        for report in &reports {
            let verdict = known.settle(self.store.as_ref(), report).await?;
            sightings.push(sight::sighting(report, verdict));
        }
        Ok(Look {
            at: (self.clock)(),
            expectation: known.expectation(),
            sightings,
        })
    }

    /// Says that a certificate is served once all of its endpoints serve it. Every look asks again, so that
    /// it is said also when two endpoints got there at the same time.
    async fn note_served(&self, endpoint: &Endpoint, by: &Attribution) -> Result<(), StoreError> {
        let Some(rotation) = endpoint.rotation().filter(|_| endpoint.agrees()) else {
            return Ok(());
        };
        let certificate = self.store.certificate(&rotation.certificate).await?;
        if certificate.value.served().is_some() {
            return Ok(());
        }
        let lineage = certificate.value.lineage();
        let Some(all) = self.all_serve(&lineage, &rotation.certificate).await? else {
            return Ok(());
        };
        let now = (self.clock)();
        let Some(served) = certificate.serve(all.endpoints, all.last_old, now) else {
            return Ok(());
        };
        match self.store.commit(Changeset::of(served.by(by))).await {
            // Somebody else said it.
            Err(StoreError::Conflict) => Ok(()),
            done => done.map(drop),
        }
    }

    async fn all_serve(
        &self,
        lineage: &certlocker_core::endpoint::Lineage,
        certificate: &CertificateId,
    ) -> Result<Option<Serving>, StoreError> {
        let mut all = Serving::default();
        let mut page = Page::oldest(READ_AT_ONCE);
        loop {
            let part = self.store.endpoints_of(lineage, page.clone()).await?;
            let Some(last) = part.last() else {
                return Ok((all.endpoints > 0).then_some(all));
            };
            page = page.after(Some(last.value.id().to_string()));
            for endpoint in &part {
                if !endpoint.value.serves(certificate) {
                    return Ok(None);
                }
                all.add(&endpoint.value);
            }
        }
    }
}

/// All endpoints of a certificate, which serve it.
#[derive(Default)]
struct Serving {
    endpoints: usize,
    last_old: Option<Glimpse>,
}

impl Serving {
    fn add(&mut self, endpoint: &Endpoint) {
        self.endpoints += 1;
        let own = endpoint.rotation().and_then(|rotation| rotation.last_old);
        self.last_old = self
            .last_old
            .into_iter()
            .chain(own)
            .max_by_key(|old| old.at);
    }
}

/// Looks are spread by whatever number comes; without randomness they are not.
fn jitter() -> u16 {
    let mut bytes = [0; 2];
    let drawn = aws_lc_rs::rand::fill(&mut bytes);
    drawn.map_or(0, |()| u16::from_be_bytes(bytes))
}
