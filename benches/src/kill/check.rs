//! The database after the last restart, held against its own records and what clients were told.

use std::collections::HashMap;
use std::path::Path;

use certlocker_core::{
    AccountStore, Certificate, CertificateStore, Order, OrderId, OrderStatus, OrderStore, Origin,
    Page, SqliteStore, State, Timestamp,
};

use super::acknowledged::{Acknowledged, Reached};
use super::history::{History, Steps};

/// What was looked at, and what was wrong with it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// Accounts that a client was told of.
    pub accounts: usize,
    /// Certificates.
    pub certificates: usize,
    /// Orders.
    pub orders: usize,
    /// Orders that a client was told of.
    pub orders_told: usize,
    /// Records.
    pub records: u64,
    /// Times that the server started.
    pub starts: u64,
    /// Every violation, in a sentence.
    pub wrong: Vec<String>,
}

const PAGE: usize = 1000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Checks the database at `path`, which nothing else has open.
///
/// # Errors
/// When it does not open or read.
pub async fn check(path: &Path, told: &Acknowledged, now: Timestamp) -> Result<Checked> {
    let store = SqliteStore::open(path)?;
    let mut checked = Checked::default();
    intact(&store, path, &mut checked).await?;
    let history = History::read(&store).await?;
    (checked.records, checked.starts) = (history.records, history.starts);
    checked.wrong.extend(history.gaps.iter().cloned());
    let orders = orders(&store).await?;
    let certificates = certificates(&store).await?;
    (checked.orders, checked.certificates) = (orders.len(), certificates.len());
    check_orders(&orders, &history.orders, now, &mut checked);
    check_certificates(&certificates, &orders, &mut checked);
    check_orders_told(&orders, told, &mut checked);
    check_accounts(&store, &history, told, &mut checked).await?;
    store.close();
    Ok(checked)
}

/// A copy is made, because the store checks a copy to the last page.
async fn intact(store: &SqliteStore, path: &Path, checked: &mut Checked) -> Result<()> {
    let folder = tempfile::tempdir_in(path.parent().unwrap_or_else(|| Path::new(".")))?;
    if let Err(error) = store.backup(folder.path().join("copy.sqlite")).await {
        checked.wrong.push(error.to_string());
    }
    Ok(())
}

async fn orders(store: &SqliteStore) -> Result<HashMap<OrderId, Order>> {
    let mut found = HashMap::new();
    let mut after = None;
    loop {
        let page = store.orders(Page::oldest(PAGE).after(after)).await?;
        after = page.last().map(|order| order.value.id().to_string());
        if after.is_none() {
            return Ok(found);
        }
        found.extend(
            page.into_iter()
                .map(|order| (*order.value.id(), order.value)),
        );
    }
}

async fn certificates(store: &SqliteStore) -> Result<Vec<Certificate>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.certificates(Page::oldest(PAGE).after(after)).await?;
        after = page
            .last()
            .map(|certificate| certificate.value.id().to_string());
        if after.is_none() {
            return Ok(found);
        }
        found.extend(page.into_iter().map(|certificate| certificate.value));
    }
}

/// Every order is final, and its state is what its records say; no records are without an order.
fn check_orders(
    orders: &HashMap<OrderId, Order>,
    history: &HashMap<OrderId, Steps>,
    now: Timestamp,
    checked: &mut Checked,
) {
    for (id, order) in orders {
        if let Some(due) = order.due() {
            let when = if due <= now {
                "past its time"
            } else {
                "though its client went on"
            };
            checked
                .wrong
                .push(format!("{id} is still {}, {when}", order.status().as_str()));
        }
        match history.get(id) {
            Some(steps) => checked.wrong.extend(steps.contradiction(order)),
            None => checked.wrong.push(format!("{id} has no records")),
        }
    }
    let lost = history.keys().filter(|id| !orders.contains_key(id));
    let lost = lost.map(|id| format!("{id} has records, and is not there"));
    checked.wrong.extend(lost);
}

/// One certificate for each valid order, and none besides.
fn check_certificates(
    certificates: &[Certificate],
    orders: &HashMap<OrderId, Order>,
    checked: &mut Checked,
) {
    for certificate in certificates {
        let Origin::Issued { order, .. } = certificate.origin() else {
            continue;
        };
        let named = orders.get(order).map(Order::state);
        if !matches!(named, Some(State::Valid(valid)) if valid.certificate == *certificate.id()) {
            let id = certificate.id();
            checked
                .wrong
                .push(format!("{order} was issued {id}, and does not have it"));
        }
    }
    let valid = orders
        .values()
        .filter(|order| order.status() == OrderStatus::Valid);
    let (valid, issued) = (valid.count(), certificates.len());
    if valid != issued {
        checked.wrong.push(format!(
            "{valid} orders are valid, and {issued} certificates are there"
        ));
    }
}

fn check_orders_told(orders: &HashMap<OrderId, Order>, told: &Acknowledged, checked: &mut Checked) {
    let told = told.orders();
    checked.orders_told = told.len();
    for (id, reached) in told {
        let order = id.parse().ok().and_then(|id: OrderId| orders.get(&id));
        if !order.is_some_and(|order| is_at_least(order, &reached)) {
            let found = order.map(|order| order.status().as_str());
            checked
                .wrong
                .push(format!("{id} was told to be {reached:?}, and is {found:?}"));
        }
    }
}

fn is_at_least(order: &Order, told: &Reached) -> bool {
    match (order.state(), told) {
        (State::Valid(valid), Reached::Valid(certificate)) => {
            valid.certificate.to_string() == *certificate
        }
        (State::Valid(valid), Reached::Downloaded(certificate)) => {
            valid.certificate.to_string() == *certificate && valid.downloaded.is_some()
        }
        (State::Valid(_), _) => true,
        (State::Processing(_), told) => *told <= Reached::Finalized,
        (State::Ready(_), told) => *told <= Reached::Ready,
        (State::Pending | State::Invalid(_), told) => *told <= Reached::Armed,
    }
}

async fn check_accounts(
    store: &SqliteStore,
    history: &History,
    told: &Acknowledged,
    checked: &mut Checked,
) -> Result<()> {
    let told = told.accounts();
    checked.accounts = told.len();
    for id in told {
        let known = match id.parse() {
            Ok(id) => store.account(&id).await.is_ok() && history.accounts.contains(&id),
            Err(_) => false,
        };
        if !known {
            checked
                .wrong
                .push(format!("account {id} was told of, and is not there"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefill::prefill;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    /// What is found wrong with a database of two finished orders, once something was done to it.
    async fn wrong(told: &Acknowledged, harm: Option<&str>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certlocker.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        prefill(&store, 2, NOW, |_| {}).await.unwrap();
        store.close();
        if let Some(statement) = harm {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute_batch(statement).unwrap();
        }
        check(&path, told, NOW).await.unwrap().wrong
    }

    #[tokio::test]
    async fn nothing_is_wrong_with_what_the_store_wrote() {
        assert_eq!(wrong(&Acknowledged::default(), None).await, [""; 0]);
    }

    #[tokio::test]
    async fn whatever_was_lost_is_found() {
        const FIRST: &str = "(SELECT min(key) FROM row WHERE kind = 'order')";
        for (harm, sign) in [
            (format!("DELETE FROM row WHERE kind = 'order' AND key = {FIRST}"), "has records, and is not there"),
            ("DELETE FROM row WHERE kind = 'certificate'".to_owned(), "0 certificates"),
            ("DROP TRIGGER record_stays; PRAGMA foreign_keys = OFF; DELETE FROM record WHERE sequence = 5".to_owned(), "where 5 is expected"),
            ("DROP TRIGGER record_stays; PRAGMA foreign_keys = OFF; DELETE FROM record WHERE code = 'CLA050I'".to_owned(), "its records are"),
        ] {
            let found = wrong(&Acknowledged::default(), Some(&harm)).await;
            assert!(found.iter().any(|one| one.contains(sign)), "{harm}: {found:?}");
        }
    }

    #[tokio::test]
    async fn an_acknowledged_order_or_account_that_is_not_there_is_found() {
        let told = Acknowledged::default();
        told.account("https://ca.example/acct/01HF7YAT000000000000000000");
        told.order(
            "https://ca.example/order/01HF7YAT000000000000000000",
            Reached::Placed,
        );
        assert_eq!(wrong(&told, None).await.len(), 2);
    }
}
