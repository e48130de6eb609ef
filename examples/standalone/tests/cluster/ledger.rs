//! What is in the database in the end, held against what clients hold.

use std::collections::HashMap;

use certlocker_core::{
    CertificateStore, Event, Ledger, Order, OrderStatus, OrderStore, Page, PostgresStore, Sequence,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::persistent::Held;

/// Everything that was stored.
pub(crate) struct Stored {
    orders: HashMap<String, Order>,
    /// The leaf of each certificate, with its id.
    leaves: HashMap<Vec<u8>, String>,
    /// How many certificates each order was given, by the records.
    issued: HashMap<String, usize>,
}

const ALL: usize = 1_000_000;

impl Stored {
    /// Reads it, and the records without a gap.
    pub(crate) async fn read(url: &str) -> Self {
        let store = PostgresStore::open(url).await.unwrap();
        let records = store.records(None, Sequence::START, ALL).await.unwrap();
        let places = records.iter().map(|record| record.sequence.get());
        assert!(places.eq(1..=records.len() as u64), "a record is missing");
        let mut issued = HashMap::new();
        for record in &records {
            if let Event::CertificateStored {
                order_id: Some(order),
                ..
            } = &record.event
            {
                *issued.entry(order.to_string()).or_default() += 1;
            }
        }
        let orders = store.orders(Page::oldest(ALL)).await.unwrap();
        let certificates = store.certificates(Page::oldest(ALL)).await.unwrap();
        eprintln!(
            "{} records without a gap, {} orders, {} certificates",
            records.len(),
            orders.len(),
            certificates.len()
        );
        let leaf = |certificate: &certlocker_core::Certificate| {
            let leaf = certificate.chain().leaf.0.clone();
            (leaf, certificate.id().to_string())
        };
        Self {
            orders: orders
                .into_iter()
                .map(|order| (order.value.id().to_string(), order.value))
                .collect(),
            leaves: certificates.iter().map(|one| leaf(&one.value)).collect(),
            issued,
        }
    }

    /// No order is the server's to go on with, and each that is valid was issued one certificate.
    pub(crate) fn is_settled(&self) {
        for (id, order) in &self.orders {
            let given = self.issued.get(id).copied().unwrap_or(0);
            let expected = usize::from(order.status() == OrderStatus::Valid);
            assert_eq!(given, expected, "{id} is {:?}", order.state());
            assert_ne!(order.status(), OrderStatus::Processing, "{id} is stuck");
        }
        let valid = self.issued.values().sum::<usize>();
        assert_eq!(valid, self.leaves.len());
    }

    /// The order of what a client holds is valid, with that certificate.
    pub(crate) fn has(&self, held: &Held) {
        let order = &self.orders[&held.order];
        assert_eq!(order.status(), OrderStatus::Valid, "{}", held.order);
        self.has_chain(&held.chain);
    }

    /// The certificate that a client holds is there.
    pub(crate) fn has_chain(&self, chain: &str) {
        let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
        assert!(self.leaves.contains_key(leaf.as_ref()), "{chain}");
    }
}
