//! What the records say of each order.

use std::collections::HashMap;

use certlocker_core::{
    AccountId, CertificateId, Event, Ledger, Order, OrderId, Record, Sequence, SqliteStore, State,
    StoreError,
};

/// How often each step of an order was recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    armed: u32,
    certificates: Vec<CertificateId>,
    created: u32,
    downloads: Vec<CertificateId>,
    ended: u32,
    finalized: u32,
    proven: u32,
    ready: u32,
}

/// Everything that was recorded.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) accounts: Vec<AccountId>,
    pub(super) gaps: Vec<String>,
    pub(super) orders: HashMap<OrderId, Steps>,
    pub(super) records: u64,
    pub(super) starts: u64,
}

const PAGE: usize = 5000;

impl History {
    pub(super) async fn read(store: &SqliteStore) -> Result<Self, StoreError> {
        let mut history = Self::default();
        loop {
            let after = Sequence::new(history.records);
            let page = store.records(None, after, PAGE).await?;
            for record in &page {
                history.add(record);
            }
            if page.len() < PAGE {
                return Ok(history);
            }
        }
    }

    fn add(&mut self, record: &Record) {
        let (found, expected) = (record.sequence.get(), self.records + 1);
        if found != expected {
            self.gaps
                .push(format!("record {found} comes where {expected} is expected"));
        }
        self.records = found;
        let mut of = |id: &OrderId, step: fn(&mut Steps)| {
            step(self.orders.entry(*id).or_default());
        };
        match &record.event {
            Event::AccountCreated { account_id, .. } => self.accounts.push(*account_id),
            Event::ServerStarted { .. } => self.starts += 1,
            Event::OrderCreated { order_id, .. } => of(order_id, |order| order.created += 1),
            Event::ChallengeArmed { order_id, .. } => of(order_id, |order| order.armed += 1),
            Event::ChallengeValid { order_id, .. } => of(order_id, |order| order.proven += 1),
            Event::OrderReady { order_id } => of(order_id, |order| order.ready += 1),
            Event::FinalizeReceived { order_id, .. } => of(order_id, |order| order.finalized += 1),
            Event::OrderInvalid { order_id, .. } | Event::OrderExpired { order_id, .. } => {
                of(order_id, |order| order.ended += 1);
            }
            Event::CertificateStored {
                certificate_id,
                order_id: Some(order_id),
                ..
            } => {
                let order = self.orders.entry(*order_id).or_default();
                order.certificates.push(*certificate_id);
            }
            Event::CertificateDownloaded {
                certificate_id,
                order_id,
            } => {
                let order = self.orders.entry(*order_id).or_default();
                order.downloads.push(*certificate_id);
            }
            _ => {}
        }
    }
}

impl Steps {
    /// What does not fit between these records and the order's state.
    pub(super) fn contradiction(&self, order: &Order) -> Option<String> {
        let (certificates, downloads) = match order.state() {
            State::Valid(valid) => {
                let fetched = valid.downloaded.map(|_| valid.certificate);
                (vec![valid.certificate], fetched.into_iter().collect())
            }
            _ => (Vec::new(), Vec::new()),
        };
        let [proven, ready, finalized, ended] = match order.state() {
            State::Pending => [0, 0, 0, 0],
            State::Ready(_) => [1, 1, 0, 0],
            State::Processing(_) | State::Valid(_) => [1, 1, 1, 0],
            State::Invalid(_) => [self.proven, self.ready, self.finalized, 1],
        };
        let counts = [
            self.created,
            self.proven,
            self.ready,
            self.finalized,
            self.ended,
        ];
        let fits = counts == [1, proven, ready, finalized, ended]
            && (self.armed == 1 || self.armed == 0 && proven == 0)
            && self.certificates == certificates
            && self.downloads == downloads;
        (!fits).then(|| {
            format!(
                "{} is {:?}, and its records are {self:?}",
                order.id(),
                order.state()
            )
        })
    }
}
