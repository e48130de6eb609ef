//! Fills a database with orders that have come to their end, through the store's own interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use certlocker_core::{
    Account, AccountId, AccountKey, Actor, Attempt, Attribution, Certificate, CertificateRequest,
    Chain, ChallengeRef, Changeset, Component, Der, Description, Hop, Identifier, Ledger, Method,
    NewAccount, NewOrder, Order, Origin, Outcome, Retry, Seen, Serial, Thumbprint, Timestamp,
    Transition, Trigger,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How many orders share a commit.
const TOGETHER: u32 = 200;
/// How many orders an account has.
const ORDERS_PER_ACCOUNT: u32 = 1000;
const RETRY: Retry = Retry {
    first: Duration::from_millis(500),
    window: Duration::from_secs(10),
};
// As long as such things are with P-256 keys and one name, in octets.
const LEAF: usize = 620;
const INTERMEDIATE: usize = 520;
const REQUEST: usize = 230;

/// Enters so many valid orders, each with its account, certificate and records, as if they had come
/// one each millisecond until now; `progress` is told how many are there.
///
/// # Errors
/// When the store fails.
pub async fn prefill(
    store: &dyn Ledger,
    orders: u32,
    now: Timestamp,
    mut progress: impl FnMut(u32),
) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(u64::try_from(now.as_micros())?);
    let mut account = None;
    let mut batch: Option<Changeset> = None;
    for number in 0..orders {
        let at = now.before(Duration::from_millis(u64::from(orders - number)));
        if number.is_multiple_of(ORDERS_PER_ACCOUNT) {
            let created = registered(&mut random, at)?;
            account = Some(*created.next().id());
            batch = Some(joined(batch, Changeset::of(created.by(&by()))));
        }
        let account = account.ok_or("the first order makes an account")?;
        let changes = finished(number, account, &mut random, at)?;
        batch = Some(joined(batch, changes));
        if (number + 1).is_multiple_of(TOGETHER) {
            commit(store, batch.take()).await?;
            progress(number + 1);
        }
    }
    commit(store, batch).await
}

async fn commit(store: &dyn Ledger, batch: Option<Changeset>) -> Result<()> {
    if let Some(changes) = batch {
        store.commit(changes).await?;
    }
    Ok(())
}

fn joined(batch: Option<Changeset>, more: Changeset) -> Changeset {
    match batch {
        Some(batch) => batch.merge(more),
        None => more,
    }
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

fn registered(random: &mut fastrand::Rng, now: Timestamp) -> Result<Transition<Account>> {
    let mut thumbprint = [0; 32];
    random.fill(&mut thumbprint);
    let new = NewAccount {
        client: None,
        contacts: Vec::new(),
        external_binding: None,
        key: AccountKey {
            jwk: crate::AccountKey::generate()?.jwk().to_owned(),
            thumbprint: Thumbprint::new(thumbprint),
        },
        terms_agreed: None,
    };
    Ok(Account::create(new, &mut |bytes| random.fill(bytes), now))
}

/// Every step of an order as the gateway commits them, one after the other.
fn finished(
    number: u32,
    account: AccountId,
    random: &mut fastrand::Rng,
    now: Timestamp,
) -> Result<Changeset> {
    const WRONG: &str = "an order did not take a step that it can take";
    let name = format!("n{number}.prefill.load.example");
    let identifier = Identifier::dns(&name)?;
    let new = NewOrder {
        account,
        client: None,
        expires: now.after(Duration::from_secs(7 * 86_400)),
        identifiers: vec![identifier.clone()],
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    let by = by();
    let created = Order::create(new, None, &mut |bytes| random.fill(bytes), now)?.by(&by);
    let order = created.after();
    let armed = order.arm(HTTP01, &RETRY, now).ok_or(WRONG)?.by(&by);
    let until = now.after(Duration::from_secs(30 * 86_400));
    let order = armed.after();
    let proven = order
        .attempted(vec![seen(&name, now)], &RETRY, until, now)
        .by(&by);
    let order = proven.after();
    let finalized = order.finalize(request(random), now)?.by(&by);
    let order = finalized.after();
    let certificate = certificate(*order.value.id(), account, identifier, random, now);
    let issued = order.issued(certificate.next(), now).ok_or(WRONG)?.by(&by);
    let order = issued.after();
    let downloaded = order.downloaded(now).ok_or(WRONG)?.by(&by);
    let before = Changeset::of(created).and(armed).and(proven).and(finalized);
    Ok(before.and(certificate.by(&by)).and(issued).and(downloaded))
}

const HTTP01: ChallengeRef = ChallengeRef {
    authorization: 0,
    method: Method::Http01,
};

fn seen(name: &str, now: Timestamp) -> Seen {
    let hop = Hop {
        dialled: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 80))),
        resolved: vec![Ipv4Addr::LOCALHOST.into()],
        status: Some(200),
        target: format!("http://{name}/.well-known/acme-challenge/"),
        ..Hop::default()
    };
    let attempt = Attempt {
        elapsed_ms: 1,
        hops: vec![hop],
        outcome: Outcome::Proved,
        started: now,
    };
    Seen {
        attempt,
        challenge: HTTP01,
    }
}

fn bytes(random: &mut fastrand::Rng, length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| random.u8(..))
        .take(length)
        .collect()
}

fn hexadecimal(random: &mut fastrand::Rng) -> String {
    let octets = bytes(random, 32);
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn request(random: &mut fastrand::Rng) -> CertificateRequest {
    CertificateRequest {
        der: Der(bytes(random, REQUEST)),
        key_sha256: hexadecimal(random),
    }
}

fn certificate(
    order: certlocker_core::OrderId,
    account: AccountId,
    identifier: Identifier,
    random: &mut fastrand::Rng,
    now: Timestamp,
) -> Transition<Certificate> {
    let description = Description {
        identifiers: vec![identifier],
        key_sha256: hexadecimal(random),
        not_after: now.after(Duration::from_secs(90 * 86_400)),
        not_before: now,
        serial: Serial::from_octets(&bytes(random, 16)),
        sha256: hexadecimal(random),
    };
    let chain = Chain {
        intermediates: vec![Der(bytes(random, INTERMEDIATE))],
        leaf: Der(bytes(random, LEAF)),
    };
    let origin = Origin::Issued { account, order };
    Certificate::store(
        chain,
        description,
        origin,
        None,
        &mut |bytes| random.fill(bytes),
        now,
    )
}
