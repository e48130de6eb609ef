//! What clients were told with an answer of success.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How far an order came, as its client was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "the answers that are of success")]
pub enum Reached {
    /// It was placed.
    Placed,
    /// Its challenge was taken up.
    Armed,
    /// It was ready.
    Ready,
    /// A certificate request was taken in.
    Finalized,
    /// It has this certificate.
    Valid(String),
    /// This certificate was fetched.
    Downloaded(String),
}

/// Every account and order that a client was told of, by its id.
#[derive(Debug, Default)]
pub struct Acknowledged(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    accounts: Vec<String>,
    orders: HashMap<String, Reached>,
}

impl Acknowledged {
    /// An account was registered.
    pub fn account(&self, url: &str) {
        self.told().accounts.push(id(url).to_owned());
    }

    /// An order came so far.
    pub fn order(&self, url: &str, reached: Reached) {
        let mut told = self.told();
        let known = told.orders.entry(id(url).to_owned());
        let furthest = known.or_insert_with(|| reached.clone());
        if reached > *furthest {
            *furthest = reached;
        }
    }

    /// The accounts.
    pub fn accounts(&self) -> Vec<String> {
        self.told().accounts.clone()
    }

    /// The orders, each with the furthest that was told.
    pub fn orders(&self) -> HashMap<String, Reached> {
        self.told().orders.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last segment of a URL.
pub(super) fn id(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_never_falls_behind_what_was_told() {
        let told = Acknowledged::default();
        told.order("https://ca/order/1", Reached::Valid("c".to_owned()));
        told.order("https://ca/order/1", Reached::Placed);
        assert_eq!(told.orders()["1"], Reached::Valid("c".to_owned()));
    }
}
