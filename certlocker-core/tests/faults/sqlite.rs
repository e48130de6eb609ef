//! Each write of the store fails in each way: what it answered is what is there.

use std::collections::HashMap;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use certlocker_core::{
    Account, AccountStore, Changeset, Event, Fact, Ledger, NewAccount, Sequence, SqliteStore,
    StoreError,
};
use pollster::block_on;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::nouns::{at, by, key};
use crate::strace::{Fate, Fault, Strace, calls_on, chosen};

const PLACE: &str = "CERTLOCKER_TEST_DATABASE";
/// Commits one after the other, and then by so many callers at the same time.
const COMMITS: usize = 4;
const CALLERS: usize = 3;

/// A row, and two records; each process draws other ids.
fn changes(label: &str) -> Changeset {
    let new = NewAccount {
        client: None,
        contacts: Vec::new(),
        external_binding: None,
        key: key(label),
        terms_agreed: None,
    };
    let drawn = Sha256::digest(label);
    let mut random = |bytes: &mut [u8]| bytes.copy_from_slice(&drawn[..bytes.len()]);
    let account = Account::create(new, &mut random, at(0));
    let fact = Fact::server_started(label, at(0));
    Changeset::of(account.by(&by())).and_fact(&fact, &by())
}

fn say(line: &str) {
    // One write for each line, so that none is torn; to an end that may be gone.
    let _ = std::io::stdout().write_all(format!("\n{line}\n").as_bytes());
}

fn commit(store: &SqliteStore, label: &str) {
    match block_on(store.commit(changes(label))) {
        Ok(place) => say(&format!("acknowledged {label} {place}")),
        Err(StoreError::Unavailable(cause)) => say(&format!("refused {label} {cause}")),
        Err(StoreError::Indeterminate(cause)) => say(&format!("doubted {label} {cause}")),
        Err(error) => say(&format!("wrong {label} {error:?}")),
    }
}

/// Not a test of its own: the process to which the faults happen.
#[test]
fn commit_under_faults() {
    let Some(place) = env::var_os(PLACE) else {
        return;
    };
    let store = match SqliteStore::open(&place) {
        Ok(store) => store,
        Err(error) => {
            let source = std::error::Error::source(&error);
            let cause = source.map(ToString::to_string).unwrap_or_default();
            return say(&format!("unopened {error}: {cause}"));
        }
    };
    let run = std::process::id();
    (0..COMMITS).for_each(|number| commit(&store, &format!("{run}-{number}")));
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (store, label) = (&store, format!("{run}-together-{caller}"));
            scope.spawn(move || commit(store, &label));
        }
    });
    let last = block_on(store.check());
    say(&format!("checked {}", last.is_ok()));
    store.close();
    say("closed");
}

fn victim(place: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "sqlite::commit_under_faults", "--nocapture"])
        .env(PLACE, place);
    command
}

/// What a process said.
#[derive(Debug, Default)]
struct Said {
    /// Labels, with the place of the first record.
    acknowledged: Vec<(String, u64)>,
    /// Labels, with the cause; here and below.
    refused: Vec<(String, String)>,
    doubted: Vec<(String, String)>,
    /// Whether the store took writes in the end.
    checked: bool,
    closed: bool,
    unopened: Option<String>,
}

impl Said {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let mut said = Self::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            let mut word = || words.next().unwrap_or_default();
            match word().as_str() {
                "acknowledged" => said.acknowledged.push((word(), word().parse().unwrap())),
                "refused" => said.refused.push((word(), word())),
                "doubted" => said.doubted.push((word(), word())),
                "checked" => said.checked = word() == "true",
                "closed" => said.closed = true,
                "unopened" => said.unopened = Some(line.to_owned()),
                "wrong" => panic!("{line}"),
                _ => {}
            }
        }
        said
    }

    /// Every failure names its cause.
    fn names_causes(&self) {
        let labelled = self.refused.iter().chain(&self.doubted);
        let causes = labelled.map(|(_, cause)| cause).chain(&self.unopened);
        for cause in causes {
            let named = [
                "disk I/O error",
                "full",
                "unable to open",
                "for reading only",
                "os error",
            ];
            let is_named = named.iter().any(|name| cause.contains(name));
            assert!(is_named, "{cause}");
        }
    }
}

/// A database, and what was ever said of it.
struct Scene {
    folder: TempDir,
    said: Vec<Said>,
    strace: Strace,
}

impl Scene {
    /// With a database that has something in it; none without strace.
    fn new() -> Option<Self> {
        let strace = Strace::find()?;
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Self {
            folder,
            said: Vec::new(),
            strace,
        };
        scene.said.push(Said::of(&mut victim(&scene.place())));
        Some(scene)
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("certlocker.sqlite")
    }

    /// The calls of a process on the database: all that are few, some of those that are many.
    fn steps(&mut self) -> Vec<(&'static str, usize)> {
        let (log, place) = (self.folder.path().join("trace"), self.place());
        let mut command = self.strace.watch(&CALLS, &log, &victim(&place));
        self.said.push(Said::of(&mut command));
        let made = calls_on(self.folder.path(), &log);
        chosen(&CALLS, &made, SOME)
    }

    /// The first times that a process opens a file of the database: that file, and those beside it.
    fn first_opened(&mut self) -> Vec<usize> {
        let (log, place) = (self.folder.path().join("trace"), self.place());
        let mut command = self.strace.watch(&["openat"], &log, &victim(&place));
        self.said.push(Said::of(&mut command));
        let made = calls_on(self.folder.path(), &log);
        made["openat"].iter().copied().take(4).collect()
    }

    /// Lets a process meet the fault; what it says has to be true.
    fn meet(&mut self, fault: Fault) -> &Said {
        let mut command = self.strace.inject(fault, &victim(&self.place()));
        let said = Said::of(&mut command);
        said.names_causes();
        self.said.push(said);
        block_on(self.is_true(fault));
        self.said.last().unwrap()
    }

    /// Opens what is left, and holds it against everything that was ever said.
    async fn is_true(&self, fault: Fault) {
        let store = SqliteStore::open(self.place()).unwrap();
        let records = store.records(None, Sequence::START, usize::MAX).await;
        let records = records.unwrap();
        let places = records.iter().map(|record| record.sequence.get());
        assert!(places.eq(1..=records.len() as u64), "{fault}: a gap");
        let mut found = HashMap::new();
        for record in &records {
            if let Event::ServerStarted { version, .. } = &record.event {
                found.insert(version.clone(), record.sequence.get());
            }
        }
        assert_eq!(records.len(), 2 * found.len(), "{fault}: half a changeset");
        for label in found.keys() {
            let row = store.account_by_key(&key(label).thumbprint).await.unwrap();
            assert!(row.is_some(), "{fault}: {label} has records and no row");
        }
        for said in &self.said {
            for (label, place) in &said.acknowledged {
                assert_eq!(found.get(label), Some(&(place + 1)), "{fault}: {label}");
            }
            for (label, cause) in &said.refused {
                assert!(!found.contains_key(label), "{fault}: {label}, {cause}");
            }
        }
        // The copy is checked to the last page.
        let copy = self.folder.path().join("copy.sqlite");
        store.backup(&copy).await.unwrap();
        std::fs::remove_file(copy).unwrap();
    }

    fn report(&self, fate: Fate) {
        let sum = |of: fn(&Said) -> usize| self.said.iter().map(of).sum::<usize>();
        eprintln!(
            "{fate:?}: {} processes, {} commits acknowledged, {} refused, {} in doubt; {} processes did not open the database",
            self.said.len(),
            sum(|said| said.acknowledged.len()),
            sum(|said| said.refused.len()),
            sum(|said| said.doubted.len()),
            sum(|said| usize::from(said.unopened.is_some())),
        );
    }
}

/// The system calls by which a database changes.
const CALLS: [&str; 7] = [
    "pwrite64",
    "write",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "openat",
];
/// So many of each kind are tried.
const SOME: usize = 12;

/// One call fails, and the store goes on without being opened again.
fn is_survived(error: &'static str) {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let fate = Fate::Fails(error);
    for (call, number) in scene.steps() {
        let fault = Fault { call, number, fate };
        let said = scene.meet(fault);
        let opened = said.unopened.is_none();
        assert_eq!((said.checked, said.closed), (opened, opened), "{fault}");
        let whole = (error, call) == ("ENOSPC", "pwrite64");
        assert!(!whole || said.doubted.is_empty(), "{fault}: {said:?}");
    }
    scene.report(fate);
}

#[test]
fn a_call_that_fails_once_costs_those_who_are_told_and_the_store_goes_on() {
    is_survived("EIO");
}

#[test]
fn a_disk_that_is_full_once_writes_nothing_of_what_is_refused_and_the_store_goes_on() {
    is_survived("ENOSPC");
}

#[test]
fn a_disk_that_fails_from_some_call_on_has_everything_that_was_acknowledged() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let fate = Fate::FailsFromNowOn("EIO");
    for (call, number) in scene.steps() {
        scene.meet(Fault { call, number, fate });
    }
    scene.report(fate);
}

#[test]
fn a_database_that_opens_for_reading_only_is_refused_before_anything_is_written() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let (call, fate, mut refused) = ("openat", Fate::Fails("EACCES"), 0);
    for number in scene.first_opened() {
        let said = scene.meet(Fault { call, number, fate });
        let unopened = said.unopened.as_ref();
        refused += usize::from(unopened.is_some_and(|why| why.contains("for reading only")));
    }
    assert!(
        refused >= 2,
        "the database and the log beside it: {refused}"
    );
}

#[test]
fn a_process_that_is_killed_at_a_call_leaves_everything_that_it_acknowledged() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let (fate, mut killed) = (Fate::Killed, 0);
    let steps = scene.steps();
    for (call, number) in &steps {
        let number = *number;
        let said = scene.meet(Fault { call, number, fate });
        killed += usize::from(!said.closed);
    }
    // Callers at the same time share fewer or more writes than they did when these were counted.
    assert!(killed + 3 >= steps.len(), "{killed} of {}", steps.len());
    scene.report(fate);
}
