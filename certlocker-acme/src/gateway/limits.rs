//! Who may ask for how much, and what whoever asks for more is told.

use std::hash::Hash;

use certlocker_core::{AccountId, ClientId};
use ipnet::IpNet;

use super::refusals::network;
use super::signed::Signed;
use crate::call::Call;
use crate::problem::{Problem, ProblemType};
use crate::rate::{Limiter, RateLimits, TooMany};

/// One limiter for each limit that is set.
#[derive(Debug)]
pub(super) struct Limiters {
    account_orders: Option<Limiter<AccountId>>,
    account_requests: Option<Limiter<AccountId>>,
    client_orders: Option<Limiter<ClientId>>,
    client_requests: Option<Limiter<ClientId>>,
    network_requests: Option<Limiter<IpNet>>,
}

impl From<&RateLimits> for Limiters {
    fn from(limits: &RateLimits) -> Self {
        Self {
            account_orders: limits.account_orders.and_then(Limiter::new),
            account_requests: limits.account_requests.and_then(Limiter::new),
            client_orders: limits.client_orders.and_then(Limiter::new),
            client_requests: limits.client_requests.and_then(Limiter::new),
            network_requests: limits.network_requests.and_then(Limiter::new),
        }
    }
}

impl Limiters {
    /// Before anything of a request is looked at.
    pub(super) fn check_network(&self, call: &Call) -> Result<(), Problem> {
        let network = network(call.peer);
        check(self.network_requests.as_ref(), network.as_ref(), || {
            "requests from this network".to_owned()
        })
    }

    /// Once it is known who sent a request.
    pub(super) fn check_requests(&self, signed: &Signed) -> Result<(), Problem> {
        let (accounts, clients) = (&self.account_requests, &self.client_requests);
        check_both(accounts.as_ref(), clients.as_ref(), signed, "requests")
    }

    /// Before an order is placed.
    pub(super) fn check_orders(&self, signed: &Signed) -> Result<(), Problem> {
        let (accounts, clients) = (&self.account_orders, &self.client_orders);
        check_both(accounts.as_ref(), clients.as_ref(), signed, "orders")
    }
}

fn check_both(
    accounts: Option<&Limiter<AccountId>>,
    clients: Option<&Limiter<ClientId>>,
    signed: &Signed,
    what: &str,
) -> Result<(), Problem> {
    if let Some(account) = &signed.account {
        let of = || format!("{what} of this account");
        check(accounts, Some(account.value.id()), of)?;
    }
    if let Some(client) = &signed.client {
        let of = || format!("{what} of client `{}`", client.name());
        check(clients, Some(client.id()), of)?;
    }
    Ok(())
}

fn check<K: Clone + Eq + Hash>(
    limiter: Option<&Limiter<K>>,
    key: Option<&K>,
    of: impl FnOnce() -> String,
) -> Result<(), Problem> {
    let (Some(limiter), Some(key)) = (limiter, key) else {
        return Ok(());
    };
    limiter
        .check(key)
        .map_err(|refused| too_many(&of(), refused))
}

fn too_many(of: &str, TooMany { rate, wait }: TooMany) -> Problem {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    let detail = format!("there were more {of} than {rate}; the next is taken in {seconds} s");
    let mut problem = Problem::new(ProblemType::RateLimited, detail);
    problem.retry_after = Some(seconds);
    problem
}
