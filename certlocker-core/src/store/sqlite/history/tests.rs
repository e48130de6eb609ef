use rusqlite::Connection;

use super::*;
use crate::store::sqlite::SqliteStore;
use crate::store::{History, Ledger};
use crate::{
    AccountId, Actor, Attribution, Changeset, Component, Fact, OrderId, Subject, Timestamp, Trigger,
};

fn queries() -> Vec<RecordQuery> {
    let (at, mut all) = (Timestamp::from_seconds(1_700_000_000), Vec::new());
    for parts in 0..64_u32 {
        let has = |bit: u32| parts >> bit & 1 == 1;
        for direction in [Direction::OldestFirst, Direction::NewestFirst] {
            all.push(RecordQuery {
                about: has(0).then(|| Subject::Order(OrderId::first_at(at))),
                actor: has(1).then_some(Actor::Server(Component::Startup)),
                after: has(2).then(|| Sequence::new(5)),
                code: has(3).then(|| "CLA120I".to_owned()),
                since: has(4).then_some(at),
                until: has(5).then_some(at),
                direction,
                limit: 7,
            });
        }
    }
    all
}

#[test]
fn no_question_sorts_or_reads_a_whole_table_that_it_could_find_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let _store = SqliteStore::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    let both = [Lead::Actor, Lead::Code];
    let parts = [Part::All, Part::Blocks(10 * BLOCK), Part::Rest(10 * BLOCK)];
    let queries = queries();
    let all = queries
        .iter()
        .flat_map(|query| both.map(|lead| (query, lead)))
        .flat_map(|(query, lead)| parts.map(|part| (query, lead, part)));
    for (query, lead, part) in all {
        let (statement, values) = question(query, lead, part, query.limit);
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let lines = plan.query_map(rusqlite::params_from_iter(values), |row| {
            row.get::<_, String>(3)
        });
        let lines: Vec<String> = lines.unwrap().map(Result::unwrap).collect();
        let plan = lines.join("\n");
        assert!(!plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
        let selective = query.about.is_some() || query.actor.is_some() || query.code.is_some();
        assert!(
            !(selective || part != Part::All) || !lines.iter().any(|line| line == "SCAN record"),
            "{statement}\n{plan}"
        );
    }
}

#[test]
fn an_actor_leads_unless_it_has_done_a_lot() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let store = SqliteStore::open(&path).unwrap();
    let (busy, idle) = (Component::Startup, Component::Issuer);
    let at = Timestamp::from_seconds(1_700_000_000);
    let by = Attribution::new(Actor::Server(busy), Trigger::Startup);
    let fact = Fact::server_started("1.0", at);
    let one = || Changeset::fact(&fact, &by);
    let all = (1..MANY).fold(one(), |before, _| before.merge(one()));
    pollster::block_on(store.commit(all)).unwrap();
    let connection = Connection::open(&path).unwrap();
    for (component, expected) in [(busy, Lead::Code), (idle, Lead::Actor)] {
        let mut query = RecordQuery::newest(5);
        query.actor = Some(Actor::Server(component));
        query.code = Some("CLA120I".to_owned());
        assert_eq!(lead(&connection, &query).unwrap(), expected);
        let found = pollster::block_on(store.find_records(&query)).unwrap();
        assert_eq!(found.len(), if component == busy { 5 } else { 0 });
    }
}

/// A database that the first release wrote, with two records in it.
#[test]
fn records_that_an_earlier_release_wrote_are_found_after_the_migration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    crate::store::sqlite::schema::of_version(&path, 1);
    let by = |user: &str| Attribution::new(Actor::Command(user.to_owned()), Trigger::Command);
    let raw = Connection::open(&path).unwrap();
    for (number, user) in [(1, "ann"), (2, "bob")] {
        let fact = Fact::server_started("1.0", Timestamp::from_seconds(1_700_000_000 + number));
        let place = Sequence::new(u64::try_from(number).unwrap());
        let bytes = fact.draft(&by(user)).at(place);
        raw.execute(
            "INSERT INTO record VALUES (?, 'CLA120I', ?)",
            (number, bytes),
        )
        .unwrap();
    }
    drop(raw);
    let store = SqliteStore::open(&path).unwrap();
    let mut query = RecordQuery::newest(10);
    query.actor = Some(Actor::Command("bob".to_owned()));
    let found = pollster::block_on(store.find_records(&query)).unwrap();
    assert_eq!(
        found
            .iter()
            .map(|record| record.sequence.get())
            .collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn a_record_that_does_not_read_is_shown_as_it_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let store = SqliteStore::open(&path).unwrap();
    let at = Timestamp::from_seconds(1_700_000_000);
    let account = AccountId::first_at(at);
    let fact = Fact::request_refused(account, None, "new-order", "malformed", "no names", at);
    let by = Attribution::new(Actor::Account(account), Trigger::Request("r".to_owned()));
    pollster::block_on(store.commit(Changeset::fact(&fact, &by))).unwrap();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "DROP TRIGGER record_is_final; UPDATE record SET bytes = x'ff00', code = 'x'",
    )
    .unwrap();
    let stored = pollster::block_on(store.stored_records(Sequence::START, 10)).unwrap();
    let expected = StoredRecord {
        sequence: Sequence::new(1),
        bytes: vec![0xff, 0],
        code: "x".to_owned(),
        subjects: vec![format!("account:{account}")],
    };
    assert_eq!(stored, [expected]);
}
