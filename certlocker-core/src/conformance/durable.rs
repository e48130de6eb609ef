//! A store closed and opened again.

use super::Fresh;
use super::fixture::{
    Indexed, account, armed, at, by, consecutive, history, is_conflict, order, put,
};
use crate::{AccountStore, Changeset, Fact, OrderStore, Sequence};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_durable {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { durable $($rest)*:
            what_was_acknowledged_is_there_after_opening_again,
            records_count_on_after_opening_again,
            what_is_taken_stays_taken_after_opening_again,
        }
    };
}

pub fn what_was_acknowledged_is_there_after_opening_again(fresh: &mut Fresh) {
    let (order, records) = fresh.run(async |store| {
        let order = put(store, order(at(0))).await;
        let order = put(store, armed(&order, at(1)).expect("it is pending")).await;
        (order, history(store, None).await)
    });
    fresh.reopen();
    fresh.run(async |store| {
        assert_eq!(
            store.order(order.value.id()).await.expect("it is there"),
            order
        );
        assert_eq!(history(store, None).await, records);
        Indexed::default().agrees(store, &order).await;
    });
}

pub fn records_count_on_after_opening_again(fresh: &mut Fresh) {
    let fact = || Changeset::fact(&Fact::server_started("1", at(0)), &by());
    for round in 1..=3 {
        fresh.run(async |store| {
            let written = store.commit(fact()).await;
            assert_eq!(written.expect("it is written"), Sequence::new(round));
            consecutive(store).await;
        });
        fresh.reopen();
    }
}

pub fn what_is_taken_stays_taken_after_opening_again(fresh: &mut Fresh) {
    let old = fresh.run(async |store| {
        let old = put(store, account("a", None)).await;
        put(store, old.set_contacts(Vec::new(), at(1))).await;
        old
    });
    fresh.reopen();
    fresh.run(async |store| {
        is_conflict(&store.commit(account("a", None).by(&by()).into()).await);
        is_conflict(&store.commit(old.deactivate(at(2)).by(&by()).into()).await);
        let account = store.account(old.value.id()).await.expect("it is there");
        put(store, account.deactivate(at(3))).await;
    });
}
