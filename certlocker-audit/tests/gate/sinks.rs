//! A sink that hangs, one that is unlinked, and one on a full disk: each as its class says.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use certlocker_audit::files::Disk;
use certlocker_audit::gate::{Follower, Gate, Gated};
use certlocker_audit::sink::{AuditSink, Class, Feed, FileSink, Format, Rotation, SinkError};
use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Fact, Kind, Leases, Ledger, MemoryStore, Record,
    Sequence, StoreError, Timestamp, Trigger,
};
use pollster::block_on;

const DEADLINE: Duration = Duration::from_secs(30);
const REQUIRED: Class = Class::Required { deadline: DEADLINE };

/// A ledger behind a gate, sinks that follow it, and a clock that is set.
struct Scene {
    clock: Arc<AtomicI64>,
    folder: tempfile::TempDir,
    gate: Arc<Gate>,
    store: Gated<MemoryStore>,
}

struct Fed {
    feed: Feed<Disk>,
    follower: Arc<Follower>,
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(0));
        let now = clock.clone();
        let gate = Arc::new(Gate::new(move || at(now.load(Ordering::SeqCst))));
        Self {
            clock,
            folder: tempfile::tempdir().unwrap(),
            store: Gated::new(MemoryStore::default(), gate.clone()),
            gate,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
        block_on(self.gate.look(&self.store)).unwrap();
    }

    fn follow(&self, name: &str, class: Class, sink: impl AuditSink + 'static) -> Fed {
        let history = Arc::new(self.store.clone());
        let files = Disk::at(self.path("cursors"));
        let feed = Feed::open(name, class, history, Arc::new(sink), files).unwrap();
        let follower = Arc::new(Follower::new(name, class, feed.delivered()));
        self.gate.watch(follower.clone());
        Fed { feed, follower }
    }

    fn commit(&self) -> Result<Sequence, StoreError> {
        let now = at(self.clock.load(Ordering::SeqCst));
        let by = Attribution::new(Actor::Account(AccountId::first_at(now)), Trigger::Command);
        block_on(
            self.store
                .commit(Changeset::fact(&Fact::server_started("1", now), &by)),
        )
    }

    fn last(&self) -> u64 {
        let records = block_on(self.store.records(None, Sequence::START, 1_000)).unwrap();
        records.len() as u64
    }
}

impl Fed {
    /// One step, if the sink lets go of it.
    fn step(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(self.feed.step()).poll(&mut context) {
            Poll::Ready(Ok(standing)) => drop(self.follower.reached(&standing)),
            Poll::Ready(Err(error)) => drop(self.follower.failed(&error)),
            Poll::Pending => {}
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn file(path: &Path) -> FileSink {
    FileSink::new(path, Format::Canonical, Rotation::default())
}

fn lines(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    let record = |line: &str| Record::from_canonical(line.as_bytes()).unwrap();
    text.lines()
        .map(|line| record(line).sequence.get())
        .collect()
}

/// Never answers until it is let go.
#[derive(Clone, Default)]
struct Hanging(Arc<Mutex<(bool, Vec<u64>)>>);

#[async_trait]
impl AuditSink for Hanging {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        if !self.0.lock().unwrap().0 {
            std::future::pending::<()>().await;
        }
        let places = records.iter().map(|record| record.sequence.get());
        self.0.lock().unwrap().1.extend(places);
        Ok(())
    }
}

fn refusal(refused: Result<Sequence, StoreError>) -> String {
    refused
        .unwrap_err()
        .audit_unavailable()
        .unwrap()
        .to_string()
}

#[test]
fn a_required_sink_that_hangs_closes_the_gate_until_it_has_everything() {
    let scene = Scene::new();
    let hanging = Hanging::default();
    let mut sink = scene.follow("https://siem.example", REQUIRED, hanging.clone());
    let mut other = scene.follow("file:b", Class::BestEffort, file(&scene.path("b")));
    scene.commit().unwrap();
    sink.step();
    other.step();
    scene.pass(31);
    assert_eq!(
        refusal(scene.commit()),
        "audit unavailable: https://siem.example: a record waits for 31.0s and may for 30s: \
         it has not answered; nothing was changed"
    );
    assert_eq!((scene.last(), lines(&scene.path("b"))), (1, vec![1]));
    hanging.0.lock().unwrap().0 = true;
    sink.step();
    assert_eq!(scene.commit().unwrap(), Sequence::new(2));
    sink.step();
    assert_eq!(hanging.0.lock().unwrap().1, [1, 2]);
}

#[test]
fn a_best_effort_sink_that_hangs_closes_nothing() {
    let scene = Scene::new();
    let mut sink = scene.follow(
        "https://siem.example",
        Class::BestEffort,
        Hanging::default(),
    );
    for _ in 0..3 {
        scene.commit().unwrap();
        sink.step();
        scene.pass(9_999);
    }
    assert_eq!(scene.last(), 3);
}

#[test]
fn a_file_that_is_unlinked_is_written_again_and_one_without_a_place_closes_the_gate() {
    let scene = Scene::new();
    let folder = scene.path("logs");
    fs::create_dir(&folder).unwrap();
    let mut sink = scene.follow("file:a", REQUIRED, file(&folder.join("a")));
    scene.commit().unwrap();
    sink.step();
    fs::remove_file(folder.join("a")).unwrap();
    scene.commit().unwrap();
    sink.step();
    assert_eq!(lines(&folder.join("a")), [2]);
    fs::remove_dir_all(&folder).unwrap();
    scene.commit().unwrap();
    sink.step();
    scene.pass(31);
    let said = refusal(scene.commit());
    assert!(said.contains("file:a: a record waits for 31.0s"), "{said}");
    assert!(said.contains("No such file or directory"), "{said}");
    fs::create_dir(&folder).unwrap();
    sink.step();
    scene.commit().unwrap();
    sink.step();
    assert_eq!(lines(&folder.join("a")), [3, 4]);
}

#[test]
fn a_full_disk_closes_the_gate_if_the_file_is_required_and_nothing_acknowledged_is_lost() {
    for class in [REQUIRED, Class::BestEffort] {
        let scene = Scene::new();
        let path = scene.path("a");
        symlink("/dev/full", &path).unwrap();
        let mut full = scene.follow("file:a", class, file(&path));
        let mut other = scene.follow("file:b", REQUIRED, file(&scene.path("b")));
        scene.commit().unwrap();
        full.step();
        other.step();
        scene.pass(31);
        let failure = full.follower.failure().unwrap();
        assert!(failure.contains("No space left on device"), "{failure}");
        let accepted = scene.commit().is_ok();
        assert_eq!(accepted, class == Class::BestEffort);
        fs::remove_file(&path).unwrap();
        full.step();
        other.step();
        scene.commit().unwrap();
        full.step();
        let everything: Vec<u64> = (1..=scene.last()).collect();
        assert_eq!(lines(&path), everything);
    }
}

#[test]
fn nothing_is_begun_while_the_gate_is_closed() {
    let scene = Scene::new();
    scene.follow("x", REQUIRED, Hanging::default());
    let (now, until) = (at(0), at(900));
    let claimed = block_on(scene.store.claim(Kind::Order, "x", now, until)).unwrap();
    scene.commit().unwrap();
    scene.pass(31);
    let due = block_on(scene.store.claim_due(Kind::Order, at(31), until, 9)).unwrap();
    assert_eq!(due, []);
    let claim = block_on(scene.store.claim(Kind::Order, "y", now, until));
    assert!(claim.unwrap_err().audit_unavailable().is_some());
    let lease = claimed.unwrap();
    assert!(block_on(scene.store.renew(&lease, at(950))).unwrap());
    block_on(scene.store.release(&lease)).unwrap();
}
