//! What this store does beyond the contract.

mod contract;
mod evolution;
mod killed;
mod plans;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};

use pollster::block_on;
use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;

use super::{SqliteError, SqliteStore, backup, schema, sql};
use crate::{
    Actor, Attribution, Changeset, Client, Component, Fact, Kind, Leases, Ledger, NewClient, Scope,
    SecretId, Sequence, StoreError, Timestamp, Trigger, Uses,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

fn fact() -> Changeset {
    Changeset::fact(&Fact::server_started("1", at(0)), &by())
}

fn client(name: &str) -> Changeset {
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(at(0)),
        name: name.to_owned(),
        proof_reuse: false,
        quirks: BTreeSet::new(),
        scope: Scope::default(),
        uses: Uses::Any,
    };
    let seed = name.as_bytes()[0];
    let created = Client::create(new, &mut |bytes| bytes.fill(seed), at(0));
    created.by(&by()).into()
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("certlocker.sqlite")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn commit(store: &SqliteStore, changes: Changeset) -> Result<Sequence, StoreError> {
    block_on(store.commit(changes))
}

fn count(store: &SqliteStore) -> usize {
    let records = block_on(store.records(None, Sequence::START, usize::MAX)).unwrap();
    let sequences = records.iter().map(|record| record.sequence.get());
    assert!(sequences.eq(1..=records.len() as u64));
    records.len()
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Sequence, StoreError>> + 'a>>;

/// Commits that are all in the queue before the thread takes the first of them.
fn together(store: &SqliteStore, all: Vec<Changeset>) -> Vec<Result<Sequence, StoreError>> {
    let (go, wait) = channel::<()>();
    store.0.writer.disturb(move |_| wait.recv().unwrap());
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    for changes in all {
        let mut commit: Waiting<'_> = Box::pin(store.commit(changes));
        let polled = commit
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        waiting.push(commit);
    }
    go.send(()).unwrap();
    waiting.into_iter().map(block_on).collect()
}

#[test]
fn a_conflict_takes_back_its_own_changeset_and_no_other() {
    let place = Place::new();
    let store = place.open();
    let mut answers = together(&store, vec![client("a"), client("a"), client("b")]).into_iter();
    assert_eq!(answers.next().unwrap().unwrap(), Sequence::new(1));
    assert!(matches!(answers.next().unwrap(), Err(StoreError::Conflict)));
    assert_eq!(answers.next().unwrap().unwrap(), Sequence::new(2));
    assert_eq!(count(&store), 2);
}

#[test]
fn a_conflict_that_is_found_late_takes_back_its_own_changeset_and_no_other() {
    let place = Place::new();
    let store = place.open();
    let lease = block_on(store.claim(Kind::Client, "x", at(0), at(9)));
    let lease = lease.unwrap().unwrap();
    let late = client("b").merge(client("a")).under(lease.clone());
    let mut answers = together(&store, vec![client("a"), late, client("c")]).into_iter();
    assert_eq!(answers.next().unwrap().unwrap(), Sequence::new(1));
    assert!(matches!(answers.next().unwrap(), Err(StoreError::Conflict)));
    assert_eq!(answers.next().unwrap().unwrap(), Sequence::new(2));
    assert_eq!(count(&store), 2);
    let again = commit(&store, client("b").under(lease));
    assert_eq!(again.unwrap(), Sequence::new(3));
}

#[test]
fn what_waits_together_shares_a_transaction_and_its_fate() {
    let place = Place::new();
    let store = place.open();
    store
        .0
        .writer
        .disturb(|work| work.trap = Some(|| panic!("on purpose")));
    for answer in together(&store, vec![fact(); 5]) {
        assert!(
            matches!(answer, Err(StoreError::Indeterminate(_))),
            "{answer:?}"
        );
    }
    assert_eq!(commit(&store, fact()).unwrap(), Sequence::new(1));
}

#[test]
fn a_claim_outlives_a_writer_that_panicked() {
    let place = Place::new();
    let store = place.open();
    let lease = block_on(store.claim(Kind::Client, "x", at(0), at(9)))
        .unwrap()
        .unwrap();
    store
        .0
        .writer
        .disturb(|work| work.trap = Some(|| panic!("on purpose")));
    let broke_off = commit(&store, fact().under(lease.clone()));
    assert!(
        matches!(broke_off, Err(StoreError::Indeterminate(_))),
        "{broke_off:?}"
    );
    assert_eq!(
        block_on(store.claim(Kind::Client, "x", at(1), at(9))).unwrap(),
        None
    );
    commit(&store, fact().under(lease)).unwrap();
}

#[test]
fn a_full_disk_writes_nothing_and_says_so_until_there_is_room() {
    let place = Place::new();
    let store = place.open();
    store.0.writer.disturb(|work| {
        let connection = work.connection.as_ref().unwrap();
        connection.pragma_update(None, "max_page_count", 1).unwrap();
    });
    let mut large = fact();
    for _ in 0..500 {
        large = large.and_fact(&Fact::server_started(&"x".repeat(100), at(0)), &by());
    }
    let Err(StoreError::Unavailable(cause)) = commit(&store, large) else {
        panic!("the disk is full");
    };
    assert!(cause.to_string().contains("full"), "{cause}");
    assert_eq!(count(&store), 0);
    block_on(store.check()).unwrap();
    commit(&store, fact()).unwrap();
}

#[test]
fn a_commit_that_sqlite_takes_back_wrote_nothing() {
    let place = Place::new();
    let store = place.open();
    store.0.writer.disturb(|work| {
        let fail_at_the_end = "CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TEMP TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
            CREATE TEMP TRIGGER fails AFTER INSERT ON main.record
            BEGIN INSERT INTO child VALUES (1); END";
        work.connection
            .as_ref()
            .unwrap()
            .execute_batch(fail_at_the_end)
            .unwrap();
    });
    let answer = commit(&store, fact());
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );
    assert_eq!(count(&store), 0);
    assert_eq!(commit(&store, fact()).unwrap(), Sequence::new(1));
}

#[test]
fn a_database_that_another_process_holds_is_unavailable_until_it_lets_go() {
    let place = Place::new();
    let store = place.open();
    let other = place.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let no_patience = |work: &mut super::writer::Work| {
        let connection = work.connection.as_ref().unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    };
    store.0.writer.disturb(no_patience);
    let checked = block_on(store.check());
    assert!(
        matches!(checked, Err(StoreError::Unavailable(_))),
        "{checked:?}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    block_on(store.check()).unwrap();
    commit(&store, fact()).unwrap();
}

#[test]
fn two_handles_on_one_file_count_as_one() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    for round in 0..3 {
        assert_eq!(commit(&one, fact()).unwrap(), Sequence::new(2 * round + 1));
        assert_eq!(
            commit(&other, fact()).unwrap(),
            Sequence::new(2 * round + 2)
        );
    }
    assert_eq!((count(&one), count(&other)), (6, 6));
}

#[test]
fn closing_writes_what_is_queued_and_then_refuses() {
    let place = Place::new();
    let store = place.open();
    let (go, wait) = channel::<()>();
    store.0.writer.disturb(move |_| wait.recv().unwrap());
    let mut queued: Waiting<'_> = Box::pin(store.commit(fact()));
    let polled = queued
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
    go.send(()).unwrap();
    store.close();
    assert_eq!(block_on(queued).unwrap(), Sequence::new(1));
    assert!(matches!(
        commit(&store, fact()),
        Err(StoreError::Unavailable(_))
    ));
    let read = block_on(store.records(None, Sequence::START, 1));
    assert!(matches!(read, Err(StoreError::Unavailable(_))));
    assert!(
        !place.path().with_extension("sqlite-wal").exists(),
        "the database was let go"
    );
    assert_eq!(count(&place.open()), 1);
}

#[cfg(unix)]
#[test]
fn its_files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let store = place.open();
    commit(&store, fact()).unwrap();
    let copy = place.0.path().join("copy");
    block_on(store.backup(&copy)).unwrap();
    let files: Vec<_> = fs::read_dir(place.0.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file:?}");
    }
}

#[test]
fn records_are_never_changed_nor_removed() {
    let place = Place::new();
    commit(&place.open(), fact()).unwrap();
    let raw = place.raw();
    for forgery in ["UPDATE record SET code = 'x'", "DELETE FROM record"] {
        assert!(
            raw.execute_batch(forgery)
                .unwrap_err()
                .to_string()
                .contains("record")
        );
    }
}

#[test]
fn a_database_that_came_about_by_other_migrations_is_refused() {
    let place = Place::new();
    drop(place.open());
    let other = "UPDATE refinery_schema_history SET checksum = '1'";
    place.raw().execute_batch(other).unwrap();
    let refusal = SqliteStore::open(place.path()).unwrap_err();
    assert!(matches!(refusal, SqliteError::Unusable { .. }), "{refusal}");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    for foreign in [
        "CREATE TABLE t (x)",
        "PRAGMA application_id = 7; CREATE TABLE t (x)",
    ] {
        let place = Place::new();
        place.raw().execute_batch(foreign).unwrap();
        let before = fs::read(place.path()).unwrap();
        let refusal = SqliteStore::open(place.path()).unwrap_err();
        assert!(matches!(refusal, SqliteError::Foreign { .. }), "{refusal}");
        assert!(fs::read(place.path()).unwrap() == before);
    }
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    let text = "this is a letter to my grandmother, and no database\n".repeat(99);
    fs::write(place.path(), &text).unwrap();
    let refusal = SqliteStore::open(place.path()).unwrap_err();
    assert!(matches!(refusal, SqliteError::NotADatabase(_)), "{refusal}");
    assert_eq!(fs::read_to_string(place.path()).unwrap(), text);
    let refusal = SqliteStore::open(place.path().join("below a file")).unwrap_err();
    assert!(matches!(refusal, SqliteError::Unusable { .. }), "{refusal}");
}

#[test]
fn a_first_start_that_was_cut_short_is_taken_up() {
    let place = Place::new();
    let history = "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, \
        name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
    place.raw().execute_batch(history).unwrap();
    commit(&place.open(), fact()).unwrap();
    assert_eq!(
        schema::application(&place.raw()).unwrap(),
        schema::APPLICATION
    );
}

#[test]
fn a_backup_is_a_database_of_its_own_that_holds_the_same() {
    let place = Place::new();
    let store = place.open();
    commit(&store, client("a")).unwrap();
    let copy = place.0.path().join("it's a copy");
    block_on(store.backup(&copy)).unwrap();
    commit(&store, client("b")).unwrap();
    let again = block_on(store.backup(&copy)).unwrap_err();
    assert!(matches!(again, SqliteError::Exists(_)), "{again}");
    assert_eq!(
        backup::integrity(&Connection::open(&copy).unwrap()).unwrap(),
        "ok"
    );
    let restored = SqliteStore::open(&copy).unwrap();
    assert_eq!((count(&restored), count(&store)), (1, 2));
    let elsewhere = block_on(store.backup(place.0.path().join("no/such/place"))).unwrap_err();
    assert!(
        matches!(elsewhere, SqliteError::Unusable { .. }),
        "{elsewhere}"
    );
}

#[test]
fn a_statement_is_planned_once_however_often_its_limit_is_bound() {
    let place = Place::new();
    let _store = place.open();
    let connection = schema::reader(&place.path()).unwrap();
    for limit in 1..4 {
        sql::records(&connection, None, Sequence::START, limit).unwrap();
    }
    for (_, text) in sql::ALL {
        let statement = connection.prepare_cached(text).unwrap();
        assert_eq!(
            statement.get_status(StatementStatus::RePrepare),
            0,
            "{text}"
        );
    }
}
