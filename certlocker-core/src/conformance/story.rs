//! A longer story, told to a store and to the memory store, which shows how it goes.

mod operators;

use std::collections::BTreeSet;

use super::fixture::{
    RETRY, account, armed, at, by, client, finalized, issued, key, names, placed, proven, random,
    request,
};
use super::{Broken, Outage, Tested};
use crate::store::entry;
use crate::{
    Account, Aggregate, By, Changeset, Fact, Kind, Ledger, MemoryStore, Page, RevocationReason,
    Row, Sealed, SealedBytes, SecretId, SecretPurpose, Sequence, StoreError, StoredRecord,
    Transition, Version, Versioned,
};

/// Changesets, each of which builds on those before.
pub(super) type Story = Vec<Changeset>;

/// Changes that are to be told, with what there is after each.
#[derive(Default)]
struct Author(Story);

impl Author {
    fn tell<T: Aggregate>(&mut self, transition: Transition<T>) -> Versioned<T> {
        let change = transition.by(&by());
        let after = change.after();
        self.0.push(change.into());
        after
    }
}

/// The life of a client, an account and its orders, and of those who operate the server: everything
/// that can become of a row.
pub(super) fn story() -> Story {
    let mut author = Author::default();
    let client = author.tell(client("c"));
    let account = author.tell(account("old", Some(*client.value.id())));
    issuance(&mut author, &account);
    author
        .0
        .push(Changeset::fact(&Fact::server_started("2", at(9)), &by()));
    expiry(&mut author, &account);
    author.tell(client.disable(at(4_001)));
    let account = author.tell(account.change_key(key("new"), at(4_002)));
    let taken = author.tell(self::account("old", None));
    ending(&mut author, &account);
    author.tell(taken.removal(Vec::new(), at(4_004)));
    operators::operators(&mut author);
    author.0
}

fn issuance(author: &mut Author, account: &Versioned<Account>) {
    let mut order = author.tell(placed(request(*account.value.id(), names(1)), at(0)));
    order = author.tell(armed(&order, at(1)).expect("it is pending"));
    order = author.tell(order.attempted(Vec::new(), &RETRY, at(86_400), at(1)));
    order = author.tell(proven(&order, at(2)));
    order = author.tell(finalized(&order, at(3)));
    let (valid, certificate) = issued(&order, at(4));
    author.0.push(valid);
    let stored = Versioned {
        value: certificate,
        version: Version::new(1),
    };
    let revoked = stored.revoke(Some(RevocationReason::Superseded), at(5));
    author.tell(revoked.expect("it was not revoked before"));
}

/// An order that nobody takes further, with a snapshot of many pages.
fn expiry(author: &mut Author, account: &Versioned<Account>) {
    let large = request(*account.value.id(), names(100));
    let order = author.tell(placed(large, at(10)));
    let ended = author.tell(order.expire(at(3_600)).expect("its time is up"));
    author.tell(ended.remove(at(4_000), at(4_000)).expect("it ended before"));
}

/// An account that goes, with what is open of it and a fact.
fn ending(author: &mut Author, account: &Versioned<Account>) {
    let order = author.tell(placed(request(*account.value.id(), names(2)), at(4_003)));
    let ended = order.account_deactivated(at(4_003)).expect("it is open");
    let goes = Changeset::of(account.deactivate(at(4_003)).by(&by())).and(ended.by(&by()));
    let fact = Fact::server_started("3", at(4_003));
    author.0.push(goes.and_fact(&fact, &by()));
}

/// Two accounts, and a last changeset that has something of everything: rows that come, change and
/// go, a snapshot of many pages, entries of both kinds, and a fact.
pub(super) fn chapter(label: &str) -> Story {
    let mut author = Author::default();
    let labelled = |name: &str| format!("{label} {name}");
    let moved = author.tell(account(&labelled("old"), None));
    let gone = author.tell(account(&labelled("gone"), None));
    let large = request(*moved.value.id(), names(100));
    let secret = SecretId::new(at(1), &mut random);
    let bytes = SealedBytes {
        blob: vec![7; 100],
        key_id: "k".to_owned(),
    };
    let sealed = Sealed::store(secret, SecretPurpose::EabMacKey, bytes, at(1));
    let all = Changeset::of(moved.change_key(key(&labelled("new")), at(1)).by(&by()))
        .and(gone.removal(Vec::new(), at(1)).by(&by()))
        .and(account(&labelled("old"), None).by(&by()))
        .and(placed(large, at(1)).by(&by()))
        .and(sealed.by(&by()))
        .and_fact(&Fact::server_started("4", at(1)), &by());
    author.0.push(all);
    author.0
}

/// Everything that can be read of a store, as far as a story is about it.
#[derive(Debug, PartialEq)]
pub(super) struct Whole {
    rows: Vec<(Kind, Vec<Row>)>,
    found: Vec<Vec<String>>,
    records: Vec<StoredRecord>,
}

/// A store beside the model, as far as the story was told.
pub(super) struct Telling {
    entries: BTreeSet<(Kind, &'static str, String)>,
    kinds: BTreeSet<Kind>,
    model: MemoryStore,
}

/// More attempts than any case takes to write one changeset.
const PATIENCE: usize = 100;

impl Telling {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeSet::new(),
            kinds: BTreeSet::new(),
            model: MemoryStore::default(),
        }
    }

    /// Everything, in the model or in the store.
    async fn whole(&self, store: &dyn Tested) -> Whole {
        let all = |kind, by| Page::oldest(usize::MAX).of(kind, by);
        let mut rows = Vec::new();
        for kind in &self.kinds {
            let read = store.rows(&all(*kind, By::Key)).await;
            rows.push((*kind, read.expect("rows are read")));
        }
        let mut found = Vec::new();
        for (kind, name, value) in &self.entries {
            let read = store.rows(&all(*kind, entry(name, value))).await;
            let rows = read.expect("rows are read").into_iter();
            found.push(rows.map(|row| row.key).collect());
        }
        let records = store.stored_records(Sequence::START, usize::MAX).await;
        Whole {
            rows,
            found,
            records: records.expect("records are read"),
        }
    }

    /// That the store holds what was told, and nothing else.
    pub(super) async fn agrees(&self, store: &dyn Tested) {
        assert_eq!(self.whole(store).await, self.whole(&self.model).await);
    }

    /// What the model holds before a changeset and after it.
    async fn before_and_after(&mut self, changes: &Changeset) -> (Whole, Whole) {
        for write in changes.writes() {
            self.kinds.insert(write.kind);
            let entries = write.added.iter().chain(&write.removed);
            let places = entries.map(|entry| (write.kind, entry.name, entry.value.clone()));
            self.entries.extend(places);
        }
        let before = self.whole(&self.model).await;
        let told = self.model.commit(changes.clone()).await;
        told.expect("the story goes well in memory");
        (before, self.whole(&self.model).await)
    }

    /// Tells the next changeset until it is there. Whatever is answered, what is read of `store`
    /// has to bear it out.
    pub(super) async fn tell(&mut self, store: &dyn Tested, over: &dyn Ledger, next: &Changeset) {
        let (before, after) = self.before_and_after(next).await;
        self.insist(store, over, next, (&before, &after)).await;
    }

    /// The same to a database that is broken at first; true if the store ran into that. What is
    /// there can be read on a full disk, and at the latest once the database is whole again.
    pub(super) async fn tell_broken(
        &mut self,
        store: &dyn Tested,
        next: &Changeset,
        outage: Outage,
        broken: Broken,
    ) -> bool {
        let (before, after) = self.before_and_after(next).await;
        let answer = store.commit(next.clone()).await;
        let struck = broken.struck();
        if outage == Outage::DiskFull {
            is_borne_out(&answer, &self.whole(store).await, (&before, &after));
        }
        drop(broken);
        if !is_borne_out(&answer, &self.whole(store).await, (&before, &after)) {
            self.insist(store, store, next, (&before, &after)).await;
        }
        struck
    }

    async fn insist(
        &self,
        store: &dyn Tested,
        over: &dyn Ledger,
        next: &Changeset,
        story: (&Whole, &Whole),
    ) {
        for _ in 0..PATIENCE {
            let answer = over.commit(next.clone()).await;
            if is_borne_out(&answer, &self.whole(store).await, story) {
                return;
            }
        }
        panic!("it was not written, however often it was tried");
    }
}

/// Whether the changeset is there; what was answered must be true.
fn is_borne_out(
    answer: &Result<Sequence, StoreError>,
    now: &Whole,
    (before, after): (&Whole, &Whole),
) -> bool {
    match answer {
        Ok(_) => assert_eq!(now, after, "it was acknowledged"),
        Err(StoreError::Unavailable(_)) => assert_eq!(now, before, "nothing was to be written"),
        Err(StoreError::Indeterminate(_)) if now == after => {}
        Err(StoreError::Indeterminate(_)) => assert_eq!(now, before, "it was written in part"),
        Err(error) => panic!("nobody else writes, and yet: {error}"),
    }
    now == after
}
