//! The store keeps the contract, also on a disk that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use certlocker_core::conformance::{Broken, Fresh};
use certlocker_core::{
    Actor, Attribution, Changeset, Component, Fact, Ledger, Sequence, StoreError, Timestamp,
    Trigger,
};
use certlocker_own_store::{Disk, OwnStore};
use pollster::block_on;

/// A file that fails when it is told to.
struct Failing {
    faults: Arc<Faults>,
    file: File,
}

#[derive(Default)]
struct Faults {
    /// The append or settling, counted from now, that finds no room; 0 for none.
    full_at: AtomicU32,
    /// Whether nothing can be done at all.
    gone: AtomicBool,
}

impl Faults {
    fn step(&self) -> io::Result<()> {
        if self.gone.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        let counted = |left: u32| left.checked_sub(1);
        match self
            .full_at
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, counted)
        {
            Ok(1) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for Failing {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        self.faults.step()?;
        self.file.read()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let half = bytes.len() / 2;
        self.file.append(&bytes[..half])?;
        self.faults.step()?;
        self.file.append(&bytes[half..])
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        match self.faults.gone.load(Ordering::SeqCst) {
            true => Err(io::Error::other("the disk is gone")),
            false => self.file.cut(length),
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        self.faults.step()?;
        self.file.settle()
    }
}

fn open(path: &Path, faults: &Arc<Faults>) -> OwnStore {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).open(path);
    let (faults, file) = (Arc::clone(faults), file.unwrap());
    OwnStore::on(Failing { faults, file }).unwrap()
}

fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let faults = Arc::<Faults>::default();
    let newest = Mutex::new(path.clone());
    let of_crash = Arc::clone(&faults);
    let crash = move || {
        let mut newest = newest.lock().unwrap();
        *newest = left(&newest);
        open(&newest, &of_crash)
    };
    let of_opening = Arc::clone(&faults);
    let store = open(&path, &faults);
    Fresh::new(store)
        .reopening(move || open(&path, &of_opening))
        .crashing(crash)
        .breaking(move |_, step| full_at(&faults, step))
        .keeping(folder)
}

/// A copy of the file with a line that was being written when the process died.
fn left(journal: &Path) -> PathBuf {
    let mut bytes = fs::read(journal).unwrap();
    bytes.extend(br#"XYZ {"writes":[],"rec"#);
    let left = journal.with_extension(format!("{}", bytes.len()));
    fs::write(&left, bytes).unwrap();
    left
}

fn full_at(faults: &Arc<Faults>, step: u32) -> Broken {
    faults.full_at.store(step, Ordering::SeqCst);
    let (asked, mended) = (Arc::clone(faults), Arc::clone(faults));
    Broken::new(
        move || asked.full_at.load(Ordering::SeqCst) == 0,
        move || mended.full_at.store(0, Ordering::SeqCst),
    )
}

certlocker_core::conformance!(fresh, durable, crash, disk_full);

fn fact() -> Changeset {
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    Changeset::fact(&Fact::server_started("1", Timestamp::from_seconds(0)), &by)
}

fn count(store: &OwnStore) -> Result<usize, StoreError> {
    let records = block_on(store.records(None, Sequence::START, usize::MAX))?;
    Ok(records.len())
}

#[test]
fn after_a_commit_of_which_nothing_is_known_the_disk_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Arc::<Faults>::default();
    let store = open(&folder.path().join("journal"), &faults);
    block_on(store.commit(fact())).unwrap();
    faults.gone.store(true, Ordering::SeqCst);
    let answer = block_on(store.commit(fact()));
    assert!(
        matches!(answer, Err(StoreError::Indeterminate(_))),
        "{answer:?}"
    );
    let unknown = count(&store);
    assert!(
        matches!(unknown, Err(StoreError::Unavailable(_))),
        "{unknown:?}"
    );
    faults.gone.store(false, Ordering::SeqCst);
    assert_eq!(count(&store).unwrap(), 1);
    assert_eq!(block_on(store.commit(fact())).unwrap(), Sequence::new(2));
}

#[test]
fn a_file_in_use_is_refused_and_is_there_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let store = OwnStore::open(&path).unwrap();
    block_on(store.commit(fact())).unwrap();
    assert!(OwnStore::open(&path).is_err());
    drop(store);
    assert_eq!(count(&OwnStore::open(&path).unwrap()).unwrap(), 1);
}

#[test]
fn a_damaged_line_before_others_is_no_torn_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let store = OwnStore::open(&path).unwrap();
    for _ in 0..3 {
        block_on(store.commit(fact())).unwrap();
    }
    drop(store);
    let text = fs::read_to_string(&path).unwrap();
    let second = text.find('\n').unwrap() + 60;
    let mut bytes = text.into_bytes();
    bytes[second] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refusal = OwnStore::open(&path).unwrap_err().to_string();
    assert!(refusal.contains("line 2"), "{refusal}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "it was left alone");
}
