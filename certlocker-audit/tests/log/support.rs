//! A key, entries, and files in memory that fail on demand.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use certlocker_audit::files::{Files, Source};
use certlocker_audit::note::SigningKey;
use certlocker_core::Secret;

pub(crate) const NAME: &str = "example.com/certlocker/audit";

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(NAME.parse().unwrap(), &Secret::new(vec![7; 32])).unwrap()
}

/// The entries of the known answers.
pub(crate) fn entries(from: u64, to: u64) -> Vec<Vec<u8>> {
    let entry = |seq| format!("{{\"seq\":{seq},\"action\":\"token.create\"}}");
    (from..to).map(|seq| entry(seq).into_bytes()).collect()
}

/// Files in memory. Each change counts, and the chosen one fails; from then on all do, as after a
/// crash, until [`Ram::recover`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Ram(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    changes: usize,
    fault: Option<Fault>,
    down: bool,
}

/// Which change fails, how much of it happens, and what is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) change: usize,
    pub(crate) done: Done,
    pub(crate) error: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Nothing,
    Half,
    All,
}

impl Ram {
    pub(crate) fn fail(&self, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        (state.changes, state.fault) = (0, Some(fault));
    }

    /// How many changes there were since the fault was chosen.
    pub(crate) fn recover(&self) -> usize {
        let mut state = self.0.lock().unwrap();
        (state.down, state.fault) = (false, None);
        state.changes
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().files.keys().cloned().collect()
    }

    pub(crate) fn set(&self, path: &str, bytes: Vec<u8>) {
        self.0.lock().unwrap().files.insert(path.to_owned(), bytes);
    }

    /// A copy that does not change with this one.
    pub(crate) fn copy(&self) -> Self {
        let files = self.0.lock().unwrap().files.clone();
        Self(Arc::new(Mutex::new(State {
            files,
            ..State::default()
        })))
    }

    fn change(&self, what: impl FnOnce(&mut BTreeMap<String, Vec<u8>>, Done)) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.changes += 1;
        let chosen = state.fault.filter(|fault| fault.change == state.changes);
        if state.down {
            return Err(io::Error::from_raw_os_error(5));
        }
        let Some(fault) = chosen else {
            what(&mut state.files, Done::All);
            return Ok(());
        };
        state.down = true;
        if fault.done != Done::Nothing {
            what(&mut state.files, fault.done);
        }
        Err(io::Error::from_raw_os_error(fault.error))
    }
}

impl Source for Ram {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let state = self.0.lock().unwrap();
        state
            .files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Files for Ram {
    fn make_directory(&self, _: &str) -> io::Result<()> {
        self.change(|_, _| {})
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|files, done| {
            let length = if done == Done::Half {
                bytes.len() / 2
            } else {
                bytes.len()
            };
            files.insert(path.to_owned(), bytes[..length].to_vec());
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|files, done| {
            if done == Done::All {
                let bytes = files.remove(from).expect("what is renamed was written");
                files.insert(to.to_owned(), bytes);
            }
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(|files, _| {
            let below = format!("{path}/");
            files.retain(|name, _| name != path && !name.starts_with(&below));
        })
    }
}
