//! A process that commits is killed; whatever it was told was written is there afterwards.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use pollster::block_on;
use rusqlite::Connection;

use super::{at, by};
use crate::store::sqlite::backup::integrity;
use crate::{Changeset, Fact, Ledger, Sequence, SqliteStore};

/// Set for the process that is killed: the path of its database.
const VICTIM: &str = "CERTLOCKER_TEST_VICTIM";
/// This module, as the test runner names it.
const HERE: &str = "store::sqlite::tests::killed";
const ROUNDS: usize = 6;
const CALLERS: usize = 4;

fn pair() -> Changeset {
    let fact = |version| Fact::server_started(version, at(0));
    Changeset::fact(&fact("first"), &by()).and_fact(&fact("second"), &by())
}

/// Commits until it is killed, and tells each acknowledged sequence.
fn commit_for_ever(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                loop {
                    let sequence = block_on(store.commit(pair())).unwrap();
                    // One write for each line, so that none is torn by the kill.
                    let line = format!("ack {sequence}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// The acknowledged sequences of a process that is killed after so many.
fn acknowledged(path: &Path, enough: usize) -> Vec<u64> {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args([
            &format!("{HERE}::what_was_acknowledged_survives_a_kill"),
            "--exact",
            "--nocapture",
        ])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let number = |line: String| {
        line.strip_prefix("ack ")
            .map(|number| number.parse().unwrap())
    };
    let mut told: Vec<u64> = lines
        .by_ref()
        .map(Result::unwrap)
        .filter_map(number)
        .take(enough)
        .collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    // What it told between the last line that was read and its end.
    told.extend(lines.map_while(Result::ok).filter_map(number));
    told
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(path) = env::var_os(VICTIM) {
        return commit_for_ever(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("certlocker.sqlite");
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        // Where it is struck is as random as the scheduler; how often it has written is not.
        let more = acknowledged(&path, 1 + 23 * round);
        assert!(!more.is_empty());
        told.extend(more);
        assert_eq!(integrity(&Connection::open(&path).unwrap()).unwrap(), "ok");
        let store = SqliteStore::open(&path).unwrap();
        let records = block_on(store.records(None, Sequence::START, usize::MAX)).unwrap();
        assert!(
            records
                .iter()
                .map(|record| record.sequence.get())
                .eq(1..=records.len() as u64)
        );
        assert!(
            records.len().is_multiple_of(2),
            "half a changeset was written"
        );
        let last = told.iter().max().unwrap() + 1;
        assert!(
            last <= records.len() as u64,
            "{last} was acknowledged, {} are there",
            records.len()
        );
    }
    told.sort_unstable();
    assert!(
        told.windows(2).all(|two| two[0] < two[1]),
        "a sequence was given twice"
    );
}
