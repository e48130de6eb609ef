//! Each system call of an append fails, or ends the process: the log is whole, and says so.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use certlocker_audit::files::Disk;
use certlocker_audit::log::{Log, LogError};
use certlocker_audit::verify::{Known, verify_tiles};

use crate::strace::{Fate, Fault, Strace, calls_on, chosen};
use crate::support::{Ram, entries, key};

const PLACE: &str = "CERTLOCKER_TEST_LOG_UNDER_FAULTS";
/// Over the end of a tile and of a bundle, so that every kind of file is written.
const SIZES: [u64; 4] = [250, 255, 260, 263];

fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_causes(cause)),
        None => error.to_string(),
    }
}

fn say(line: &str) {
    use std::io::Write;
    // To an end that may be gone, or a call that fails.
    let _ = std::io::stdout().write_all(format!("\n{line}\n").as_bytes());
}

/// More calls than the thread that runs the tests makes, so that no number that is about the log is
/// one of its own: calls are counted for each thread.
fn count_up() {
    use std::io::{Read, Write};
    for _ in 0..100 {
        let mut nothing = fs::File::options().read(true).write(true).open("/dev/null");
        let nothing = nothing.as_mut().unwrap();
        let _ = nothing.write(b" ").unwrap() + nothing.read(&mut [0]).unwrap();
    }
}

fn open(place: &Path) -> Option<Log<Disk>> {
    // As often as a fault may happen, and once more.
    for _ in 0..3 {
        match Log::open(Disk::at(place), key()) {
            Ok(log) => return Some(log),
            Err(error) => say(&format!("unopened {}", with_causes(&error))),
        }
    }
    None
}

/// Not a test of its own: the process to which the faults happen.
#[test]
fn append_under_faults() {
    let Some(place) = env::var_os(PLACE) else {
        return;
    };
    count_up();
    let Some(mut log) = open(Path::new(&place)) else {
        return;
    };
    for size in SIZES {
        for _ in 0..3 {
            if log.size() >= size {
                break;
            }
            let next = entries(log.size(), size);
            match log.append(&next) {
                Ok(_) => say(&format!("acknowledged {}", log.size())),
                Err(error) => {
                    say(&format!("failed {}", with_causes(&error)));
                    let again = log.append(&next).map(drop);
                    assert!(matches!(again, Err(LogError::Failed)), "{again:?}");
                    let Some(opened) = open(Path::new(&place)) else {
                        return;
                    };
                    log = opened;
                }
            }
        }
    }
    say("closed");
}

fn victim(place: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "faults::append_under_faults", "--nocapture"])
        .env(PLACE, place);
    command
}

/// What a process said, by its first word.
fn said(command: &mut Command) -> BTreeMap<String, Vec<String>> {
    let output = command.output().unwrap();
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        said.entry(word.to_owned())
            .or_default()
            .push(rest.to_owned());
    }
    said
}

/// A log to begin from, in a directory of its own.
fn begun() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(Disk::at(folder.path()), key()).unwrap();
    log.append(&entries(0, SIZES[0])).unwrap();
    folder
}

const CALLS: [&str; 8] = [
    "openat", "write", "fsync", "rename", "mkdir", "unlink", "unlinkat", "read",
];

/// So many of each kind are tried.
const SOME: usize = 5;

/// The calls of the process that are about the log.
fn steps(strace: &Strace) -> Vec<(&'static str, usize)> {
    let (folder, log) = (begun(), tempfile::NamedTempFile::new().unwrap());
    let mut command = strace.watch(&CALLS, log.path(), &victim(folder.path()));
    assert!(said(&mut command).contains_key("closed"));
    let made = calls_on(folder.path(), log.path());
    chosen(&CALLS, &made, SOME)
}

/// The log is as long as was acknowledged, or one append longer; it verifies, and goes on.
fn is_whole(place: &Path, acknowledged: u64, fault: Fault) {
    let mut log = Log::open(Disk::at(place), key()).unwrap();
    let next = SIZES.iter().find(|size| **size > acknowledged);
    let new = next.copied().unwrap_or(acknowledged);
    assert!(
        [acknowledged, new].contains(&log.size()),
        "{fault}: {} after {acknowledged}",
        log.size()
    );
    let source = Disk::at(place);
    let report = verify_tiles(&source, key().verifier(), &Known::default());
    assert!(report.is_good(), "{fault}: {report:?}");
    log.append(&entries(log.size(), 600)).unwrap();
    let mut whole = Log::open(Ram::default(), key()).unwrap();
    whole.append(&entries(0, 600)).unwrap();
    assert_eq!(log.checkpoint(), whole.checkpoint(), "{fault}");
}

/// What happened to all processes of a kind.
#[derive(Debug, Default)]
struct Tally {
    processes: usize,
    acknowledged: usize,
    failed: usize,
    killed: usize,
}

fn meet(strace: &Strace, fault: Fault, tally: &mut Tally) {
    let folder = begun();
    let said = said(&mut strace.inject(fault, &victim(folder.path())));
    let all = |word: &str| said.get(word).cloned().unwrap_or_default();
    for cause in all("failed").iter().chain(&all("unopened")) {
        assert!(cause.contains("os error"), "{fault}: {cause}");
    }
    let goes_on = matches!(fault.fate, Fate::Fails(_));
    assert!(!goes_on || said.contains_key("closed"), "{fault}: {said:?}");
    let acknowledged = all("acknowledged");
    let last = acknowledged
        .last()
        .map_or(SIZES[0], |size| size.parse().unwrap());
    is_whole(folder.path(), last, fault);
    tally.processes += 1;
    tally.acknowledged += acknowledged.len();
    tally.failed += all("failed").len();
    tally.killed += usize::from(!said.contains_key("closed"));
    fs::remove_dir_all(folder.path()).unwrap();
}

fn is_survived(fate: Fate) {
    let Some(strace) = Strace::find() else { return };
    let mut tally = Tally::default();
    for (call, number) in steps(&strace) {
        meet(&strace, Fault { call, number, fate }, &mut tally);
    }
    eprintln!("{fate:?}: {tally:?}");
    match fate {
        Fate::Killed => assert_eq!(tally.killed, tally.processes),
        _ => assert!(tally.failed > 5, "{tally:?}"),
    }
}

#[test]
fn a_call_that_fails_costs_one_append_and_poisons_the_log_until_it_is_opened_again() {
    is_survived(Fate::Fails("EIO"));
}

#[test]
fn a_disk_that_is_full_once_costs_one_append() {
    is_survived(Fate::Fails("ENOSPC"));
}

#[test]
fn a_disk_that_fails_from_some_call_on_leaves_a_log_that_verifies() {
    is_survived(Fate::FailsFromNowOn("EIO"));
}

#[test]
fn a_process_that_is_killed_at_any_call_leaves_a_log_that_verifies() {
    is_survived(Fate::Killed);
}
