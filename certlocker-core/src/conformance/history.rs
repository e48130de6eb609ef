//! The ledger: asked by actor, kind and time, and read with the index beside it.

use super::Fresh;
use super::fixture::{account, at, client, history, put, random};
use crate::{
    AccountId, Actor, Attribution, Changeset, Component, Direction, Fact, Record, RecordQuery,
    Sequence, Subject, Trigger,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_history {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { history $($rest)*:
            records_are_found_by_what_is_asked_for_and_by_all_of_it,
            a_search_goes_on_after_the_record_before_in_either_direction,
            times_that_are_not_in_the_order_of_the_commits_are_found_all_the_same,
            many_records_are_found_by_times_of_a_clock_that_goes_back,
            stored_records_are_what_they_are_found_by,
        }
    };
}

fn ann() -> Actor {
    Actor::Command("ann".to_owned())
}

async fn started(store: &dyn super::Tested, actor: Actor, second: i64) {
    let by = Attribution::new(actor, Trigger::Command);
    let fact = Fact::server_started("1.0", at(second));
    let written = store.commit(Changeset::fact(&fact, &by)).await;
    written.expect("it is written");
}

async fn refused(store: &dyn super::Tested, about: AccountId, actor: Actor, second: i64) {
    let by = Attribution::new(actor, Trigger::Request("r".to_owned()));
    let fact = Fact::request_refused(about, None, "new-order", "malformed", "x", at(second));
    let written = store.commit(Changeset::fact(&fact, &by)).await;
    written.expect("it is written");
}

async fn found(store: &dyn super::Tested, query: &RecordQuery) -> Vec<u64> {
    let found = store
        .find_records(query)
        .await
        .expect("a query is answered");
    found.iter().map(|record| record.sequence.get()).collect()
}

/// What a query finds among all records, by its definition.
async fn defined(store: &dyn super::Tested, query: &RecordQuery) -> Vec<u64> {
    let all = history(store, query.about.as_ref()).await;
    let chosen = all.iter().filter(|record| query.finds(record));
    let mut places: Vec<u64> = chosen.map(|record| record.sequence.get()).collect();
    if query.direction == Direction::NewestFirst {
        places.reverse();
    }
    places.truncate(query.limit);
    places
}

async fn some_history(store: &dyn super::Tested) -> AccountId {
    let subject = AccountId::new(at(0), &mut random);
    let other = AccountId::new(at(0), &mut random);
    for second in 0..6 {
        started(store, ann(), second).await;
        refused(store, subject, ann(), second).await;
        refused(store, subject, Actor::Account(subject), second).await;
        refused(store, other, Actor::Account(subject), second).await;
        started(store, Actor::Server(Component::Startup), second).await;
    }
    subject
}

pub fn records_are_found_by_what_is_asked_for_and_by_all_of_it(fresh: &Fresh) {
    fresh.run(async |store| {
        let subject = some_history(store).await;
        for parts in 0..64_u32 {
            let has = |bit: u32| parts >> bit & 1 == 1;
            for query in [RecordQuery::oldest(7), RecordQuery::newest(7)] {
                let query = RecordQuery {
                    about: has(0).then_some(Subject::Account(subject)),
                    actor: has(1).then(ann),
                    after: has(2).then(|| Sequence::new(11)),
                    code: has(3).then(|| "CLA131E".to_owned()),
                    since: has(4).then(|| at(2)),
                    until: has(5).then(|| at(5)),
                    ..query
                };
                assert_eq!(
                    found(store, &query).await,
                    defined(store, &query).await,
                    "{query:?}"
                );
            }
        }
    });
}

pub fn a_search_goes_on_after_the_record_before_in_either_direction(fresh: &Fresh) {
    fresh.run(async |store| {
        some_history(store).await;
        for mut query in [RecordQuery::oldest(4), RecordQuery::newest(4)] {
            query.actor = Some(ann());
            let mut read: Vec<Record> = Vec::new();
            loop {
                let page = store
                    .find_records(&query)
                    .await
                    .expect("a query is answered");
                let Some(last) = page.last() else { break };
                query.after = Some(last.sequence);
                read.extend(page);
            }
            assert_eq!(read.len(), 12);
            let up = read.is_sorted_by_key(|record| record.sequence);
            assert_eq!(up, query.direction == Direction::OldestFirst);
        }
    });
}

pub fn times_that_are_not_in_the_order_of_the_commits_are_found_all_the_same(fresh: &Fresh) {
    fresh.run(async |store| {
        for second in [5, 1, 9, 3, 7, 2] {
            started(store, ann(), second).await;
        }
        let mut query = RecordQuery::oldest(10);
        (query.since, query.until) = (Some(at(2)), Some(at(7)));
        assert_eq!(found(store, &query).await, [1, 4, 6]);
        (query.since, query.until) = (Some(at(10)), None);
        assert!(found(store, &query).await.is_empty());
        (query.since, query.until) = (None, Some(at(1)));
        assert!(found(store, &query).await.is_empty());
    });
}

/// Enough that no store has to keep all of them apart.
const MANY: i64 = 2_500;

/// The time of a record in seconds: it goes back a little now and then, and once for long.
fn second(number: i64) -> i64 {
    let back = if number % 7 == 3 { 5 } else { 0 };
    let jump = if (1_500..1_520).contains(&number) {
        1_490
    } else {
        0
    };
    10 + number - back - jump
}

async fn long_history(store: &dyn super::Tested) -> AccountId {
    let subject = AccountId::new(at(0), &mut random);
    let by = |actor| Attribution::new(actor, Trigger::Request("r".to_owned()));
    let one = |number: i64| {
        let now = at(second(number));
        match number % 50 {
            0 => {
                let fact = Fact::request_refused(subject, None, "new-order", "malformed", "x", now);
                Changeset::fact(&fact, &by(ann()))
            }
            _ => Changeset::fact(&Fact::server_started("1.0", now), &by(ann())),
        }
    };
    let mut number = 0;
    while number < MANY {
        let rest = number + 1..(number + 500).min(MANY);
        let changes = rest.fold(one(number), |before, number| before.merge(one(number)));
        store.commit(changes).await.expect("it is written");
        number += 500;
    }
    subject
}

pub fn many_records_are_found_by_times_of_a_clock_that_goes_back(fresh: &Fresh) {
    fresh.run(async |store| {
        let subject = long_history(store).await;
        let spans = [
            (Some(2_000), None),
            (None, Some(40)),
            (Some(1_025), Some(1_060)),
            (Some(9_999), None),
            (Some(0), Some(9_999)),
        ];
        for (since, until) in spans {
            for parts in 0..32_u32 {
                let has = |bit: u32| parts >> bit & 1 == 1;
                let query = match has(0) {
                    true => RecordQuery::oldest(30),
                    false => RecordQuery::newest(30),
                };
                let query = RecordQuery {
                    about: has(1).then_some(Subject::Account(subject)),
                    actor: has(2).then(ann),
                    after: has(3).then(|| Sequence::new(1_040)),
                    code: has(4).then(|| "CLA120I".to_owned()),
                    since: since.map(at),
                    until: until.map(at),
                    ..query
                };
                let (found, defined) = (found(store, &query).await, defined(store, &query).await);
                assert_eq!(found, defined, "{query:?}");
            }
        }
    });
}

pub fn stored_records_are_what_they_are_found_by(fresh: &Fresh) {
    fresh.run(async |store| {
        let client = put(store, client("c")).await;
        put(store, account("a", Some(*client.value.id()))).await;
        started(store, ann(), 1).await;
        let all = history(store, None).await;
        let mut after = Sequence::START;
        for record in &all {
            let page = store
                .stored_records(after, 1)
                .await
                .expect("records are read");
            let [stored] = page.as_slice() else {
                panic!("one record was expected, not {page:?}");
            };
            assert_eq!(Record::from_canonical(&stored.bytes).as_ref(), Ok(record));
            assert_eq!(
                (stored.sequence, stored.code.as_str()),
                (record.sequence, record.event.code())
            );
            let mut subjects: Vec<String> = record
                .event
                .subjects()
                .iter()
                .map(ToString::to_string)
                .collect();
            subjects.sort_unstable();
            assert_eq!(stored.subjects, subjects);
            after = record.sequence;
        }
        let rest = store
            .stored_records(after, 9)
            .await
            .expect("records are read");
        assert!(rest.is_empty());
    });
}
