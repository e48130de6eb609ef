//! The nouns that the cases are about.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Tested;
use crate::secret::hexadecimal;
use crate::store::entry;
use crate::{
    Account, AccountId, AccountKey, Actor, Aggregate, Attempt, Attribution, Certificate,
    CertificateRequest, Chain, Changeset, Client, ClientId, Component, Der, Description, Entry,
    Identifier, NewAccount, NewClient, NewOrder, Order, Origin, Outcome, Page, Record, Retry, Row,
    Scope, SecretId, Seen, Sequence, Serial, StoreError, Subject, Thumbprint, Timestamp,
    Transition, Trigger, Uses, Versioned,
};

/// An instant, so many seconds into the story.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

/// Bytes that were not there before; ids of one instant grow with each call.
pub(super) fn random(bytes: &mut [u8]) {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let number = DRAWN.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    bytes.fill(0);
    let free = bytes.len().saturating_sub(number.len());
    let place = bytes[free..].iter_mut();
    place.zip(number).for_each(|(byte, digit)| *byte = digit);
}

pub(super) fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

/// Commits one transition.
pub(super) async fn put<T: Aggregate>(
    store: &dyn Tested,
    transition: Transition<T>,
) -> Versioned<T> {
    let change = transition.by(&by());
    let after = change.after();
    let done = store.commit(Changeset::of(change)).await;
    done.expect("a change of what is there, made by nobody else, is written");
    after
}

pub(super) fn key(label: &str) -> AccountKey {
    AccountKey {
        jwk: format!("{{\"kty\":\"{label}\"}}"),
        thumbprint: Thumbprint::new(Sha256::digest(label).into()),
    }
}

pub(super) fn account(label: &str, client: Option<ClientId>) -> Transition<Account> {
    let new = NewAccount {
        client,
        contacts: vec!["mailto:someone@example.com".to_owned()],
        external_binding: None,
        key: key(label),
        terms_agreed: None,
    };
    Account::create(new, &mut random, at(0))
}

pub(super) fn client(name: &str) -> Transition<Client> {
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(at(0)),
        name: name.to_owned(),
        proof_reuse: false,
        quirks: BTreeSet::new(),
        scope: Scope::default(),
        uses: Uses::Any,
    };
    Client::create(new, &mut random, at(0))
}

pub(super) fn names(count: usize) -> Vec<Identifier> {
    let name = |number| Identifier::dns(&format!("n{number}.example"));
    let names: Result<Vec<_>, _> = (0..count).map(name).collect();
    names.expect("these are names")
}

pub(super) fn request(account: AccountId, identifiers: Vec<Identifier>) -> NewOrder {
    NewOrder {
        account,
        client: None,
        expires: at(3_600),
        identifiers,
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    }
}

pub(super) fn placed(new: NewOrder, now: Timestamp) -> Transition<Order> {
    let placed = Order::create(new, None, &mut random, now);
    placed.expect("every name can be proven by some method")
}

/// An order for one name of an account that exists nowhere else.
pub(super) fn order(now: Timestamp) -> Transition<Order> {
    placed(request(AccountId::new(now, &mut random), names(1)), now)
}

pub(super) const RETRY: Retry = Retry {
    first: Duration::from_secs(1),
    window: Duration::from_secs(10),
};

/// The order with its first challenges armed; nothing if they are.
pub(super) fn armed(order: &Versioned<Order>, now: Timestamp) -> Option<Transition<Order>> {
    let method = crate::Method::Http01;
    let challenge = crate::ChallengeRef {
        authorization: 0,
        method,
    };
    order.arm(challenge, &RETRY, now)
}

/// The order with every armed challenge passed.
pub(super) fn proven(order: &Versioned<Order>, now: Timestamp) -> Transition<Order> {
    let attempt = || Attempt {
        elapsed_ms: 1,
        hops: Vec::new(),
        outcome: Outcome::Proved,
        started: now,
    };
    let armed = order.value.armed().into_iter();
    let seen = armed.map(|challenge| Seen {
        attempt: attempt(),
        challenge,
    });
    order.attempted(seen.collect(), &RETRY, at(86_400), now)
}

pub(super) fn finalized(order: &Versioned<Order>, now: Timestamp) -> Transition<Order> {
    let request = CertificateRequest {
        der: Der(vec![0x30, 0]),
        key_sha256: hexadecimal(&Sha256::digest(order.value.id().to_string())),
    };
    let finalized = order.finalize(request, now);
    finalized.expect("the order is ready")
}

/// The certificate of an order; the same one, but for its id, each time.
pub(super) fn certificate(order: &Order, now: Timestamp) -> Transition<Certificate> {
    let leaf = order.id().to_string().into_bytes();
    let description = Description {
        identifiers: order.identifiers().to_vec(),
        key_sha256: hexadecimal(&Sha256::digest(b"key")),
        not_before: now,
        not_after: at(7_776_000),
        serial: Serial::from_octets(&leaf),
        sha256: hexadecimal(&Sha256::digest(&leaf)),
    };
    let chain = Chain {
        intermediates: vec![Der(vec![0x30, 0])],
        leaf: Der(leaf),
    };
    let origin = Origin::Issued {
        account: *order.account(),
        order: *order.id(),
    };
    Certificate::store(chain, description, origin, None, &mut random, now)
}

/// The order valid, with its certificate, as one changeset.
pub(super) fn issued(order: &Versioned<Order>, now: Timestamp) -> (Changeset, Certificate) {
    let stored = certificate(&order.value, now);
    let certificate = stored.next().clone();
    let valid = order.issued(&certificate, now);
    let valid = valid.expect("the order is processing");
    (
        Changeset::of(valid.by(&by())).and(stored.by(&by())),
        certificate,
    )
}

/// The rows of a kind that have this entry, all of them.
pub(super) async fn found<T: Aggregate>(
    store: &dyn Tested,
    name: &'static str,
    value: &str,
) -> Vec<Row> {
    let query = Page::oldest(usize::MAX).of(T::KIND, entry(name, value));
    store.rows(&query).await.expect("a query is answered")
}

/// Index entries that a row had at some time, to see that it is found by those that it has now
/// and by no others.
#[derive(Default)]
pub(super) struct Indexed(Vec<Entry>);

impl Indexed {
    pub(super) async fn agrees<T: Aggregate>(&mut self, store: &dyn Tested, now: &Versioned<T>) {
        self.0.extend(now.value.entries());
        self.check::<T>(store, &now.value.key(), &now.value.entries())
            .await;
    }

    pub(super) async fn is_gone<T: Aggregate>(&self, store: &dyn Tested, gone: &T) {
        self.check::<T>(store, &gone.key(), &[]).await;
    }

    async fn check<T: Aggregate>(&self, store: &dyn Tested, key: &str, current: &[Entry]) {
        for entry in &self.0 {
            let rows = found::<T>(store, entry.name, &entry.value).await;
            let times = rows.iter().filter(|row| row.key == key).count();
            let wanted = usize::from(current.contains(entry));
            assert_eq!(
                times,
                wanted,
                "{} is found under {entry:?} so many times",
                T::KIND.as_str()
            );
        }
    }
}

/// Every record, or every record about something.
pub(super) async fn history(store: &dyn Tested, about: Option<&Subject>) -> Vec<Record> {
    let read = store.records(about, Sequence::START, usize::MAX).await;
    read.expect("records are read")
}

pub(super) fn codes(records: &[Record]) -> Vec<&'static str> {
    records.iter().map(|record| record.event.name()).collect()
}

/// That the ledger counts from 1 without gaps.
pub(super) async fn consecutive(store: &dyn Tested) {
    let sequences: Vec<u64> = history(store, None)
        .await
        .iter()
        .map(|record| record.sequence.get())
        .collect();
    let wanted: Vec<u64> = (1..).take(sequences.len()).collect();
    assert_eq!(sequences, wanted);
}

#[track_caller]
pub(super) fn is_conflict<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(
        matches!(answer, Err(StoreError::Conflict)),
        "a conflict was expected, not {answer:?}"
    );
}
