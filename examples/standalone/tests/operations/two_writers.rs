//! Two processes write one ledger as fast as they can: one order, one log.

use std::collections::BTreeMap;
use std::env;
use std::process::{Child, Command};
use std::sync::Arc;

use certlocker_audit::files::Disk;
use certlocker_audit::log::Log;
use certlocker_audit::note::SigningKey;
use certlocker_audit::pump::Pump;
use certlocker_audit::verify::{Known, verify_store};
use certlocker_core::{
    Actor, Attribution, Changeset, Component, Event, Fact, History, Ledger, PostgresStore, Record,
    Secret, Sequence, Timestamp, Trigger,
};

use crate::postgres;

/// Set for a process that writes: its name and the database, with a blank between.
const WRITER: &str = "CERTLOCKER_TEST_WRITER";
const HERE: &str = "two_writers::what_two_processes_append_is_one_log_in_the_order_of_each";
const EACH: usize = 10_000;
const CALLERS: usize = 100;

/// Appends, by many callers, each one after the other; what a record says is who wrote it, and
/// which of theirs it is.
async fn write(name: &str, url: &str) {
    let store = Arc::new(PostgresStore::open(url).await.unwrap());
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let callers = (0..CALLERS).map(|caller| {
        let (store, by, name) = (store.clone(), by.clone(), name.to_owned());
        tokio::spawn(async move {
            let mut last = Sequence::START;
            for number in 0..EACH / CALLERS {
                let at = Timestamp::from_seconds(1_700_000_000);
                let fact = Fact::server_started(&format!("{name}/{caller}/{number}"), at);
                let given = store.commit(Changeset::fact(&fact, &by)).await.unwrap();
                assert!(given > last, "{given} after {last}");
                last = given;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

fn start(name: &str, url: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([HERE, "--exact"])
        .env(WRITER, format!("{name} {url}"))
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_processes_append_is_one_log_in_the_order_of_each() {
    if let Ok(writer) = env::var(WRITER) {
        let (name, url) = writer.split_once(' ').unwrap();
        return write(name, url).await;
    }
    let Some(server) = postgres::Server::shared() else {
        return;
    };
    server.create_database("two_writers");
    let url = server.url("two_writers");
    let store = Arc::new(PostgresStore::open(&url).await.unwrap());
    for mut writer in [start("one", &url), start("other", &url)] {
        assert!(writer.wait().unwrap().success());
    }
    let records = all(&store).await;
    let places = records.iter().map(|record| record.sequence.get());
    assert!(places.eq(1..=2 * EACH as u64));
    let mut next = BTreeMap::<String, usize>::new();
    for record in &records {
        let Event::ServerStarted { version } = &record.event else {
            panic!("{record:?}");
        };
        let (writer, number) = version.rsplit_once('/').unwrap();
        let expected = next.entry(writer.to_owned()).or_default();
        assert_eq!(number.parse(), Ok(*expected), "{writer}");
        *expected += 1;
    }
    let folder = tempfile::tempdir().unwrap();
    let one = log(&store, &folder.path().join("one")).await;
    let other = log(&store, &folder.path().join("other")).await;
    assert_eq!(one, other);
    assert_eq!(one.lines().nth(1), Some("20000"));
}

async fn all(store: &PostgresStore) -> Vec<Record> {
    let mut records = Vec::<Record>::new();
    loop {
        let after = records.last().map_or(Sequence::START, |last| last.sequence);
        let page = store.records(None, after, 5_000).await.unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

/// The checkpoint of a log of its own over the whole ledger, which is as the ledger says.
async fn log(store: &Arc<PostgresStore>, folder: &std::path::Path) -> String {
    let seed = Secret::new(vec![7; SigningKey::SEED]);
    let key = Arc::new(SigningKey::from_seed("l.example".parse().unwrap(), &seed).unwrap());
    let files = Disk::at(folder);
    let history: Arc<dyn History> = store.clone();
    let mut pump = Pump::new(history, Log::open(files.clone(), key.clone()).unwrap());
    while pump.step().await.unwrap().taken > 0 {}
    let known = Known::default();
    let report = verify_store(
        store.as_ref(),
        store.as_ref(),
        &files,
        key.verifier(),
        &known,
    )
    .await;
    assert!(report.as_ref().unwrap().is_good(), "{report:?}");
    pump.checkpoint().note().text().to_owned()
}
