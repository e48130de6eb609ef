//! Changesets: guarded, and written whole or not at all.

use super::fixture::{
    account, at, by, client, codes, consecutive, finalized, history, is_conflict, issued, key,
    names, order, placed, proven, put, request,
};
use super::{Fresh, Tested};
use crate::{
    Account, AccountStore, Aggregate, CertificateStore, Changeset, ClientStore, OrderStatus,
    OrderStore, Version, Versioned,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_transactional {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { transactional $($rest)*:
            a_stale_version_conflicts_and_writes_nothing,
            what_exists_cannot_be_created_again,
            what_was_removed_cannot_be_changed,
            an_order_and_its_certificate_are_one_write,
            an_account_and_its_orders_are_one_write,
            one_conflict_undoes_the_whole_changeset,
            a_unique_entry_belongs_to_one_row,
            a_unique_entry_that_is_given_up_can_be_taken,
            a_removed_row_gives_up_its_unique_entries,
            a_unique_entry_moves_within_a_changeset,
            two_rows_of_a_changeset_cannot_share_a_unique_entry,
            a_row_is_changed_twice_in_one_changeset,
            a_row_is_not_changed_twice_from_one_version,
        }
    };
}

/// What a store holds, as far as a refused changeset could have left traces.
async fn state(store: &dyn Tested) -> impl PartialEq + std::fmt::Debug + use<> {
    let all = || crate::Page::oldest(usize::MAX);
    (
        store.accounts(all()).await.expect("accounts are read"),
        store.orders(all()).await.expect("orders are read"),
        store.clients(all()).await.expect("clients are read"),
        history(store, None).await,
    )
}

async fn is_refused(store: &dyn Tested, changes: Changeset) {
    let before = state(store).await;
    is_conflict(&store.commit(changes).await);
    assert_eq!(
        state(store).await,
        before,
        "a refused changeset left traces"
    );
}

async fn by_key(store: &dyn Tested, label: &str) -> Option<Versioned<Account>> {
    let found = store.account_by_key(&key(label).thumbprint).await;
    found.expect("a query is answered")
}

pub fn a_stale_version_conflicts_and_writes_nothing(fresh: &Fresh) {
    fresh.run(async |store| {
        let old = put(store, account("a", None)).await;
        put(store, old.set_contacts(Vec::new(), at(1))).await;
        is_refused(store, old.change_key(key("b"), at(2)).by(&by()).into()).await;
        assert_eq!(by_key(store, "b").await, None);
        assert!(by_key(store, "a").await.is_some());
    });
}

pub fn what_exists_cannot_be_created_again(fresh: &Fresh) {
    fresh.run(async |store| {
        let creation = order(at(0)).by(&by());
        store
            .commit(creation.clone().into())
            .await
            .expect("it is written");
        is_refused(store, creation.into()).await;
    });
}

pub fn what_was_removed_cannot_be_changed(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        put(store, account.removal(Vec::new(), at(1))).await;
        is_refused(store, account.deactivate(at(2)).by(&by()).into()).await;
    });
}

pub fn an_order_and_its_certificate_are_one_write(fresh: &Fresh) {
    fresh.run(async |store| {
        let order = put(store, order(at(0))).await;
        let armed = super::fixture::armed(&order, at(1)).expect("it is pending");
        let order = put(store, armed).await;
        let order = put(store, proven(&order, at(2))).await;
        let order = put(store, finalized(&order, at(3))).await;
        let (valid, certificate) = issued(&order, at(4));
        store.commit(valid).await.expect("it is written");
        let valid = store.order(order.value.id()).await.expect("it is there");
        assert_eq!(valid.value.status(), OrderStatus::Valid);
        let stored = store
            .certificate(certificate.id())
            .await
            .expect("it is there");
        assert_eq!(
            (stored.value, stored.version),
            (certificate, Version::new(1))
        );
        is_refused(store, issued(&order, at(5)).0).await;
        consecutive(store).await;
    });
}

pub fn an_account_and_its_orders_are_one_write(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        let id = *account.value.id();
        let mut all = Changeset::of(account.deactivate(at(9)).by(&by()));
        for second in 0..5 {
            let order = put(store, placed(request(id, names(1)), at(second))).await;
            let ended = order.account_deactivated(at(9)).expect("it is open");
            all = all.and(ended.by(&by()));
        }
        let before = history(store, None).await.len();
        store.commit(all).await.expect("it is written");
        let open = store.open_orders(&id, crate::Page::oldest(9)).await;
        assert!(open.expect("orders are read").is_empty());
        let after = codes(&history(store, None).await[before..]);
        assert_eq!(after[0], "account.deactivated");
        assert_eq!(after[1..], ["order.invalid"; 5]);
    });
}

pub fn one_conflict_undoes_the_whole_changeset(fresh: &Fresh) {
    fresh.run(async |store| {
        let first = put(store, account("a", None)).await;
        let stale = put(store, account("b", None)).await;
        put(store, stale.set_contacts(Vec::new(), at(1))).await;
        let good = || first.change_key(key("c"), at(2)).by(&by());
        let bad = || stale.deactivate(at(2)).by(&by());
        is_refused(
            store,
            Changeset::of(good()).and(bad()).and(client("x").by(&by())),
        )
        .await;
        is_refused(
            store,
            Changeset::of(client("x").by(&by())).and(good()).and(bad()),
        )
        .await;
        assert_eq!(by_key(store, "c").await, None);
        assert_eq!(by_key(store, "a").await, Some(first));
        assert_eq!(
            store
                .client_by_name("x")
                .await
                .expect("a query is answered"),
            None
        );
        consecutive(store).await;
    });
}

pub fn a_unique_entry_belongs_to_one_row(fresh: &Fresh) {
    fresh.run(async |store| {
        let one = put(store, account("a", None)).await;
        is_refused(store, account("a", None).by(&by()).into()).await;
        let other = put(store, account("b", None)).await;
        is_refused(store, other.change_key(key("a"), at(1)).by(&by()).into()).await;
        assert_eq!(by_key(store, "a").await, Some(one));
        put(store, client("a")).await;
        is_refused(store, client("a").by(&by()).into()).await;
    });
}

pub fn a_unique_entry_that_is_given_up_can_be_taken(fresh: &Fresh) {
    fresh.run(async |store| {
        let one = put(store, account("a", None)).await;
        let one = put(store, one.change_key(key("b"), at(1))).await;
        let other = put(store, account("a", None)).await;
        assert_eq!(by_key(store, "a").await, Some(other));
        assert_eq!(by_key(store, "b").await, Some(one));
    });
}

pub fn a_removed_row_gives_up_its_unique_entries(fresh: &Fresh) {
    fresh.run(async |store| {
        let one = put(store, account("a", None)).await;
        put(store, one.removal(Vec::new(), at(1))).await;
        assert_eq!(by_key(store, "a").await, None);
        let other = put(store, account("a", None)).await;
        assert_eq!(by_key(store, "a").await, Some(other));
    });
}

pub fn a_unique_entry_moves_within_a_changeset(fresh: &Fresh) {
    fresh.run(async |store| {
        let one = put(store, account("a", None)).await;
        let gives = || one.change_key(key("b"), at(1)).by(&by());
        let takes = account("a", None).by(&by());
        is_refused(store, Changeset::of(takes.clone()).and(gives())).await;
        let after = (takes.after(), gives().after());
        store
            .commit(Changeset::of(gives()).and(takes))
            .await
            .expect("it is written");
        assert_eq!(by_key(store, "a").await, Some(after.0));
        assert_eq!(by_key(store, "b").await, Some(after.1));
    });
}

pub fn two_rows_of_a_changeset_cannot_share_a_unique_entry(fresh: &Fresh) {
    fresh.run(async |store| {
        let twice = Changeset::of(account("a", None).by(&by())).and(account("a", None).by(&by()));
        is_refused(store, twice).await;
        assert_eq!(by_key(store, "a").await, None);
    });
}

pub fn a_row_is_changed_twice_in_one_changeset(fresh: &Fresh) {
    fresh.run(async |store| {
        let creation = account("a", None).by(&by());
        let moved = creation.after().change_key(key("b"), at(1)).by(&by());
        let back = moved.after().change_key(key("a"), at(2)).by(&by());
        let last = back.after();
        let all = Changeset::of(creation).and(moved).and(back);
        store.commit(all).await.expect("it is written");
        assert_eq!(last.version, Version::new(3));
        assert_eq!(by_key(store, "a").await, Some(last));
        assert_eq!(by_key(store, "b").await, None);
    });
}

pub fn a_row_is_not_changed_twice_from_one_version(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = put(store, account("a", None)).await;
        let change = || account.change_key(key("b"), at(1)).by(&by());
        let deactivation = account.deactivate(at(1)).by(&by());
        is_refused(store, Changeset::of(change()).and(deactivation)).await;
        let creation = client("c").by(&by());
        is_refused(store, Changeset::of(creation.clone()).and(creation)).await;
        assert_eq!(
            account.value.entries(),
            by_key(store, "a")
                .await
                .expect("it is there")
                .value
                .entries()
        );
    });
}
