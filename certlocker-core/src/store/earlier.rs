//! What a database of an earlier release has in it, and that it is all there after the migration.

use std::collections::BTreeSet;

use super::{ClientStore, History, Ledger, MemoryStore, Page, RecordQuery, Rows};
use crate::{
    Actor, Attribution, Changeset, Client, Fact, NewClient, Scope, SecretId, Sequence, Timestamp,
    Trigger, Uses,
};

const AT: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn by(user: &str) -> Attribution {
    Attribution::new(Actor::Command(user.to_owned()), Trigger::Command)
}

fn client(name: &str) -> Changeset {
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(AT),
        name: name.to_owned(),
        proof_reuse: false,
        quirks: BTreeSet::new(),
        scope: Scope::default(),
        uses: Uses::Any,
    };
    let seed = name.as_bytes()[0];
    let created = Client::create(new, &mut |bytes| bytes.fill(seed), AT);
    created.by(&by("ann")).into()
}

/// Changesets that write a new row each, with its records.
pub(super) fn told() -> Vec<Changeset> {
    let fact = Fact::server_started("1.0", AT);
    let together = client("b").and_fact(&fact, &by("bob"));
    vec![client("a"), together]
}

/// That a store has in it what was told, and goes on from there.
pub(super) async fn is_there(store: &(impl Ledger + Rows + History)) {
    let model = MemoryStore::default();
    for changes in told() {
        model.commit(changes).await.unwrap();
    }
    for _ in 0..2 {
        let (after, limit) = (Sequence::START, usize::MAX);
        assert_eq!(
            store.stored_records(after, limit).await.unwrap(),
            model.stored_records(after, limit).await.unwrap()
        );
        for user in ["ann", "bob"] {
            let mut query = RecordQuery::newest(9);
            query.actor = Some(by(user).actor);
            query.since = Some(AT);
            assert_eq!(
                store.find_records(&query).await.unwrap(),
                model.find_records(&query).await.unwrap()
            );
        }
        for name in ["a", "b", "c"] {
            assert_eq!(
                store.client_by_name(name).await.unwrap(),
                model.client_by_name(name).await.unwrap()
            );
        }
        assert_eq!(
            store.clients(Page::newest(9)).await.unwrap(),
            model.clients(Page::newest(9)).await.unwrap()
        );
        let answers = (
            store.commit(client("c")).await,
            model.commit(client("c")).await,
        );
        assert_eq!(answers.0.ok(), answers.1.ok());
    }
}
