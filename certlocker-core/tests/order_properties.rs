//! Whatever happens to an order, in whatever sequence and at whatever time, these things hold.

#[path = "order_properties/act.rs"]
mod act;
#[path = "order_properties/model.rs"]
mod model;

use act::{Act, History, START};
use certlocker_core::{
    Aggregate, AuthorizationState, ChallengeState, Event, Kind, Leases, Ledger, Order, OrderStatus,
    OrderStore, Page, Reason, Sequence, Stage, State, Subject, Timestamp, explain,
};
use model::{authorization_may_become, challenge_may_become, order_may_become};
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// What once failed is kept beside this file and tried first.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::Direct("tests/order_properties/regressions.txt");
    ProptestConfig {
        cases: 512,
        failure_persistence: Some(Box::new(kept)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_order_keeps_its_laws(
        names in 1usize..4,
        acts in proptest::collection::vec(Act::any(), 1..40),
    ) {
        let mut history = History::begin(names);
        check_state(&history);
        for act in acts {
            let before = history.order.clone();
            let Some(events) = history.perform(&act) else { continue };
            if history.removed {
                check_removed(&history);
                return Ok(());
            }
            check_step(&before.value, &history.order.value, &events);
            check_state(&history);
        }
    }
}

fn check_step(before: &Order, after: &Order, events: &[Event]) {
    let (was, is) = (before.status(), after.status());
    assert!(
        was == is || order_may_become(was, is),
        "{was:?} became {is:?}"
    );
    if was == OrderStatus::Valid || was == OrderStatus::Invalid {
        assert!(
            same_end(before.state(), after.state()),
            "{before:?}\n{after:?}"
        );
    }
    for (old, new) in before.authorizations().iter().zip(after.authorizations()) {
        let (was, is) = (old.state(), new.state());
        assert!(
            was == is || authorization_may_become(was, is),
            "{was:?} became {is:?}"
        );
        for (old, new) in old.challenges().iter().zip(new.challenges()) {
            assert_eq!((old.method(), old.token()), (new.method(), new.token()));
            let (was, is) = (old.state(), new.state());
            assert!(
                was == is || challenge_may_become(was, is),
                "{was:?} became {is:?}"
            );
        }
    }
    let became_ready = events
        .iter()
        .filter(|event| matches!(event, Event::OrderReady { .. }));
    let expected = was == OrderStatus::Pending && is == OrderStatus::Ready;
    assert_eq!(became_ready.count(), usize::from(expected));
    let ended = |event: &&Event| {
        matches!(
            event,
            Event::OrderInvalid { .. } | Event::OrderExpired { .. }
        )
    };
    let became_invalid = was != OrderStatus::Invalid && is == OrderStatus::Invalid;
    assert_eq!(
        events.iter().filter(ended).count(),
        usize::from(became_invalid)
    );
}

/// A valid order may be downloaded once; nothing else of an end changes.
fn same_end(before: &State, after: &State) -> bool {
    match (before, after) {
        (State::Valid(old), State::Valid(new)) => {
            (old.certificate, old.since) == (new.certificate, new.since)
                && (old.downloaded.is_none() || old.downloaded == new.downloaded)
        }
        (old, new) => old == new,
    }
}

fn check_state(history: &History) {
    check_order(&history.order.value);
    check_stored(history);
    check_records(history);
}

fn check_order(order: &Order) {
    let status = order.status();
    let is_final = matches!(status, OrderStatus::Valid | OrderStatus::Invalid);
    assert_eq!(order.due().is_none(), is_final, "{order:?}");
    let valid = |state: &AuthorizationState| matches!(state, AuthorizationState::Valid { .. });
    let all_valid = order.authorizations().iter().all(|one| valid(one.state()));
    match status {
        OrderStatus::Pending => assert!(!all_valid, "{order:?}"),
        OrderStatus::Ready => assert!(all_valid, "{order:?}"),
        _ => {}
    }
    for authorization in order.authorizations() {
        let failed = *authorization.state() == AuthorizationState::Invalid;
        assert!(!failed || status == OrderStatus::Invalid, "{order:?}");
        for challenge in authorization.challenges() {
            let looked_at = matches!(challenge.state(), ChallengeState::Processing(_));
            let open = status == OrderStatus::Pending
                && *authorization.state() == AuthorizationState::Pending;
            assert!(
                !looked_at || open,
                "nobody looks at {challenge:?} of {order:?}"
            );
            if let ChallengeState::Valid(_) | ChallengeState::Invalid(_) = challenge.state() {
                assert!(authorization.state() != &AuthorizationState::Pending);
            }
        }
    }
    let restored = Order::restore(&serde_json::to_vec(&(1, order)).unwrap());
    assert_eq!(restored.as_ref(), Ok(order));
}

/// The store finds the order by what its state is, and by nothing else.
fn check_stored(history: &History) {
    let (order, store) = (&history.order.value, &history.store);
    assert_eq!(block_on(store.order(order.id())).unwrap(), history.order);
    let [of_account, listed, open] = found(history);
    assert_eq!(of_account, 1);
    assert_eq!(listed, usize::from(order.status() != OrderStatus::Invalid));
    assert_eq!(open, usize::from(order.due().is_some()));
    for time in history.due_times() {
        let is_due = order.due().is_some_and(|due| due <= *time);
        assert_eq!(claimed(history, *time), usize::from(is_due), "at {time}");
    }
    let proofs = order.proofs(history.now);
    for identifier in order.identifiers() {
        let found = block_on(store.proof(order.account(), identifier, history.now)).unwrap();
        let own = proofs.iter().find(|proof| proof.identifier == *identifier);
        assert_eq!(found.as_ref(), own);
    }
}

fn found(history: &History) -> [usize; 3] {
    let (account, store) = (history.order.value.account(), &history.store);
    [
        block_on(store.orders_of_account(account, Page::oldest(9)))
            .unwrap()
            .len(),
        block_on(store.listed_orders(account, Page::oldest(9)))
            .unwrap()
            .len(),
        block_on(store.open_orders(account, Page::oldest(9)))
            .unwrap()
            .len(),
    ]
}

fn claimed(history: &History, at: Timestamp) -> usize {
    let leases = block_on(history.store.claim_due(Kind::Order, at, at, 9)).unwrap();
    for lease in &leases {
        block_on(history.store.release(lease)).unwrap();
    }
    leases.len()
}

/// The records tell the same as the order, and its explanation says nothing that did not happen.
fn check_records(history: &History) {
    let order = &history.order.value;
    let subject = Subject::Order(*order.id());
    let records = block_on(history.store.records(Some(&subject), Sequence::START, 1000)).unwrap();
    let mut told = OrderStatus::Pending;
    for record in &records {
        told = match &record.event {
            Event::OrderReady { .. } => OrderStatus::Ready,
            Event::FinalizeReceived { .. } => OrderStatus::Processing,
            Event::CertificateStored { .. } => OrderStatus::Valid,
            Event::OrderInvalid { .. } | Event::OrderExpired { .. } => OrderStatus::Invalid,
            _ => told,
        };
    }
    assert_eq!(told, order.status());
    for now in [START, history.now, order.expires()] {
        let explained = explain(order, &records, now);
        assert!(!explained.verdict.is_empty());
        let passed = |stage: Stage| match stage {
            Stage::Finalize => matches!(order.status(), OrderStatus::Ready),
            Stage::Issue => records
                .iter()
                .any(|record| matches!(record.event, Event::FinalizeReceived { .. })),
            Stage::Download | Stage::Served => order.status() == OrderStatus::Valid,
            _ => true,
        };
        let given_up = matches!(order.state(), State::Invalid(invalid)
            if !matches!(invalid.reason, Reason::Issuance(_)));
        let ready_once = records
            .iter()
            .any(|record| matches!(record.event, Event::OrderReady { .. }));
        let reached = passed(explained.stage) || (given_up && ready_once);
        assert!(reached, "{:?} of {order:?}", explained.stage);
    }
}

fn check_removed(history: &History) {
    let id = *history.order.value.id();
    assert!(block_on(history.store.order(&id)).is_err());
    assert_eq!(found(history), [0, 0, 0]);
    let all = history
        .due_times()
        .iter()
        .map(|time| claimed(history, *time));
    assert_eq!(all.sum::<usize>(), 0);
}
