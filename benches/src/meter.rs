//! How long each kind of request took.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the requests of one order")]
#[expect(missing_docs, reason = "the resources of RFC 8555")]
pub enum Step {
    NewNonce,
    NewAccount,
    NewOrder,
    Authorization,
    Challenge,
    AuthorizationPoll,
    Finalize,
    OrderPoll,
    Certificate,
}

impl Step {
    /// Every kind, in the order in which an order needs them.
    pub const ALL: [Self; 9] = [
        Self::NewNonce,
        Self::NewAccount,
        Self::NewOrder,
        Self::Authorization,
        Self::Challenge,
        Self::AuthorizationPoll,
        Self::Finalize,
        Self::OrderPoll,
        Self::Certificate,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewNonce => "new-nonce",
            Self::NewAccount => "new-account",
            Self::NewOrder => "new-order",
            Self::Authorization => "authorization",
            Self::Challenge => "challenge",
            Self::AuthorizationPoll => "authorization poll",
            Self::Finalize => "finalize",
            Self::OrderPoll => "order poll",
            Self::Certificate => "certificate",
        }
    }
}

/// What one worker measured, in microseconds.
#[derive(Clone, Debug)]
pub struct Meter {
    order: Histogram<u64>,
    steps: Vec<Histogram<u64>>,
}

/// No request is waited for as long as this.
const LONGEST_MICROS: u64 = 300_000_000;
/// In decimal digits.
const PRECISION: u8 = 3;

impl Default for Meter {
    fn default() -> Self {
        let empty = || {
            let bounds = Histogram::new_with_bounds(1, LONGEST_MICROS, PRECISION);
            bounds.expect("the bounds and the precision are ones that there are")
        };
        Self {
            order: empty(),
            steps: Step::ALL.iter().map(|_| empty()).collect(),
        }
    }
}

impl Meter {
    /// Notes a request.
    pub fn note(&mut self, step: Step, took: Duration) {
        self.steps[step as usize].saturating_record(micros(took));
    }

    /// Notes a whole order.
    pub fn note_order(&mut self, took: Duration) {
        self.order.saturating_record(micros(took));
    }

    /// Adds what another worker measured.
    pub fn add(&mut self, other: &Self) {
        let pairs = self.steps.iter_mut().zip(&other.steps);
        for (own, other) in pairs.chain([(&mut self.order, &other.order)]) {
            own.add(other)
                .expect("histograms of one make hold each other's values");
        }
    }

    /// What was measured for a kind of request.
    pub fn step(&self, step: Step) -> &Histogram<u64> {
        &self.steps[step as usize]
    }

    /// What was measured for whole orders.
    pub fn orders(&self) -> &Histogram<u64> {
        &self.order
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
