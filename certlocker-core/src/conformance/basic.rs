//! Rows: written, read, found, walked and counted.

use super::Fresh;
use super::fixture::{
    Indexed, account, armed, at, client, finalized, found, is_conflict, issued, key, names, order,
    placed, proven, put, random, request,
};
use crate::order::proof_key;
use crate::store::entry;
use crate::{
    Account, AccountId, AccountStore, Aggregate, By, Client, ClientStore, Direction, Kind,
    NewAccount, NewOrder, Order, OrderStore, Page, Query, Row, StoreError, Version,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_basic {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { basic $($rest)*:
            a_row_is_read_as_it_was_written,
            a_row_that_was_never_written_is_not_found,
            each_write_makes_the_next_version,
            one_key_names_a_row_of_each_kind,
            an_entry_finds_its_exact_value_and_no_other,
            index_entries_follow_an_order_through_its_life,
            a_removed_row_is_found_no_more,
            paging_walks_each_row_once_in_both_directions,
            paging_an_index_walks_each_row_once_in_both_directions,
            a_page_starts_after_a_key_that_is_not_there,
            any_text_is_a_bound_of_a_page,
            a_limit_of_zero_finds_nothing,
            counting_stops_at_the_limit,
            a_large_snapshot_is_kept_whole,
            an_order_of_a_hundred_identifiers_is_kept_whole,
        }
    };
}

pub fn a_row_is_read_as_it_was_written(fresh: &Fresh) {
    fresh.run(async |store| {
        let written = put(store, account("a", None)).await;
        let read = store
            .account(written.value.id())
            .await
            .expect("it is there");
        assert_eq!(read, written);
    });
}

pub fn a_row_that_was_never_written_is_not_found(fresh: &Fresh) {
    fresh.run(async |store| {
        put(store, account("a", None)).await;
        let other = AccountId::new(at(0), &mut random);
        let answer = store.account(&other).await;
        assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
        let answer = store.row(Kind::Order, "").await;
        assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    });
}

pub fn each_write_makes_the_next_version(fresh: &Fresh) {
    fresh.run(async |store| {
        let mut account = put(store, account("a", None)).await;
        for number in 1..=3 {
            let read = store
                .account(account.value.id())
                .await
                .expect("it is there");
            assert_eq!(read.version, Version::new(number));
            account = put(store, read.set_contacts(Vec::new(), at(1))).await;
        }
    });
}

pub fn one_key_names_a_row_of_each_kind(fresh: &Fresh) {
    fresh.run(async |store| {
        let same = &mut |bytes: &mut [u8]| bytes.fill(7);
        let new = NewAccount {
            client: None,
            contacts: Vec::new(),
            external_binding: None,
            key: key("a"),
            terms_agreed: None,
        };
        let account = put(store, Account::create(new, same, at(0))).await;
        let asked = request(*account.value.id(), names(1));
        let order = Order::create(asked, None, same, at(0)).expect("the name can be proven");
        let order = put(store, order).await;
        assert_eq!(Aggregate::key(&account.value), order.value.key());
        assert_eq!(
            store
                .account(account.value.id())
                .await
                .expect("it is there"),
            account
        );
        assert_eq!(
            store.order(order.value.id()).await.expect("it is there"),
            order
        );
    });
}

pub fn an_entry_finds_its_exact_value_and_no_other(fresh: &Fresh) {
    fresh.run(async |store| {
        let names = [
            "a", "A", "aa", "a ", "a%", "%", "_", "", "ä", "a\u{308}", "'", "a\0b",
        ];
        for name in names {
            put(store, client(name)).await;
        }
        for name in names {
            let found = store
                .client_by_name(name)
                .await
                .expect("a query is answered");
            assert_eq!(found.expect("it is there").value.name(), name);
        }
        assert_eq!(
            store
                .client_by_name("b")
                .await
                .expect("a query is answered"),
            None
        );
        assert!(found::<Client>(store, "nothing", "a").await.is_empty());
    });
}

pub fn index_entries_follow_an_order_through_its_life(fresh: &Fresh) {
    fresh.run(async |store| {
        let (mut indexed, mut order) = (Indexed::default(), put(store, order(at(0))).await);
        indexed.agrees(store, &order).await;
        order = put(store, armed(&order, at(1)).expect("it is pending")).await;
        indexed.agrees(store, &order).await;
        order = put(store, proven(&order, at(2))).await;
        indexed.agrees(store, &order).await;
        order = put(store, finalized(&order, at(3))).await;
        indexed.agrees(store, &order).await;
        let (valid, certificate) = issued(&order, at(4));
        store.commit(valid).await.expect("it is written");
        let order = store.order(order.value.id()).await.expect("it is there");
        indexed.agrees(store, &order).await;
        let proof = proof_key(order.value.account(), &order.value.identifiers()[0]);
        assert_eq!(found::<Order>(store, Order::PROOF, &proof).await.len(), 1);
        assert_eq!(order.value.due(), None);
        let stored = crate::CertificateStore::certificate(store, certificate.id()).await;
        Indexed::default()
            .agrees(store, &stored.expect("it is there"))
            .await;
    });
}

pub fn a_removed_row_is_found_no_more(fresh: &Fresh) {
    fresh.run(async |store| {
        let (mut indexed, order) = (Indexed::default(), put(store, order(at(0))).await);
        let kept = put(store, self::order(at(0))).await;
        indexed.agrees(store, &order).await;
        let expired = order.expire(at(3_600)).expect("its time is up");
        let ended = put(store, expired).await;
        let removal = || ended.remove(at(4_000), at(4_000)).expect("it ended before");
        put(store, removal()).await;
        indexed.is_gone(store, &order.value).await;
        let answer = store.order(order.value.id()).await;
        assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
        assert_eq!(
            walk(store, By::Key, Direction::OldestFirst).await,
            [kept.value.key()]
        );
        let again = removal().by(&super::fixture::by());
        is_conflict(&store.commit(again.into()).await);
    });
}

async fn walk(store: &dyn super::Tested, by: By, direction: Direction) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = Page {
            after: keys.last().cloned(),
            direction,
            limit: 3,
        };
        let rows = store.rows(&page.of(Kind::Order, by.clone())).await;
        let rows = rows.expect("a query is answered");
        if rows.is_empty() {
            return keys;
        }
        for row in rows {
            assert!(!keys.contains(&row.key), "a row came twice");
            keys.push(row.key);
        }
    }
}

async fn is_walked(store: &dyn super::Tested, by: By, mut keys: Vec<String>) {
    keys.sort();
    assert_eq!(walk(store, by.clone(), Direction::OldestFirst).await, keys);
    keys.reverse();
    assert_eq!(walk(store, by, Direction::NewestFirst).await, keys);
}

async fn orders_of(store: &dyn super::Tested, account: AccountId, count: i64) -> Vec<String> {
    let mut keys = Vec::new();
    for second in 0..count {
        let order = placed(request(account, names(1)), at(second));
        keys.push(put(store, order).await.value.key());
    }
    keys
}

pub fn paging_walks_each_row_once_in_both_directions(fresh: &Fresh) {
    fresh.run(async |store| {
        put(store, account("another kind", None)).await;
        let keys = orders_of(store, AccountId::new(at(0), &mut random), 10).await;
        is_walked(store, By::Key, keys).await;
    });
}

pub fn paging_an_index_walks_each_row_once_in_both_directions(fresh: &Fresh) {
    fresh.run(async |store| {
        let (one, other) = (
            AccountId::new(at(0), &mut random),
            AccountId::new(at(0), &mut random),
        );
        let keys = orders_of(store, one, 9).await;
        orders_of(store, other, 4).await;
        is_walked(store, entry(Order::BY_ACCOUNT, one), keys).await;
    });
}

pub fn a_page_starts_after_a_key_that_is_not_there(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = AccountId::new(at(0), &mut random);
        let keys = orders_of(store, account, 4).await;
        let bound = crate::OrderId::first_at(at(2)).to_string();
        for (page, wanted) in [(Page::oldest(9), &keys[2]), (Page::newest(9), &keys[1])] {
            for by in [By::Key, entry(Order::BY_ACCOUNT, account)] {
                let page = page.clone().after(Some(bound.clone()));
                let rows = rows(store, &page.of(Kind::Order, by)).await;
                assert_eq!((rows.len(), &rows[0].key), (2, wanted));
            }
        }
    });
}

async fn rows(store: &dyn super::Tested, query: &Query) -> Vec<Row> {
    store.rows(query).await.expect("a query is answered")
}

pub fn any_text_is_a_bound_of_a_page(fresh: &Fresh) {
    fresh.run(async |store| {
        let account = AccountId::new(at(0), &mut random);
        let all = orders_of(store, account, 2).await.len();
        let last = "\u{10ffff}\u{10ffff}";
        for (bound, older, newer) in [
            ("", all, 0),
            ("!\0'", all, 0),
            ("z", 0, all),
            (last, 0, all),
        ] {
            for by in [By::Key, entry(Order::BY_ACCOUNT, account)] {
                let from = |page: Page| {
                    page.after(Some(bound.to_owned()))
                        .of(Kind::Order, by.clone())
                };
                assert_eq!(
                    rows(store, &from(Page::oldest(9))).await.len(),
                    older,
                    "{bound:?}"
                );
                assert_eq!(
                    rows(store, &from(Page::newest(9))).await.len(),
                    newer,
                    "{bound:?}"
                );
            }
        }
    });
}

pub fn a_limit_of_zero_finds_nothing(fresh: &Fresh) {
    fresh.run(async |store| {
        orders_of(store, AccountId::new(at(0), &mut random), 2).await;
        let query = Page::oldest(0).of(Kind::Order, By::Key);
        assert!(rows(store, &query).await.is_empty());
        assert_eq!(store.count(&query).await.expect("a query is answered"), 0);
        let records = store.records(None, crate::Sequence::START, 0).await;
        assert!(records.expect("records are read").is_empty());
        let claimed = store.claim_due(Kind::Order, at(9_999), at(9_999), 0).await;
        assert!(claimed.expect("claims are made").is_empty());
    });
}

pub fn counting_stops_at_the_limit(fresh: &Fresh) {
    fresh.run(async |store| {
        let client = put(store, client("c")).await;
        let id = *client.value.id();
        for second in 0..6 {
            let account = AccountId::new(at(0), &mut random);
            let new = NewOrder {
                client: Some(id),
                ..request(account, names(1))
            };
            put(store, placed(new, at(second))).await;
        }
        for (since, limit, count) in [
            (0, 9, 6),
            (0, 4, 4),
            (4, 9, 2),
            (9, 9, 0),
            (0, usize::MAX, 6),
        ] {
            let counted = store.orders_since(&id, at(since), limit).await;
            assert_eq!(counted.expect("a query is answered"), count);
        }
        let all = Page::newest(5).of(Kind::Order, By::Key);
        assert_eq!(store.count(&all).await.expect("a query is answered"), 5);
    });
}

pub fn a_large_snapshot_is_kept_whole(fresh: &Fresh) {
    fresh.run(async |store| {
        let small = put(store, account("a", None)).await;
        let contact = |number| {
            format!(
                "mailto:{number}-\0-\u{1f512}-{}@example.com",
                "x".repeat(100)
            )
        };
        let contacts: Vec<String> = (0..20_000).map(contact).collect();
        let large = put(store, small.set_contacts(contacts, at(1))).await;
        let read = store.account(small.value.id()).await.expect("it is there");
        assert!(
            read == large,
            "a snapshot of some megabytes came back as another"
        );
    });
}

pub fn an_order_of_a_hundred_identifiers_is_kept_whole(fresh: &Fresh) {
    fresh.run(async |store| {
        let new = request(AccountId::new(at(0), &mut random), names(100));
        let mut order = put(store, placed(new, at(0))).await;
        let mut indexed = Indexed::default();
        for authorization in 0..100 {
            let challenge = crate::ChallengeRef {
                authorization,
                method: crate::Method::Http01,
            };
            let armed = order.arm(challenge, &super::fixture::RETRY, at(1));
            order = put(store, armed.expect("it is pending")).await;
        }
        order = put(store, proven(&order, at(2))).await;
        indexed.agrees(store, &order).await;
        assert_eq!(
            store.order(order.value.id()).await.expect("it is there"),
            order
        );
        assert_eq!(order.value.status(), crate::OrderStatus::Ready);
    });
}
