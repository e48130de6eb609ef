//! The nouns that the tests are about.

use std::sync::atomic::{AtomicU64, Ordering};

use certlocker_core::{
    Account, AccountId, AccountKey, Actor, Attribution, Changeset, ClientId, Component, Fact,
    Identifier, NewAccount, NewOrder, Order, Thumbprint, Timestamp, Transition, Trigger,
};
use sha2::{Digest, Sha256};

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

pub(crate) fn random(bytes: &mut [u8]) {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let number = DRAWN.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    bytes.fill(0);
    let free = bytes.len().saturating_sub(number.len());
    let place = bytes[free..].iter_mut();
    place.zip(number).for_each(|(byte, digit)| *byte = digit);
}

pub(crate) fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

pub(crate) fn fact(label: &str) -> Changeset {
    Changeset::fact(&Fact::server_started(label, at(0)), &by())
}

pub(crate) fn key(label: &str) -> AccountKey {
    AccountKey {
        jwk: format!("{{\"kty\":\"{label}\"}}"),
        thumbprint: Thumbprint::new(Sha256::digest(label).into()),
    }
}

pub(crate) fn account(label: &str) -> Transition<Account> {
    let new = NewAccount {
        client: Some(ClientId::first_at(at(0))),
        contacts: Vec::new(),
        external_binding: None,
        key: key(label),
        terms_agreed: None,
    };
    Account::create(new, &mut random, at(0))
}

pub(crate) fn order() -> Transition<Order> {
    let new = NewOrder {
        account: AccountId::new(at(0), &mut random),
        client: None,
        expires: at(3_600),
        identifiers: vec![Identifier::dns("a.example").unwrap()],
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    Order::create(new, None, &mut random, at(0)).unwrap()
}
