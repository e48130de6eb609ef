//! How the server answers each question on many rows: from an index, touching no more than it has
//! to. The plans are those of the store's own connections, as the server logs them.

use certlocker_core::{
    Changeset, ClientId, ClientStore, Kind, Leases, Ledger, Order, OrderId, OrderStore, Page,
    PostgresStore, Sequence, SpentNonce, SpentNonces, Subject,
};
use futures_util::future::join_all;

use crate::nouns::{account, at, by, order};
use crate::scene::runtime;
use crate::server::Server;

const ORDERS: usize = 3_000;
/// More rows than this were looked at and thrown away by no question.
const WASTE: u64 = 50;

async fn fill(store: &PostgresStore) -> Order {
    let commits = (0..ORDERS).map(|_| store.commit(order().by(&by()).into()));
    for done in join_all(commits).await {
        done.unwrap();
    }
    let last = order().by(&by());
    let placed = last.after().value;
    store.commit(last.into()).await.unwrap();
    placed
}

/// Puts every question that there is.
async fn ask(store: &PostgresStore, order: &Order) {
    let (page, account) = (|| Page::newest(10), *order.account());
    let middle = || Page::oldest(10).after(Some(OrderId::first_at(at(0)).to_string()));
    store.order(order.id()).await.unwrap();
    for page in [page(), middle()] {
        store.orders(page.clone()).await.unwrap();
        store.orders_of_account(&account, page).await.unwrap();
    }
    let client = ClientId::first_at(at(0));
    store.orders_since(&client, at(0), 10).await.unwrap();
    store.client_by_name("nobody").await.unwrap();
    let about = Subject::Order(*order.id());
    store.records(None, Sequence::new(9), 10).await.unwrap();
    store
        .records(Some(&about), Sequence::START, 10)
        .await
        .unwrap();
    let due = store.claim_due(Kind::Order, at(3_600), at(9_999), 4).await;
    let lease = due.unwrap().remove(0);
    assert!(store.renew(&lease, at(99_999)).await.unwrap());
    store.release(&lease).await.unwrap();
    let epoch = store.nonce_epoch().await.unwrap();
    let nonce = SpentNonce {
        epoch,
        number: [1; 16],
        until: at(1),
    };
    store.spend_nonce(&nonce).await.unwrap();
    store.forget_nonces(at(9), 10).await.unwrap();
}

/// Changes and removes under a lease.
async fn change(store: &PostgresStore) {
    let made = account("a").by(&by());
    let before = made.after();
    store.commit(made.into()).await.unwrap();
    let key = before.value.id().to_string();
    let lease = store.claim(Kind::Account, &key, at(1), at(2)).await;
    let changed = before.change_key(crate::nouns::key("b"), at(1)).by(&by());
    let changes = Changeset::of(changed).under(lease.unwrap().unwrap());
    store.commit(changes).await.unwrap();
    let placed = order().by(&by());
    let order = placed.after();
    store.commit(placed.into()).await.unwrap();
    let ended = order.expire(at(3_600)).unwrap().by(&by());
    let order = ended.after();
    store.commit(ended.into()).await.unwrap();
    let removal = order.remove(at(9_999), at(9_999)).unwrap();
    store.commit(removal.by(&by()).into()).await.unwrap();
}

#[test]
fn every_question_is_answered_from_an_index() {
    let Some(server) = Server::start() else {
        return;
    };
    runtime().block_on(async {
        let url = server.url("postgres");
        let order = {
            let store = PostgresStore::open(&url).await.unwrap();
            let order = fill(&store).await;
            store.close().await;
            order
        };
        server.configure(
            "session_preload_libraries = 'auto_explain'\n\
            auto_explain.log_min_duration = 0\nauto_explain.log_analyze = on",
        );
        server.control(&["-w", "restart"]);
        let store = PostgresStore::open(&url).await.unwrap();
        ask(&store, &order).await;
        change(&store).await;
        store.close().await;
        server.control(&["-m", "fast", "stop"]);
    });
    is_frugal(&server.log());
}

fn is_frugal(log: &str) {
    let plans = log.split("duration:").skip(1);
    let own = plans.filter(|plan| !plan.contains("pg_") && !plan.contains("certlocker_migrations"));
    let mut seen = 0;
    for plan in own {
        seen += 1;
        for line in plan.lines() {
            let scan = line.split_once("Seq Scan on ").map(|(_, table)| table);
            let one_row = ["ledger_head", "nonce_epoch"];
            let allowed = scan.is_none_or(|table| one_row.iter().any(|one| table.starts_with(one)));
            assert!(allowed, "{plan}");
            let waste = line.split_once("Rows Removed by Filter: ");
            let waste = waste.map_or(0, |(_, count)| count.trim().parse().unwrap());
            assert!(waste <= WASTE, "{plan}");
        }
    }
    assert!(seen > 30, "the server logged {seen} plans");
}
