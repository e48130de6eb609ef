//! A client that goes on with its order whatever happens to the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::acknowledged::{Acknowledged, Reached, id};
use crate::order::{download, finalize, place, prove, reread};
use crate::{AccountKey, Failure, Placed, Responder, Session, TlsTransport, Zone};

/// What all clients share.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "every part is the caller's")]
pub struct Shared {
    /// What they were told.
    pub acknowledged: Acknowledged,
    /// Orders that were completed.
    pub completed: AtomicU64,
    /// Where answers to challenges are put.
    pub responder: Responder,
    /// No order is begun any more.
    pub stop: AtomicBool,
    /// Requests that have to be sent again because the server was gone.
    pub torn: AtomicU64,
    /// What no restart of the server explains.
    pub wrong: Mutex<Vec<String>>,
    /// Where names come from.
    pub zone: Zone,
}

/// A client with its order.
#[derive(Debug)]
pub struct Persistent {
    name: String,
    order: Option<Placed>,
    orders: u32,
    session: Session<TlsTransport>,
    shared: Arc<Shared>,
}

/// So often a client goes on under a new account, so that registrations are interrupted too.
const ORDERS_PER_ACCOUNT: u32 = 20;
const PAUSE: Duration = Duration::from_millis(3);

impl Persistent {
    /// A client without an order.
    pub fn new(session: Session<TlsTransport>, shared: Arc<Shared>) -> Self {
        let name = shared.zone.fresh();
        Self {
            name,
            order: None,
            orders: 0,
            session,
            shared,
        }
    }

    /// Places orders until told to stop, and completes the last.
    pub async fn run(mut self) {
        while self.order.is_some() || !self.shared.stop.load(Ordering::Relaxed) {
            if let Err(failure) = self.advance().await {
                self.bear(&failure);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// One step, from what the server says now: nothing is assumed of what was sent before.
    async fn advance(&mut self) -> Result<(), Failure> {
        if self.session.account().is_none() {
            let account = self.session.register().await?.to_owned();
            self.shared.acknowledged.account(&account);
        }
        let order = match &self.order {
            Some(order) => reread(&mut self.session, &order.url).await?,
            None => place(&mut self.session, &self.name).await?,
        };
        self.noted(order).await
    }

    async fn noted(&mut self, order: Placed) -> Result<(), Failure> {
        self.tell(&order, reached(&order));
        self.order = Some(order.clone());
        match (order.status.as_str(), &order.certificate) {
            ("pending", _) => self.prove(&order).await,
            ("ready", _) => self.finalize(&order).await,
            ("valid", Some(certificate)) => self.download(&order, certificate).await,
            ("processing", _) => {
                tokio::time::sleep(PAUSE).await;
                Ok(())
            }
            _ => {
                self.wrong(format!("{} became {}", order.url, order.status));
                self.next()
            }
        }
    }

    async fn prove(&mut self, order: &Placed) -> Result<(), Failure> {
        let proven = prove(
            &mut self.session,
            &order.authorization,
            &self.shared.responder,
        )
        .await?;
        self.tell(order, Reached::Armed);
        if !proven {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn finalize(&mut self, order: &Placed) -> Result<(), Failure> {
        let after = finalize(&mut self.session, order, &self.name).await?;
        self.tell(&after, Reached::Finalized);
        self.tell(&after, reached(&after));
        Ok(())
    }

    async fn download(&mut self, order: &Placed, certificate: &str) -> Result<(), Failure> {
        download(&mut self.session, certificate).await?;
        self.tell(order, Reached::Downloaded(id(certificate).to_owned()));
        self.shared.completed.fetch_add(1, Ordering::Relaxed);
        self.next()
    }

    fn next(&mut self) -> Result<(), Failure> {
        self.order = None;
        self.name = self.shared.zone.fresh();
        self.orders += 1;
        if self.orders.is_multiple_of(ORDERS_PER_ACCOUNT) {
            self.session
                .become_account(Arc::new(AccountKey::generate()?));
        }
        Ok(())
    }

    fn tell(&self, order: &Placed, reached: Reached) {
        self.shared.acknowledged.order(&order.url, reached);
    }

    /// A server that is gone, or has forgotten its nonces, is expected; an order that was
    /// finalized by a request without an answer too. Nothing else is.
    fn bear(&mut self, failure: &Failure) {
        match failure {
            Failure::Connection(_) => {
                self.shared.torn.fetch_add(1, Ordering::Relaxed);
            }
            other if other.is_problem("badNonce") || other.is_problem("orderNotReady") => {}
            other => self.wrong(format!("{}: {other}", self.name)),
        }
    }

    fn wrong(&self, what: String) {
        let wrong = self.shared.wrong.lock();
        wrong.unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

fn reached(order: &Placed) -> Reached {
    match (order.status.as_str(), &order.certificate) {
        ("ready", _) => Reached::Ready,
        ("processing", _) => Reached::Finalized,
        ("valid", Some(certificate)) => Reached::Valid(id(certificate).to_owned()),
        _ => Reached::Placed,
    }
}
