//! Work that a request sets off and a restart takes up: validation, issuing, endings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certlocker_core::{
    Actor, Attribution, Certificate, Change, Changeset, Component, IssueFailure, Issued, Kind,
    Lease, Order, OrderId, Origin, Page, Seen, State, StoreError, Subject, Timestamp, Trigger,
    Versioned,
};
use tokio::sync::{Notify, Semaphore};

use super::telemetry::{count_attempt, count_order};
use super::{Gateway, random};
use crate::validator::Armed;

/// Which orders this process is at work on, and how many at a time.
#[derive(Debug)]
pub(super) struct Jobs {
    running: Mutex<HashMap<OrderId, Arc<Notify>>>,
    slots: Arc<Semaphore>,
}

impl Jobs {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            running: Mutex::default(),
            slots: Arc::new(Semaphore::new(slots)),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<OrderId, Arc<Notify>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, id: &OrderId) -> Option<Arc<Notify>> {
        self.running().get(id).cloned()
    }
}

/// Work on one order; whoever waits for it is woken when this is dropped, after a panic too.
struct Running {
    ended: Arc<Notify>,
    gateway: Gateway,
    id: OrderId,
}

impl Running {
    fn begin(gateway: &Gateway, id: OrderId) -> Self {
        let ended = Arc::new(Notify::new());
        gateway.0.jobs.running().insert(id, Arc::clone(&ended));
        Self {
            ended,
            gateway: gateway.clone(),
            id,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.gateway.0.jobs.running();
        if running
            .get(&self.id)
            .is_some_and(|newest| Arc::ptr_eq(newest, &self.ended))
        {
            running.remove(&self.id);
        }
        drop(running);
        self.ended.notify_waiters();
    }
}

/// How long after a process died another takes its work over.
const LEASE: Duration = Duration::from_secs(15);
/// How often a lease is renewed while the work under it goes on.
const RENEWAL: Duration = Duration::from_secs(5);
/// How often the store is asked for what is due; what a request sets off does not wait for it.
const POLL: Duration = Duration::from_millis(250);
const BATCH: usize = 64;
/// How often results are applied anew when the order changed meanwhile.
const APPLY_TRIES: usize = 20;
/// The pause before an issuer that gave no answer is asked again, if it did not name one.
const ISSUER_PAUSE: Duration = Duration::from_secs(5);

/// Ends what nobody finished in time.
pub(super) fn caretaker() -> Attribution {
    Attribution::new(Actor::Server(Component::Caretaker), Trigger::Due)
}

impl Gateway {
    /// Runs what is due until the future is dropped: attempts that are to be repeated, orders whose
    /// time is up, and whatever a process that died left behind. One process may run this many
    /// times, and many processes on one store: each order is worked on by one of them.
    pub async fn run(&self) {
        loop {
            let now = self.now();
            let free = self.0.jobs.slots.available_permits().min(BATCH);
            let claimed = match free {
                0 => Ok(Vec::new()),
                _ => {
                    self.store()
                        .claim_due(Kind::Order, now, now.after(LEASE), free)
                        .await
                }
            };
            match claimed {
                Ok(leases) => {
                    let full = leases.len() == BATCH;
                    leases
                        .into_iter()
                        .for_each(|lease| self.spawn_leased(lease));
                    if full {
                        tokio::task::yield_now().await;
                        continue;
                    }
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "what is due cannot be read"
                ),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Removes orders that ended before `before`, oldest first, up to `limit`; the answer is how
    /// many were removed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_ended_orders(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut removed = 0;
        for order in self.store().orders(Page::oldest(limit)).await? {
            if order.value.id().created() >= before {
                break;
            }
            let Some(removal) = order.remove(before, self.now()) else {
                continue;
            };
            match self.store().commit(removal.by(&caretaker()).into()).await {
                Ok(_) => removed += 1,
                // Another process was faster.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    fn spawn_leased(&self, lease: Lease) {
        if let Ok(id) = lease.key.parse::<OrderId>() {
            let by = Attribution::new(Actor::Server(Component::Validator), Trigger::Due);
            self.spawn(lease, id, by);
        }
    }

    /// Starts work under a lease; what it gives wakes when the work has ended.
    fn spawn(&self, lease: Lease, id: OrderId, by: Attribution) -> Arc<Notify> {
        let running = Running::begin(self, id);
        let ended = Arc::clone(&running.ended);
        tokio::spawn(async move { running.gateway.work(lease, id, by).await });
        ended
    }

    /// Sets the order's work off, waits a short time for its outcome, and gives the order as it is
    /// then. Holds no lock and no connection while it waits.
    pub(super) async fn await_job(
        &self,
        order: Versioned<Order>,
        by: &Attribution,
    ) -> Result<Versioned<Order>, StoreError> {
        let (id, now) = (*order.value.id(), self.now());
        let claimed = self
            .store()
            .claim(Kind::Order, &id.to_string(), now, now.after(LEASE))
            .await?;
        let ended = match claimed {
            Some(lease) => {
                let actor = Actor::Server(Component::Validator);
                let by = Attribution {
                    actor,
                    ..by.clone()
                };
                Some(self.spawn(lease, id, by.because_of(Subject::Order(id))))
            }
            None => self.0.jobs.of(&id),
        };
        if let Some(ended) = ended {
            self.wait(&id, &ended).await;
        }
        self.store().order(&id).await
    }

    async fn wait(&self, id: &OrderId, ended: &Arc<Notify>) {
        let notified = ended.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        let runs = self
            .0
            .jobs
            .of(id)
            .is_some_and(|newest| Arc::ptr_eq(&newest, ended));
        if runs {
            let _ended_or_late = tokio::time::timeout(self.0.config.answer_wait, notified).await;
        }
    }

    /// Works on one order under a lease until nothing is due.
    async fn work(&self, lease: Lease, id: OrderId, by: Attribution) {
        let slots = Arc::clone(&self.0.jobs.slots);
        let slot = async {
            slots
                .acquire_owned()
                .await
                .map_err(|_| StoreError::NotFound)
        };
        let Ok(_slot) = self.holding(&lease, slot).await else {
            return;
        };
        let mut lease = Some(lease);
        while let Some(current) = lease.take() {
            let step = self.step(&current, &id, &by);
            match self.holding(&current, step).await {
                Ok(Step::Done) => lease = self.claim_again(&id).await,
                Ok(Step::Nothing) => self.give_up(&current).await,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, order = %id, "work on an order broke off");
                    self.give_up(&current).await;
                }
            }
        }
    }

    /// Renews the lease while the work goes on; once another process has it, the work is dropped.
    async fn holding<T>(
        &self,
        lease: &Lease,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(RENEWAL) => {}
            }
            match self.store().renew(lease, self.now().after(LEASE)).await {
                Ok(true) => {}
                // Perhaps by the work itself, whose commit has just ended it.
                Ok(false) => {
                    let last = tokio::time::timeout(POLL, work).await;
                    return last.unwrap_or(Err(StoreError::Conflict));
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a lease was not renewed; it is tried again"
                ),
            }
        }
    }

    async fn give_up(&self, lease: &Lease) {
        if let Err(error) = self.store().release(lease).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a lease was not released; it runs out by itself"
            );
        }
    }

    /// A commit ends the lease; a client may have armed another challenge during it.
    async fn claim_again(&self, id: &OrderId) -> Option<Lease> {
        let now = self.now();
        let order = self.store().order(id).await.ok()?;
        if order.value.due().is_none_or(|due| due > now) {
            return None;
        }
        self.store()
            .claim(Kind::Order, &id.to_string(), now, now.after(LEASE))
            .await
            .ok()?
    }

    async fn step(
        &self,
        lease: &Lease,
        id: &OrderId,
        by: &Attribution,
    ) -> Result<Step, StoreError> {
        let order = match self.store().order(id).await {
            Ok(order) => order,
            Err(StoreError::NotFound) => return Ok(Step::Nothing),
            Err(error) => return Err(error),
        };
        let by = by.clone().because_of(Subject::Order(*id));
        if let Some(expired) = order.expire(self.now()) {
            let by = caretaker().because_of(Subject::Order(*id));
            self.store()
                .commit(Changeset::of(expired.by(&by)).under(lease.clone()))
                .await?;
            return Ok(Step::Done);
        }
        match order.value.state() {
            State::Pending => self.validate(order, lease, &by).await,
            State::Processing(_) => self.issue(order, lease, by).await,
            _ => Ok(Step::Nothing),
        }
    }

    /// Looks at every armed challenge at once, and commits what was found as one change.
    async fn validate(
        &self,
        mut order: Versioned<Order>,
        lease: &Lease,
        by: &Attribution,
    ) -> Result<Step, StoreError> {
        let seen = self.look(&order.value).await;
        if seen.is_empty() {
            return Ok(Step::Nothing);
        }
        for _ in 0..APPLY_TRIES {
            let now = self.now();
            let until = now
                .after(self.0.config.authorization_lifetime)
                .whole_seconds();
            let change = order
                .attempted(seen.clone(), &self.0.config.retry, until, now)
                .by(by);
            let after = change.after().value;
            match self
                .store()
                .commit(Changeset::of(change).under(lease.clone()))
                .await
            {
                Ok(_) => {
                    count_order(&after);
                    return Ok(Step::Done);
                }
                Err(StoreError::Conflict) => order = self.store().order(order.value.id()).await?,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn look(&self, order: &Order) -> Vec<Seen> {
        let thumbprint = match self.store().account(order.account()).await {
            Ok(account) => account.value.key().thumbprint,
            Err(_) => return Vec::new(),
        };
        let started = self.now();
        let attempts = order.armed().into_iter().filter_map(|challenge| {
            let authorization = order.authorizations().get(challenge.authorization)?;
            let token = authorization
                .challenge(challenge.method)?
                .token()
                .to_owned();
            let key_authorization = format!("{token}.{thumbprint}");
            let identifier = authorization.identifier();
            let armed = Armed {
                identifier,
                method: challenge.method,
                token,
                key_authorization,
                started,
            };
            Some((challenge, armed))
        });
        let looks = attempts.map(|(challenge, armed)| async move {
            let attempt = self.0.parts.validator.attempt(&armed).await;
            count_attempt(&attempt, armed.method);
            Seen { attempt, challenge }
        });
        futures_util::future::join_all(looks).await
    }

    async fn issue(
        &self,
        order: Versioned<Order>,
        lease: &Lease,
        by: Attribution,
    ) -> Result<Step, StoreError> {
        let State::Processing(processing) = order.value.state() else {
            return Ok(Step::Nothing);
        };
        let by = Attribution {
            actor: Actor::Server(Component::Issuer),
            ..by
        };
        let issued = self
            .0
            .parts
            .issuer
            .issue(&order.value, &processing.request, self.now())
            .await;
        let now = self.now();
        let decided = match issued {
            Ok(issued) => self.issued(&order, issued, &by, now).await?,
            Err(IssueFailure::Refused(failure)) => order
                .issue_refused(failure, now)
                .map(|ended| decided(ended.by(&by))),
            Err(IssueFailure::NoAnswer {
                failure,
                retry_after,
            }) => {
                let pause = retry_after.unwrap_or(ISSUER_PAUSE);
                let delayed =
                    order.issue_delayed(failure, pause, self.0.config.issuer_patience, now);
                delayed.map(|delayed| decided(delayed.by(&by)))
            }
        };
        let Some((changes, after)) = decided else {
            return Ok(Step::Nothing);
        };
        self.store().commit(changes.under(lease.clone())).await?;
        count_order(&after);
        Ok(Step::Done)
    }

    /// The certificate and the order that has it, as one write.
    async fn issued(
        &self,
        order: &Versioned<Order>,
        issued: Issued,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Option<(Changeset, Order)>, StoreError> {
        let account = *order.value.account();
        let before = self
            .store()
            .latest_certificate(&account, order.value.identifiers())
            .await?;
        let origin = Origin::Issued {
            account,
            order: *order.value.id(),
        };
        let replaces = before.map(|before| *before.value.id());
        let stored = Certificate::store(
            issued.chain,
            issued.description,
            origin,
            replaces,
            &mut random,
            now,
        );
        let Some(valid) = order.issued(stored.next(), now) else {
            return Ok(None);
        };
        let (valid, after) = decided(valid.by(by));
        Ok(Some((Changeset::of(stored.by(by)).merge(valid), after)))
    }
}

/// A change of an order, and the order after it.
fn decided(change: Change<Order>) -> (Changeset, Order) {
    let after = change.after().value;
    (Changeset::of(change), after)
}

enum Step {
    /// Something was committed, and the lease with it.
    Done,
    /// There was nothing to do; the lease still stands.
    Nothing,
}
