//! What may happen to an order, and a store in which it happens.

use std::collections::BTreeSet;
use std::time::Duration;

use certlocker_core::{
    AccountId, Actor, Attempt, Attribution, Certificate, CertificateRequest, Chain, ChallengeRef,
    Change, Changeset, Component, Der, Description, Event, Failure, FailureKind, Identifier,
    Ledger, MemoryStore, Method, NewOrder, Order, Origin, Outcome, Retry, Seen, Sequence, Serial,
    Timestamp, Transition, Trigger, Versioned,
};
use pollster::block_on;
use proptest::prelude::*;

pub(crate) const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const LIFETIME: Duration = Duration::from_secs(100);
const RETRY: Retry = Retry {
    first: Duration::from_secs(1),
    window: Duration::from_secs(10),
};

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Arm(usize, usize),
    Attempted(Vec<(usize, usize, Found)>),
    Deactivate(usize),
    Finalize,
    Issued,
    IssueRefused,
    IssueDelayed(u8),
    Downloaded,
    Expire,
    AccountDeactivated,
    Remove,
    Wait(i8),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Proof,
    Wrong,
    Nothing,
}

impl Act {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let found = prop_oneof![
            4 => Just(Found::Proof),
            1 => Just(Found::Wrong),
            2 => Just(Found::Nothing)
        ];
        let seen = (0usize..4, 0usize..3, found);
        prop_oneof![
            6 => (0usize..4, 0usize..3).prop_map(|(place, method)| Self::Arm(place, method)),
            6 => proptest::collection::vec(seen, 0..4).prop_map(Self::Attempted),
            1 => (0usize..4).prop_map(Self::Deactivate),
            3 => Just(Self::Finalize),
            2 => Just(Self::Issued),
            1 => Just(Self::IssueRefused),
            2 => any::<u8>().prop_map(Self::IssueDelayed),
            2 => Just(Self::Downloaded),
            1 => Just(Self::Expire),
            1 => Just(Self::AccountDeactivated),
            1 => Just(Self::Remove),
            3 => any::<i8>().prop_map(Self::Wait),
        ]
    }
}

/// An order in a store, with the time at which the next thing happens.
pub(crate) struct History {
    pub(crate) now: Timestamp,
    pub(crate) order: Versioned<Order>,
    pub(crate) removed: bool,
    pub(crate) store: MemoryStore,
    due: BTreeSet<Timestamp>,
    read: Sequence,
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Validator), Trigger::Due)
}

fn random(bytes: &mut [u8]) {
    bytes.fill(7);
}

fn account() -> AccountId {
    AccountId::first_at(START)
}

fn challenge((place, method): (usize, usize)) -> ChallengeRef {
    ChallengeRef {
        authorization: place,
        method: Method::ALL[method],
    }
}

fn failure() -> Failure {
    Failure::new(FailureKind::Dns, "nothing was there").compared("a record", "none")
}

impl Found {
    fn seen(self, challenge: ChallengeRef, started: Timestamp) -> Seen {
        let outcome = match self {
            Self::Proof => Outcome::Proved,
            Self::Wrong => Outcome::Wrong(failure()),
            Self::Nothing => Outcome::NoAnswer(failure()),
        };
        let attempt = Attempt {
            elapsed_ms: 1,
            hops: Vec::new(),
            outcome,
            started,
        };
        Seen { attempt, challenge }
    }
}

impl History {
    pub(crate) fn begin(names: usize) -> Self {
        let identifiers = ["a.example", "*.b.example", "c.example"];
        let new = NewOrder {
            account: account(),
            client: None,
            expires: START.after(LIFETIME),
            identifiers: identifiers[..names]
                .iter()
                .map(|name| Identifier::dns(name).unwrap())
                .collect(),
            not_after: None,
            not_before: None,
            profile: None,
            proofs: Vec::new(),
        };
        let store = MemoryStore::default();
        let created = Order::create(new, None, &mut random, START)
            .unwrap()
            .by(&by());
        let order = created.after();
        let read = block_on(store.commit(created.into())).unwrap();
        Self {
            now: START,
            due: order.value.due().into_iter().collect(),
            order,
            removed: false,
            store,
            read,
        }
    }

    /// Every time at which the order was due until now.
    pub(crate) fn due_times(&self) -> &BTreeSet<Timestamp> {
        &self.due
    }

    /// The events of the act, if it did anything.
    pub(crate) fn perform(&mut self, act: &Act) -> Option<Vec<Event>> {
        let (order, now) = (&self.order, self.now);
        let step = match act {
            Act::Arm(place, method) => order.arm(challenge((*place, *method)), &RETRY, now),
            Act::Attempted(found) => {
                let seen = |one: &(usize, usize, Found)| one.2.seen(challenge((one.0, one.1)), now);
                let until = now.after(LIFETIME);
                let seen = found.iter().map(seen).collect();
                Some(order.attempted(seen, &RETRY, until, now))
            }
            Act::Deactivate(place) => order.deactivate_authorization(*place, now).ok(),
            Act::Finalize => order.finalize(request(), now).ok(),
            Act::Issued => return self.issue(),
            Act::IssueRefused => order.issue_refused(failure(), now),
            Act::IssueDelayed(pause) => {
                let pause = Duration::from_secs((*pause).into());
                order.issue_delayed(failure(), pause, Duration::from_secs(60), now)
            }
            Act::Downloaded => order.downloaded(now),
            Act::Expire => order.expire(now),
            Act::AccountDeactivated => order.account_deactivated(now),
            Act::Remove => return self.remove(),
            Act::Wait(seconds) => {
                self.wait(*seconds);
                None
            }
        };
        let change = step?.by(&by());
        Some(self.commit(change, None))
    }

    fn wait(&mut self, seconds: i8) {
        let span = Duration::from_secs(seconds.unsigned_abs().into());
        self.now = match seconds < 0 {
            true => self.now.before(span),
            false => self.now.after(span),
        };
    }

    fn issue(&mut self) -> Option<Vec<Event>> {
        let certificate = certificate(self.order.value.id(), self.now);
        let issued = self.order.issued(certificate.next(), self.now)?.by(&by());
        Some(self.commit(issued, Some(certificate)))
    }

    fn remove(&mut self) -> Option<Vec<Event>> {
        let removal = self.order.remove(self.now, self.now)?.by(&by());
        self.removed = true;
        block_on(self.store.commit(removal.into())).unwrap();
        Some(Vec::new())
    }

    fn commit(
        &mut self,
        change: Change<Order>,
        certificate: Option<Transition<Certificate>>,
    ) -> Vec<Event> {
        self.order = change.after();
        let mut changes = Changeset::of(change);
        if let Some(certificate) = certificate {
            changes = changes.and(certificate.by(&by()));
        }
        block_on(self.store.commit(changes)).unwrap();
        self.due.extend(self.order.value.due());
        let records = block_on(self.store.records(None, self.read, 1000)).unwrap();
        self.read = records.last().map_or(self.read, |last| last.sequence);
        records.into_iter().map(|record| record.event).collect()
    }
}

fn request() -> CertificateRequest {
    CertificateRequest {
        der: Der(vec![1]),
        key_sha256: "00".to_owned(),
    }
}

fn certificate(order: &certlocker_core::OrderId, now: Timestamp) -> Transition<Certificate> {
    let chain = Chain {
        intermediates: Vec::new(),
        leaf: Der(vec![1]),
    };
    let description = Description {
        identifiers: Vec::new(),
        key_sha256: "00".to_owned(),
        not_before: now,
        not_after: now,
        serial: Serial::from_octets(&[1]),
        sha256: "00".to_owned(),
    };
    let origin = Origin::Issued {
        account: account(),
        order: *order,
    };
    Certificate::store(chain, description, origin, None, &mut random, now)
}
