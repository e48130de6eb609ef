//! strace, which makes a chosen system call fail, or ends the process in front of it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What becomes of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It fails with this error, once.
    Fails(&'static str),
    /// It fails, and so does every one after it.
    FailsFromNowOn(&'static str),
    /// The process is killed when it calls.
    Killed,
}

/// One system call of a process, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) call: &'static str,
    /// Which of its kind, of each thread, from 1.
    pub(crate) number: usize,
    pub(crate) fate: Fate,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (call, number) = (self.call, self.number);
        match self.fate {
            Fate::Fails(error) => write!(f, "{call}:error={error}:when={number}"),
            Fate::FailsFromNowOn(error) => write!(f, "{call}:error={error}:when={number}+"),
            Fate::Killed => write!(f, "{call}:signal=SIGKILL:when={number}"),
        }
    }
}

pub(crate) struct Strace(PathBuf);

impl Strace {
    /// None if it is not installed.
    ///
    /// Where `CERTLOCKER_REQUIRE_CLIENTS` is set a missing one fails the test, otherwise the test leaves it out and says so.
    pub(crate) fn find() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path)
            .map(|folder| folder.join("strace"))
            .find(|path| path.is_file());
        if found.is_none() {
            let left_out = "strace is not installed (scripts/install-test-tools)";
            assert!(
                env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
                "{left_out}"
            );
            eprintln!("left out: {left_out}");
        }
        found.map(Self)
    }

    /// The command with every call of these kinds written to `log`, with the files that it is about.
    pub(crate) fn watch(&self, calls: &[&str], log: &Path, command: &Command) -> Command {
        let mut traced = self.trace(calls, command);
        traced.0.arg("-o").arg(log);
        traced.finish()
    }

    /// The command with a fault.
    pub(crate) fn inject(&self, fault: Fault, command: &Command) -> Command {
        let mut traced = self.trace(&[fault.call], command);
        traced.0.args(["-o", "/dev/null", "-e"]);
        traced.0.arg(format!("inject={fault}"));
        traced.finish()
    }

    fn trace<'a>(&self, calls: &[&str], command: &'a Command) -> Traced<'a> {
        let mut traced = Command::new(&self.0);
        traced.args(["-f", "-y", "-qq", "-e"]);
        traced.arg(format!("trace={}", calls.join(",")));
        Traced(traced, command)
    }
}

struct Traced<'a>(Command, &'a Command);

impl Traced<'_> {
    fn finish(mut self) -> Command {
        self.0.arg("--").arg(self.1.get_program());
        self.0.args(self.1.get_args());
        for (name, value) in self.1.get_envs() {
            self.0.env(name, value.expect("none is removed"));
        }
        self.0
    }
}

/// Of each kind of call that was made, at most so many, chosen by `CERTLOCKER_TEST_SEED` or a new seed; with
/// `CERTLOCKER_TEST_ALL_FAULTS` all of them.
pub(crate) fn chosen(
    calls: &[&'static str],
    made: &BTreeMap<String, BTreeSet<usize>>,
    most: usize,
) -> Vec<(&'static str, usize)> {
    let given = env::var("CERTLOCKER_TEST_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("CERTLOCKER_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut chosen = Vec::new();
    for call in calls {
        let mut numbers: Vec<usize> = made.get(*call).into_iter().flatten().copied().collect();
        if env::var_os("CERTLOCKER_TEST_ALL_FAULTS").is_none() {
            random.shuffle(&mut numbers);
            numbers.truncate(most);
        }
        chosen.extend(numbers.into_iter().map(|number| (*call, number)));
    }
    chosen
}

/// Which calls of each kind were about files in `folder`, by their number among those of their thread.
pub(crate) fn calls_on(folder: &Path, log: &Path) -> BTreeMap<String, BTreeSet<usize>> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let folder = folder.to_str().unwrap();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, about)) = rest.trim_start().split_once('(') else {
            continue;
        };
        let count = counts
            .entry((thread.to_owned(), call.to_owned()))
            .or_default();
        *count += 1;
        if about.contains(folder) {
            found.entry(call.to_owned()).or_default().insert(*count);
        }
    }
    found
}
