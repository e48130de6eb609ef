//! Each step of an append fails in each way, and a process is killed in the middle of it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use certlocker_audit::files::{Disk, Source};
use certlocker_audit::log::{Log, LogError};

use crate::support::{Done, Fault, Ram, entries, key};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Appends over the end of a tile and of a bundle, so that every kind of file is written.
const BEFORE: u64 = 250;
const AFTER: u64 = 260;

fn begun() -> Ram {
    let files = Ram::default();
    let mut log = Log::open(files.clone(), key()).unwrap();
    log.append(&entries(0, BEFORE)).unwrap();
    files
}

fn steps() -> usize {
    let (files, never) = (begun(), usize::MAX);
    let mut log = Log::open(files.clone(), key()).unwrap();
    files.fail(Fault {
        change: never,
        done: Done::Nothing,
        error: EIO,
    });
    log.append(&entries(BEFORE, AFTER)).unwrap();
    files.recover()
}

#[test]
fn after_a_failure_at_any_step_the_log_is_the_old_or_the_new_one() {
    let (steps, mut old, mut new) = (steps(), 0, 0);
    assert!(steps > 15, "an append has more steps than {steps}");
    for change in 1..=steps {
        for done in [Done::Nothing, Done::Half, Done::All] {
            for error in [EIO, ENOSPC] {
                let files = begun();
                let mut log = Log::open(files.clone(), key()).unwrap();
                files.fail(Fault {
                    change,
                    done,
                    error,
                });
                let acknowledged = log.append(&entries(BEFORE, AFTER)).is_ok();
                files.recover();
                let mut again = Log::open(files.clone(), key()).unwrap();
                match again.size() {
                    BEFORE => old += 1,
                    AFTER => new += 1,
                    other => panic!("step {change}, {done:?}: size {other}"),
                }
                assert!(
                    !acknowledged || again.size() == AFTER,
                    "step {change}, {done:?}"
                );
                again.append(&entries(again.size(), AFTER + 300)).unwrap();
                let fresh = Ram::default();
                let mut whole = Log::open(fresh, key()).unwrap();
                whole.append(&entries(0, AFTER + 300)).unwrap();
                assert_eq!(
                    again.checkpoint(),
                    whole.checkpoint(),
                    "step {change}, {done:?}"
                );
            }
        }
    }
    assert!(old > 0 && new > 0);
}

#[test]
fn a_failed_write_poisons_the_log_until_it_is_opened_again() {
    let files = begun();
    let mut log = Log::open(files.clone(), key()).unwrap();
    files.fail(Fault {
        change: 2,
        done: Done::All,
        error: EIO,
    });
    let error = log.append(&entries(BEFORE, AFTER)).unwrap_err();
    assert!(matches!(error, LogError::Write { .. }), "{error}");
    files.recover();
    let error = log.append(&entries(BEFORE, AFTER)).unwrap_err();
    assert!(matches!(error, LogError::Failed), "{error}");
    assert_eq!(log.size(), BEFORE);
    let mut log = Log::open(files, key()).unwrap();
    assert_eq!(
        log.append(&entries(BEFORE, AFTER))
            .unwrap()
            .checkpoint()
            .size,
        AFTER
    );
}

#[test]
fn another_history_is_never_signed_over_what_was_begun() {
    let files = begun();
    let mut log = Log::open(files.clone(), key()).unwrap();
    // Everything but the checkpoint.
    files.fail(Fault {
        change: steps() - 4,
        done: Done::Nothing,
        error: EIO,
    });
    log.append(&entries(BEFORE, AFTER)).unwrap_err();
    files.recover();
    let mut log = Log::open(files, key()).unwrap();
    assert_eq!(log.size(), BEFORE);
    let other = entries(BEFORE + 1_000, AFTER + 1_000);
    let error = log.append(&other).unwrap_err();
    assert!(matches!(error, LogError::Diverged(_)), "{error}");
}

#[test]
fn damage_at_the_edge_is_found_when_the_log_is_opened() {
    for path in ["checkpoint", "tile/0/000.p/250", "tile/entries/000.p/250"] {
        let files = begun();
        let mut bytes = files.read(path).unwrap();
        bytes[40] ^= 1;
        files.set(path, bytes);
        assert!(Log::open(files, key()).is_err(), "{path}");
    }
    let files = begun();
    let other = certlocker_core::Secret::new(vec![8; 32]);
    let other = certlocker_audit::note::SigningKey::from_seed(
        crate::support::NAME.parse().unwrap(),
        &other,
    );
    assert!(Log::open(files, other.unwrap()).is_err());
}

#[test]
fn an_entry_that_is_too_long_changes_nothing() {
    let mut log = Log::open(begun(), key()).unwrap();
    let error = log
        .append(&[b"fits".to_vec(), vec![0; 70_000]])
        .unwrap_err();
    assert!(error.to_string().contains("70000"), "{error}");
    assert_eq!(
        log.append(&entries(BEFORE, AFTER))
            .unwrap()
            .checkpoint()
            .size,
        AFTER
    );
}

const PLACE: &str = "CERTLOCKER_TEST_LOG";

/// Not a test of its own: the process that is killed by the one below.
#[test]
fn append_until_killed() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let mut log = Log::open(Disk::at(place), key()).unwrap();
    loop {
        log.append(&entries(log.size(), log.size() + 7)).unwrap();
        println!("acknowledged {}", log.size());
    }
}

#[test]
fn a_process_that_is_killed_leaves_everything_that_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::append_until_killed", "--nocapture"])
            .env(PLACE, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let target = sizes.last().copied().unwrap_or(0) + 50;
        wait_for(|| size(directory.path()) >= target);
        child.kill().unwrap();
        let said = child.wait_with_output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        let mut acknowledged = said
            .lines()
            .filter_map(|line| line.strip_prefix("acknowledged "));
        let acknowledged: u64 = acknowledged.next_back().unwrap().parse().unwrap();
        let log = Log::open(Disk::at(directory.path()), key()).unwrap();
        assert!(log.size() >= acknowledged && log.size().is_multiple_of(7));
        let mut whole = Log::open(Ram::default(), key()).unwrap();
        whole.append(&entries(0, log.size())).unwrap();
        assert_eq!(log.checkpoint(), whole.checkpoint());
        sizes.push(log.size());
    }
}

fn size(directory: &std::path::Path) -> u64 {
    let text = Disk::at(directory).read("checkpoint").unwrap_or_default();
    let text = String::from_utf8(text).unwrap_or_default();
    text.lines()
        .nth(1)
        .and_then(|line| line.parse().ok())
        .unwrap_or(0)
}

fn wait_for(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it takes too long"
        );
        std::thread::yield_now();
    }
}
