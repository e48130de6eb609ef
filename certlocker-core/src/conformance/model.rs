//! Random operations, each done to the store and to the memory store, which is the model.

use std::time::{SystemTime, UNIX_EPOCH};

use super::fixture::{RETRY, armed, at, by, key, names, proven, request};
use super::flaky::mixed;
use super::{Fresh, Tested};
use crate::store::entry;
use crate::{
    Account, Aggregate, By, Change, Changeset, Direction, Fact, Kind, Lease, Leases, Ledger,
    MemoryStore, NewAccount, Order, Page, Row, Rows, Sequence, StoreError, Timestamp, Versioned,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_model {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { model $($rest)*:
            random_operations_do_what_they_do_to_the_model,
        }
    };
}

/// Names the seed to be repeated.
const SEED: &str = "CERTLOCKER_SEED";
const OPERATIONS: usize = 300;

pub fn random_operations_do_what_they_do_to_the_model(fresh: &Fresh) {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_micros() as u64)
    });
    // Shown if the case fails.
    eprintln!("{SEED}={seed} repeats these operations");
    fresh.run(async |store| {
        let mut run = Run::new(seed, store);
        for _ in 0..OPERATIONS {
            run.operate().await;
            run.look().await;
        }
        run.agree().await;
    });
}

/// A source of choices that are the same for the same seed.
struct Choice(u64);

impl Choice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        (mixed(self.0) % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let place = self.below(list.len());
        list.get(place)
    }

    fn time(&mut self) -> Timestamp {
        at(self.below(200) as i64)
    }

    fn bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.below(256) as u8);
    }
}

/// A lease of one row as each of the two gave it.
struct Held {
    model: Lease,
    store: Lease,
}

struct Run<'a> {
    choice: Choice,
    model: MemoryStore,
    store: &'a dyn Tested,
    /// Every version that there ever was.
    accounts: Vec<Versioned<Account>>,
    orders: Vec<Versioned<Order>>,
    leases: Vec<Held>,
}

/// Changes that are to be written, and what there is afterwards.
#[derive(Default)]
struct Planned {
    changes: Option<Changeset>,
    accounts: Vec<Versioned<Account>>,
    orders: Vec<Versioned<Order>>,
}

impl Planned {
    fn add<T: Aggregate>(&mut self, change: Change<T>) -> Versioned<T> {
        let after = change.after();
        self.changes = Some(match self.changes.take() {
            Some(changes) => changes.and(change),
            None => Changeset::of(change),
        });
        after
    }
}

impl<'a> Run<'a> {
    fn new(seed: u64, store: &'a dyn Tested) -> Self {
        Self {
            choice: Choice(mixed(seed)),
            model: MemoryStore::default(),
            store,
            accounts: Vec::new(),
            orders: Vec::new(),
            leases: Vec::new(),
        }
    }

    async fn operate(&mut self) {
        match self.choice.below(10) {
            0 => self.claim_due().await,
            1 => self.claim().await,
            2 => self.renew_or_release().await,
            3 => self.state().await,
            _ => self.change().await,
        }
    }

    /// Commits one or several changes, of current and of older versions, under a lease or under none.
    async fn change(&mut self) {
        let mut planned = Planned::default();
        for _ in 0..=self.choice.below(3) {
            match self.choice.below(4) {
                0 => self.new_account(&mut planned),
                1 => self.old_account(&mut planned),
                2 => self.new_order(&mut planned),
                _ => self.old_order(&mut planned),
            }
        }
        let Some(changes) = planned.changes.take() else {
            return;
        };
        let held = self.choice.below(3) == 0;
        let held = held.then(|| self.choice.of(&self.leases)).flatten();
        let (in_model, in_store) = match held {
            Some(held) => (
                changes.clone().under(held.model.clone()),
                changes.under(held.store.clone()),
            ),
            None => (changes.clone(), changes),
        };
        if self.commit(in_model, in_store).await {
            self.accounts.extend(planned.accounts);
            self.orders.extend(planned.orders);
        }
    }

    /// Commits a fact.
    async fn state(&mut self) {
        let fact = Fact::server_started("1", self.choice.time());
        let changes = Changeset::fact(&fact, &by());
        self.commit(changes.clone(), changes).await;
    }

    async fn commit(&self, in_model: Changeset, in_store: Changeset) -> bool {
        let what = format!("{:?}", in_store.writes());
        let wanted = self.model.commit(in_model).await;
        let answer = self.store.commit(in_store).await;
        match (&wanted, &answer) {
            (Ok(wanted), Ok(answer)) => assert_eq!(answer, wanted, "the place of {what}"),
            (Err(StoreError::Conflict), Err(StoreError::Conflict)) => {}
            _ => panic!("{wanted:?} was expected, not {answer:?}, of {what}"),
        }
        answer.is_ok()
    }

    fn new_account(&mut self, planned: &mut Planned) {
        let new = NewAccount {
            client: None,
            contacts: Vec::new(),
            external_binding: None,
            key: key(LABELS[self.choice.below(LABELS.len())]),
            terms_agreed: None,
        };
        let now = self.choice.time();
        let random = &mut |bytes: &mut [u8]| self.choice.bytes(bytes);
        let made = planned.add(Account::create(new, random, now).by(&by()));
        planned.accounts.push(made);
    }

    fn old_account(&mut self, planned: &mut Planned) {
        let Some(account) = self.recent(&self.accounts.clone()) else {
            return;
        };
        let now = self.choice.time();
        let transition = match self.choice.below(5) {
            0 => account.deactivate(now),
            1 => account.removal(Vec::new(), now),
            2 => account.set_contacts(vec!["mailto:a@example.com".to_owned()], now),
            _ => account.change_key(key(LABELS[self.choice.below(LABELS.len())]), now),
        };
        let changed = planned.add(transition.by(&by()));
        planned.accounts.push(changed);
    }

    fn new_order(&mut self, planned: &mut Planned) {
        let Some(account) = self.recent(&self.accounts.clone()) else {
            return;
        };
        let (expires, now) = (self.choice.time(), self.choice.time());
        let count = 1 + self.choice.below(2);
        let asked = crate::NewOrder {
            expires,
            ..request(*account.value.id(), names(count))
        };
        let random = &mut |bytes: &mut [u8]| self.choice.bytes(bytes);
        let order = Order::create(asked, None, random, now);
        let order = order.expect("every name can be proven by some method");
        let placed = planned.add(order.by(&by()));
        planned.orders.push(placed);
    }

    fn old_order(&mut self, planned: &mut Planned) {
        let Some(order) = self.recent(&self.orders.clone()) else {
            return;
        };
        let now = self.choice.time();
        let transition = match self.choice.below(4) {
            0 => order.expire(now),
            1 => order.remove(now, now),
            2 if !order.value.armed().is_empty() => Some(proven(&order, now)),
            2 => Some(order.attempted(Vec::new(), &RETRY, now, now)),
            _ => armed(&order, now),
        };
        let Some(transition) = transition else { return };
        let changed = planned.add(transition.by(&by()));
        planned.orders.push(changed);
    }

    /// One of the latest versions mostly, and an older one now and then.
    fn recent<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let from = match self.choice.below(4) {
            0 => 0,
            _ => all.len().saturating_sub(6),
        };
        self.choice.of(&all[from..]).cloned()
    }

    async fn claim_due(&mut self) {
        let (now, until) = (self.choice.time(), self.choice.time());
        let limit = self.choice.below(4);
        let wanted = self.model.claim_due(Kind::Order, now, until, limit).await;
        let claimed = self.store.claim_due(Kind::Order, now, until, limit).await;
        let wanted = wanted.expect("claims are made");
        let claimed = claimed.expect("claims are made");
        let keys = |leases: &[Lease]| -> Vec<String> {
            leases.iter().map(|lease| lease.key.clone()).collect()
        };
        assert_eq!(keys(&claimed), keys(&wanted), "what is due at {now}");
        let both = wanted.into_iter().zip(claimed);
        self.leases
            .extend(both.map(|(model, store)| Held { model, store }));
    }

    async fn claim(&mut self) {
        let Some(order) = self.choice.of(&self.orders) else {
            return;
        };
        let key = order.value.key();
        let (now, until) = (self.choice.time(), self.choice.time());
        let wanted = self.model.claim(Kind::Order, &key, now, until).await;
        let claimed = self.store.claim(Kind::Order, &key, now, until).await;
        let wanted = wanted.expect("claims are made");
        match (wanted, claimed.expect("claims are made")) {
            (Some(model), Some(store)) => self.leases.push(Held { model, store }),
            (None, None) => {}
            (wanted, claimed) => panic!("{wanted:?} was expected, not {claimed:?}, at {now}"),
        }
    }

    async fn renew_or_release(&mut self) {
        let until = self.choice.time();
        let gives_up = self.choice.below(2) == 0;
        let Some(held) = self.choice.of(&self.leases) else {
            return;
        };
        if gives_up {
            let released = self.model.release(&held.model).await;
            released.expect("claims are given up");
            let released = self.store.release(&held.store).await;
            return released.expect("claims are given up");
        }
        let wanted = self.model.renew(&held.model, until).await;
        let renewed = self.store.renew(&held.store, until).await;
        assert_eq!(
            renewed.expect("claims are renewed"),
            wanted.expect("claims are renewed"),
            "renewed until {until}"
        );
    }

    /// Puts one question to both.
    async fn look(&mut self) {
        let (kind, entries, key) = match self.choice.below(2) {
            0 => self.asked_about(&self.accounts.clone()),
            _ => self.asked_about(&self.orders.clone()),
        };
        let by = match self.choice.of(&entries) {
            Some(chosen) if self.choice.below(3) > 0 => entry(chosen.name, &chosen.value),
            _ => By::Key,
        };
        let page = Page {
            after: (self.choice.below(2) == 0).then_some(key),
            direction: [Direction::OldestFirst, Direction::NewestFirst][self.choice.below(2)],
            limit: self.choice.below(6),
        };
        let query = page.of(kind, by);
        let wanted = self.model.rows(&query).await.expect("a query is answered");
        let found = self.store.rows(&query).await.expect("a query is answered");
        assert_eq!(found, wanted, "{query:?}");
        let counted = self.store.count(&query).await;
        assert_eq!(
            counted.expect("a query is answered"),
            wanted.len(),
            "{query:?}"
        );
    }

    fn asked_about<T: Aggregate>(
        &mut self,
        all: &[Versioned<T>],
    ) -> (Kind, Vec<crate::Entry>, String) {
        let one = self.recent(all);
        let entries = one.as_ref().map(|one| one.value.entries());
        let key = one.map(|one| one.value.key());
        (
            T::KIND,
            entries.unwrap_or_default(),
            key.unwrap_or_default(),
        )
    }

    /// That both hold the same at the end.
    async fn agree(&self) {
        for kind in [Kind::Account, Kind::Order] {
            let all = Page::oldest(usize::MAX).of(kind, By::Key);
            let wanted: Vec<Row> = self.model.rows(&all).await.expect("rows are read");
            assert_eq!(self.store.rows(&all).await.expect("rows are read"), wanted);
        }
        let wanted = self.model.records(None, Sequence::START, usize::MAX).await;
        let found = self.store.records(None, Sequence::START, usize::MAX).await;
        assert_eq!(
            found.expect("records are read"),
            wanted.expect("records are read")
        );
    }
}

/// Few enough that accounts want each other's keys.
const LABELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
