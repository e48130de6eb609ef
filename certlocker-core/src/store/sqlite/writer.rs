//! The thread that writes: all that is queued, in one transaction.

mod batch;
mod statements;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use futures_channel::oneshot;
use rusqlite::Connection;

use super::claims::Claims;
use super::{SqliteError, schema};
use crate::{Changeset, Sequence, StoreError};

/// How many changesets share a transaction at most, so that the first does not wait for ever more.
const BATCH: usize = 256;

/// A handle to the thread.
pub(super) struct Writer {
    queue: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Check(oneshot::Sender<Result<(), StoreError>>),
    Commit(Commit),
    #[cfg(test)]
    Do(Box<dyn FnOnce(&mut Work) + Send>),
}

struct Commit {
    answer: oneshot::Sender<Result<Sequence, StoreError>>,
    changes: Changeset,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        path: &Path,
        claims: Arc<Claims>,
    ) -> Result<Self, SqliteError> {
        let (queue, jobs) = channel();
        let mut work = Work {
            claims,
            connection: Some(connection),
            failed: false,
            jobs,
            next: None,
            path: path.to_path_buf(),
            #[cfg(test)]
            trap: None,
        };
        let thread = Builder::new().name("certlocker-sqlite".to_owned());
        let thread = thread.spawn(move || work.run_to_the_end());
        let thread = thread.map_err(|error| SqliteError::unusable(path, error))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Commit(Commit { answer, changes }))?;
        let broke_off = |_| Err(StoreError::Indeterminate(Box::new(BrokeOff)));
        answered.await.unwrap_or_else(broke_off)
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Check(answer))?;
        let broke_off = |_| Err(StoreError::Unavailable(Box::new(BrokeOff)));
        answered.await.unwrap_or_else(broke_off)
    }

    pub(super) fn close(&self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take() {
            // What panicked in there was answered to those whom it concerned.
            let _ = thread.join();
        }
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let queue = lock(&self.queue);
        let sent = queue.as_ref().is_some_and(|queue| queue.send(job).is_ok());
        sent.then_some(())
            .ok_or_else(|| StoreError::Unavailable(Box::new(Closed)))
    }

    /// Does something on the thread, to the state that it works with.
    #[cfg(test)]
    pub(super) fn disturb(&self, what: impl FnOnce(&mut Work) + Send + 'static) {
        self.send(Job::Do(Box::new(what))).unwrap();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The store was closed.
#[derive(Debug, thiserror::Error)]
#[error("the database was closed")]
pub(super) struct Closed;

/// The writing thread did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the thread that writes broke off before it answered")]
struct BrokeOff;

/// What the thread works with.
pub(super) struct Work {
    claims: Arc<Claims>,
    /// None after a failure in doubt: the next transaction begins with what the disk says.
    pub(super) connection: Option<Connection>,
    /// Whether the last transaction failed.
    failed: bool,
    jobs: Receiver<Job>,
    next: Option<Job>,
    path: PathBuf,
    /// Done before the next COMMIT.
    #[cfg(test)]
    pub(super) trap: Option<fn()>,
}

impl Work {
    /// Whoever waits for an answer while this panics learns that there will be none, because it is
    /// dropped with the rest; those behind in the queue are served by a new connection.
    fn run_to_the_end(&mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            self.connection = None;
            self.claims.lock().leave_all();
        }
    }

    fn run(&mut self) {
        while let Some(job) = self.next.take().or_else(|| self.jobs.recv().ok()) {
            match job {
                Job::Commit(first) => {
                    let batch = self.gather(first);
                    self.write(batch);
                }
                Job::Check(answer) => {
                    let checked = self.check();
                    // Nobody may be waiting any more, here and below.
                    let _ = answer.send(checked);
                }
                #[cfg(test)]
                Job::Do(what) => what(self),
            }
        }
    }

    fn gather(&mut self, first: Commit) -> Vec<Commit> {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match self.jobs.try_recv() {
                Ok(Job::Commit(commit)) => batch.push(commit),
                Ok(other) => {
                    self.next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        batch
    }

    fn check(&mut self) -> Result<(), StoreError> {
        // Rewriting what is there is a write like any other, and leaves all as it was.
        let probe = if self.failed {
            format!("PRAGMA application_id = {}; COMMIT", schema::APPLICATION)
        } else {
            "ROLLBACK".to_owned()
        };
        let connection = self.connection().map_err(unavailable)?;
        let probed = connection.execute_batch(&format!("BEGIN IMMEDIATE; {probe}"));
        if let Err(error) = probed {
            self.connection = None;
            return Err(unavailable(error));
        }
        self.failed = false;
        Ok(())
    }

    fn connection(&mut self) -> rusqlite::Result<&Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => schema::writer(&self.path)?,
        };
        Ok(self.connection.insert(connection))
    }
}

fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
