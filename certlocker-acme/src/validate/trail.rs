//! What an attempt saw so far, kept outside of it so that a time-out does not lose it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use certlocker_core::{Failure, FailureKind, Hop, Outcome};

/// A step of an attempt, or the outcome that ends the attempt there.
pub(super) type Step<T> = Result<T, Outcome>;

pub(super) fn wrong(kind: FailureKind, detail: impl Into<String>) -> Outcome {
    Outcome::Wrong(Failure::new(kind, detail))
}

pub(super) fn no_answer(kind: FailureKind, detail: impl Into<String>) -> Outcome {
    Outcome::NoAnswer(Failure::new(kind, detail))
}

/// The hops of an attempt, and what it is doing now.
#[derive(Debug)]
pub(super) struct Trail {
    hops: Vec<Hop>,
    step: (FailureKind, String),
}

impl Trail {
    /// Before anything was asked of anybody.
    pub(super) fn waiting(what: &str) -> Self {
        Self {
            hops: Vec::new(),
            step: (FailureKind::ServerInternal, what.to_owned()),
        }
    }

    /// Begins a hop.
    pub(super) fn open(&mut self, target: String) {
        self.hops.push(Hop {
            target,
            ..Hop::default()
        });
    }

    /// The hop that goes on; the first one opens by itself.
    pub(super) fn hop(&mut self) -> &mut Hop {
        if self.hops.is_empty() {
            self.hops.push(Hop::default());
        }
        let last = self.hops.len() - 1;
        &mut self.hops[last]
    }

    pub(super) fn resolved(&mut self, addresses: Vec<IpAddr>) {
        self.hop().resolved = addresses;
    }

    /// Notes the address; if the hop has dialled another already, a new hop begins.
    pub(super) fn dialling(&mut self, address: SocketAddr) {
        if self.hop().dialled.is_some() {
            let target = self.hop().target.clone();
            let resolved = self.hop().resolved.clone();
            self.open(target);
            self.resolved(resolved);
        }
        self.hop().dialled = Some(address);
        self.doing(FailureKind::Connection, format!("connecting to {address}"));
    }

    /// Notes what goes on, and as what it fails if it does not end in time.
    pub(super) fn doing(&mut self, kind: FailureKind, what: String) {
        self.step = (kind, what);
    }

    /// The outcome if the time is up now.
    pub(super) fn out_of_time(&self, limit: Duration) -> Outcome {
        let (kind, what) = &self.step;
        no_answer(
            *kind,
            format!("no result within {limit:?}: {what} when time was up"),
        )
    }

    pub(super) fn into_hops(self) -> Vec<Hop> {
        self.hops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_runs_out_is_told_by_what_went_on() {
        let limit = Duration::from_secs(10);
        let mut trail = Trail::waiting("waiting for other attempts to end");
        let Outcome::NoAnswer(failure) = trail.out_of_time(limit) else {
            panic!("out of time is no answer")
        };
        assert_eq!(failure.kind, FailureKind::ServerInternal);
        trail.doing(FailureKind::Dns, "looking up TXT a.example".to_owned());
        let Outcome::NoAnswer(failure) = trail.out_of_time(limit) else {
            panic!("out of time is no answer")
        };
        assert_eq!(failure.kind, FailureKind::Dns);
        assert_eq!(
            failure.detail,
            "no result within 10s: looking up TXT a.example when time was up"
        );
    }

    #[test]
    fn another_address_of_a_hop_is_a_hop_with_the_same_target() {
        let mut trail = Trail::waiting("");
        trail.open("http://a.example/".to_owned());
        trail.resolved(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]);
        trail.dialling("[::1]:80".parse().unwrap());
        trail.dialling("127.0.0.1:80".parse().unwrap());
        let hops = trail.into_hops();
        assert_eq!(hops.len(), 2);
        assert_eq!(hops[1].target, hops[0].target);
        assert_eq!(hops[1].resolved, hops[0].resolved);
    }
}
