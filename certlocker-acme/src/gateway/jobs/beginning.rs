//! What a request begins and leaves to a job to commit.

use certlocker_core::{
    Attribution, CertificateRequest, ChallengeRef, Change, Order, Timestamp, Versioned,
};
use tokio::sync::oneshot;

use super::super::{Gateway, Signed};

/// What a request begins and does not commit: it becomes one write with what comes of it.
#[derive(Debug)]
pub(super) struct Begun {
    at: Timestamp,
    by: Attribution,
    told: Option<oneshot::Sender<Versioned<Order>>>,
    what: Beginning,
}

/// What a request can begin with.
#[derive(Debug)]
pub(in super::super) enum Beginning {
    /// The client's answer to this challenge is in place.
    Armed(ChallengeRef),
    /// This certificate request was checked.
    Finalized(CertificateRequest),
}

/// What became of that within a short time.
pub(in super::super) enum Outcome {
    /// Others were at work on the order; nothing came of what was begun.
    Busy,
    /// This was committed.
    Committed(Box<Versioned<Order>>),
    /// Nothing yet.
    Late,
}

impl Begun {
    pub(super) fn new(
        what: Beginning,
        signed: &Signed,
        told: oneshot::Sender<Versioned<Order>>,
    ) -> Self {
        Self {
            at: signed.now,
            by: signed.by.clone(),
            told: Some(told),
            what,
        }
    }

    /// The change that was begun; nothing once it has been committed or can no longer be.
    pub(super) fn change(
        &self,
        order: &Versioned<Order>,
        gateway: &Gateway,
    ) -> Option<Change<Order>> {
        let retry = &gateway.0.config.retry;
        let begun = match &self.what {
            Beginning::Armed(challenge) => order.arm(*challenge, retry, self.at),
            Beginning::Finalized(request) => order.finalize(request.clone(), self.at).ok(),
        };
        begun.map(|begun| begun.by(&self.by))
    }

    pub(super) fn tell(&mut self, order: Versioned<Order>) {
        if let Some(told) = self.told.take() {
            // Whoever asked may be gone.
            let _ = told.send(order);
        }
    }
}
