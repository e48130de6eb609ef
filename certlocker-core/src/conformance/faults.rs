//! An order's whole way through a store that fails, one commit after the other.

use super::fixture::{
    armed, at, by, certificate, codes, consecutive, finalized, history, issued, order, proven,
};
use super::{Fault, Flaky, Fresh, Tested};
use crate::{
    CertificateStore, Changeset, Ledger, Order, OrderId, OrderStatus, OrderStore, Page, State,
    StoreError, Subject, Transition, Version, Versioned,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_faults {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { faults $($rest)*:
            an_order_survives_each_commit_failing_before_it_lands,
            an_order_survives_each_commit_failing_after_it_landed,
            orders_survive_commits_failing_at_random,
        }
    };
}

/// The commits of an order's way: placed, armed, proven, finalized, issued.
const COMMITS: u64 = 5;

/// More attempts than any seed of the cases takes.
const PATIENCE: usize = 200;

type Around<'a> = Flaky<dyn Tested + 'a>;

/// What comes next, decided from what is stored and from nothing else.
async fn next(store: &Around<'_>, planned: &Transition<Order>) -> Option<Changeset> {
    match store.order(planned.next().id()).await {
        Ok(order) => next_of(&order),
        Err(StoreError::NotFound) => Some(planned.clone().by(&by()).into()),
        Err(error) => panic!("an order is read: {error}"),
    }
}

/// What comes next for an order; nothing if it is final.
pub(super) fn next_of(order: &Versioned<Order>) -> Option<Changeset> {
    let transition = match order.value.state() {
        State::Pending => armed(order, at(1)).unwrap_or_else(|| proven(order, at(2))),
        State::Ready(_) => finalized(order, at(3)),
        State::Processing(_) => return Some(issued(order, at(4)).0),
        State::Valid(_) | State::Invalid(_) => return None,
    };
    Some(transition.by(&by()).into())
}

/// Drives one order to its end, reading again whatever failed.
async fn driven(store: &Around<'_>) -> OrderId {
    let planned = order(at(0));
    for _ in 0..PATIENCE {
        let Some(changes) = next(store, &planned).await else {
            break;
        };
        match store.commit(changes).await {
            Ok(_) | Err(StoreError::Unavailable(_) | StoreError::Indeterminate(_)) => {}
            Err(error) => panic!("nobody else writes, and yet: {error}"),
        }
    }
    *planned.next().id()
}

const HISTORY: [&str; 7] = [
    "order.created",
    "challenge.armed",
    "challenge.attempted",
    "challenge.valid",
    "order.ready",
    "finalize.received",
    "certificate.stored",
];

/// That what is stored and what is recorded tell the same story, once.
pub(super) async fn agree(store: &dyn Tested, id: &OrderId) {
    let order: Versioned<Order> = store.order(id).await.expect("it is there");
    assert_eq!(
        (order.value.status(), order.version),
        (OrderStatus::Valid, Version::new(COMMITS))
    );
    assert_eq!(
        codes(&history(store, Some(&Subject::Order(*id))).await),
        HISTORY
    );
    let State::Valid(valid) = order.value.state() else {
        panic!("the order is valid");
    };
    let stored = store
        .certificate(&valid.certificate)
        .await
        .expect("it is there");
    let sha256 = &certificate(&order.value, at(0))
        .next()
        .description()
        .sha256
        .clone();
    let found = store
        .certificate_by_sha256(sha256)
        .await
        .expect("a query is answered");
    assert_eq!(found, Some(stored));
    consecutive(store).await;
}

fn survives(fresh: &Fresh, fault: Fault) {
    let mut orders = 0;
    for commit in 1..=COMMITS {
        fresh.run(async |store: &dyn Tested| {
            let flaky = Flaky::over(fresh.store()).at(commit, fault);
            let id = driven(&flaky).await;
            let again = u64::from(fault == Fault::Before);
            assert_eq!(
                flaky.commits(),
                COMMITS + again,
                "commit {commit} failed {fault:?}"
            );
            agree(store, &id).await;
            orders += 1;
            let all = store
                .certificates(Page::oldest(99))
                .await
                .expect("certificates are read");
            assert_eq!(all.len(), orders, "one certificate for each order");
        });
    }
}

pub fn an_order_survives_each_commit_failing_before_it_lands(fresh: &Fresh) {
    survives(fresh, Fault::Before);
}

pub fn an_order_survives_each_commit_failing_after_it_landed(fresh: &Fresh) {
    survives(fresh, Fault::After);
}

pub fn orders_survive_commits_failing_at_random(fresh: &Fresh) {
    for seed in 0..20 {
        fresh.run(async |store: &dyn Tested| {
            let flaky = Flaky::over(fresh.store()).seeded(seed, 2);
            let id = driven(&flaky).await;
            agree(store, &id).await;
        });
    }
}
