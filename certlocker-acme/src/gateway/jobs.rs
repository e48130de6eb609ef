//! Work that a request sets off and a restart takes up: validation, issuing, endings.

mod beginning;
mod issuance;
mod validation;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certlocker_core::{
    Actor, Attribution, Changeset, Component, Kind, Lease, Order, OrderId, Page, State, StoreError,
    Subject, Timestamp, Trigger, Versioned,
};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::timeout;

use super::{Gateway, Signed};
use beginning::Begun;
pub(super) use beginning::{Beginning, Outcome};

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
    /// many were removed. Those that are as old and have not ended, or ended later, hold up nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_ended_orders(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let page = Page::oldest(limit).after(after.take());
            for order in self.store().orders(page).await? {
                if removed == limit || order.value.id().created() >= before {
                    return Ok(removed);
                }
                removed += usize::from(self.remove(&order, before).await?);
                after = Some(order.value.id().to_string());
            }
            if after.is_none() {
                return Ok(removed);
            }
        }
    }

    /// Whether the order is gone now, and it was this that removed it.
    async fn remove(
        &self,
        order: &Versioned<Order>,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(removal) = order.remove(before, self.now()) else {
            return Ok(false);
        };
        match self.store().commit(removal.by(&caretaker()).into()).await {
            Ok(_) => Ok(true),
            // Another process was faster.
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn spawn_leased(&self, lease: Lease) {
        if let Ok(id) = lease.key.parse::<OrderId>() {
            let by = Attribution::new(Actor::Server(Component::Validator), Trigger::Due);
            self.spawn(lease, id, by, None);
        }
    }

    /// Starts work under a lease; what it gives wakes when the work has ended.
    fn spawn(
        &self,
        lease: Lease,
        id: OrderId,
        by: Attribution,
        begun: Option<Begun>,
    ) -> Arc<Notify> {
        let running = Running::begin(self, id);
        let ended = Arc::clone(&running.ended);
        tokio::spawn(async move { running.gateway.work(lease, id, by, begun).await });
        ended
    }

    async fn claim(&self, id: &OrderId) -> Result<Option<Lease>, StoreError> {
        let now = self.now();
        let (key, until) = (id.to_string(), now.after(LEASE));
        self.store().claim(Kind::Order, &key, now, until).await
    }

    /// Begins something in memory and works on the order at once. Holds no lock and no connection
    /// while it waits for what comes of it.
    pub(super) async fn begin(
        &self,
        id: &OrderId,
        what: Beginning,
        signed: &Signed,
    ) -> Result<Outcome, StoreError> {
        let Some(lease) = self.claim(id).await? else {
            return Ok(Outcome::Busy);
        };
        let (told, outcome) = oneshot::channel();
        let begun = Begun::new(what, signed, told);
        self.spawn(lease, *id, set_off_by(&signed.by, *id), Some(begun));
        Ok(match timeout(self.0.config.answer_wait, outcome).await {
            Ok(Ok(order)) => Outcome::Committed(Box::new(order)),
            Ok(Err(_untold)) => Outcome::Busy,
            Err(_elapsed) => Outcome::Late,
        })
    }

    /// Sets the order's work off, waits a short time for its outcome, and gives the order as it is
    /// then.
    pub(super) async fn await_job(
        &self,
        order: &Versioned<Order>,
        by: &Attribution,
    ) -> Result<Versioned<Order>, StoreError> {
        let id = *order.value.id();
        match self.claim(&id).await? {
            Some(lease) => {
                let ended = self.spawn(lease, id, set_off_by(by, id), None);
                self.wait(&id, &ended).await;
            }
            None => self.wait_for_others(&id).await,
        }
        self.store().order(&id).await
    }

    /// Waits a short time for those who are at work on the order in this process.
    pub(super) async fn wait_for_others(&self, id: &OrderId) {
        if let Some(ended) = self.0.jobs.of(id) {
            self.wait(id, &ended).await;
        }
    }

    async fn wait(&self, id: &OrderId, ended: &Arc<Notify>) {
        let notified = ended.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        let newest = self.0.jobs.of(id);
        if newest.is_some_and(|newest| Arc::ptr_eq(&newest, ended)) {
            let _ended_or_late = timeout(self.0.config.answer_wait, notified).await;
        }
    }

    /// Works on one order under a lease until nothing is due.
    async fn work(&self, lease: Lease, id: OrderId, by: Attribution, mut begun: Option<Begun>) {
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
            let step = self.step(&current, &id, &by, begun.take());
            match self.holding(&current, step).await {
                Ok(Step::Done(order)) => lease = self.claim_again(&order).await,
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
                    let last = timeout(POLL, work).await;
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
    async fn claim_again(&self, order: &Order) -> Option<Lease> {
        if order.due().is_none_or(|due| due > self.now()) {
            return None;
        }
        self.claim(order.id()).await.ok()?
    }

    async fn step(
        &self,
        lease: &Lease,
        id: &OrderId,
        by: &Attribution,
        begun: Option<Begun>,
    ) -> Result<Step, StoreError> {
        let order = match self.store().order(id).await {
            Ok(order) => order,
            Err(StoreError::NotFound) => return Ok(Step::Nothing),
            Err(error) => return Err(error),
        };
        if let Some(expired) = order.expire(self.now()) {
            let change = expired.by(&caretaker().because_of(Subject::Order(*id)));
            let after = change.after().value;
            let changes = Changeset::of(change).under(lease.clone());
            self.store().commit(changes).await?;
            return Ok(Step::Done(Box::new(after)));
        }
        let by = by.clone().because_of(Subject::Order(*id));
        match order.value.state() {
            State::Pending => self.validate(order, lease, &by, begun).await,
            State::Ready(_) | State::Processing(_) => self.issue(order, lease, by, begun).await,
            State::Valid(_) | State::Invalid(_) => Ok(Step::Nothing),
        }
    }
}

/// The server's work on an order, because of a request.
fn set_off_by(request: &Attribution, order: OrderId) -> Attribution {
    let actor = Actor::Server(Component::Validator);
    let by = Attribution {
        actor,
        ..request.clone()
    };
    by.because_of(Subject::Order(order))
}

enum Step {
    /// Something was committed, and the lease with it; this is the order after it.
    Done(Box<Order>),
    /// There was nothing to do; the lease still stands.
    Nothing,
}
