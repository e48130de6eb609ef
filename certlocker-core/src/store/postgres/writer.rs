//! The task that writes: all that is queued, in one transaction.

mod batch;
mod columns;
mod failed;
mod statements;

use std::collections::{HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::plan::{Plan, Touched};
use super::url::Address;
use crate::{Changeset, Sequence, StoreError};
use statements::Session;

pub(super) use failed::Failed;

/// How many changesets share a transaction at most, so that the first does not wait for ever more.
const BATCH: usize = 256;

/// A handle to the task.
pub(super) struct Writer {
    queue: Mutex<Option<UnboundedSender<Job>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Check(oneshot::Sender<Result<(), StoreError>>),
    Commit(Commit),
}

struct Commit {
    answer: oneshot::Sender<Result<Sequence, StoreError>>,
    changes: Changeset,
    plan: Plan,
}

impl Commit {
    /// Nobody may be waiting any more.
    fn answer(self, answer: Result<Sequence, StoreError>) {
        let _ = self.answer.send(answer);
    }
}

impl Writer {
    pub(super) fn start(address: Address, tls: MakeRustlsConnect) -> Self {
        let (queue, jobs) = unbounded_channel();
        let mut work = Work {
            address,
            failed: false,
            jobs,
            session: None,
            tls,
            waiting: VecDeque::new(),
        };
        let task = tokio::spawn(async move { work.run_to_the_end().await });
        Self {
            queue: Mutex::new(Some(queue)),
            task: Mutex::new(Some(task)),
        }
    }

    pub(super) async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        let plan = Plan::of(&changes).ok_or(StoreError::Conflict)?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::Commit(Commit {
            answer,
            changes,
            plan,
        }))?;
        let broke_off = |_| Err(StoreError::Indeterminate(Box::new(BrokeOff)));
        answered.await.unwrap_or_else(broke_off)
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Check(answer))?;
        let broke_off = |_| Err(StoreError::Unavailable(Box::new(BrokeOff)));
        answered.await.unwrap_or_else(broke_off)
    }

    pub(super) async fn close(&self) {
        drop(lock(&self.queue).take());
        let task = lock(&self.task).take();
        if let Some(task) = task {
            // What panicked in there was answered to those whom it concerned.
            let _ = task.await;
        }
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let queue = lock(&self.queue);
        let sent = queue.as_ref().is_some_and(|queue| queue.send(job).is_ok());
        sent.then_some(())
            .ok_or_else(|| StoreError::Unavailable(Box::new(Closed)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The store was closed.
#[derive(Debug, thiserror::Error)]
#[error("the database was closed")]
struct Closed;

/// The writing task did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the task that writes broke off before it answered")]
struct BrokeOff;

/// What the task works with.
struct Work {
    address: Address,
    /// Whether the last transaction failed.
    failed: bool,
    jobs: UnboundedReceiver<Job>,
    /// None before the first transaction, and after a failure.
    session: Option<Session>,
    tls: MakeRustlsConnect,
    /// What was taken from the queue and is not written yet.
    waiting: VecDeque<Commit>,
}

impl Work {
    /// Whoever waits for an answer while this panics learns that there will be none; those behind
    /// in the queue are served over a new connection.
    async fn run_to_the_end(&mut self) {
        while AssertUnwindSafe(self.run()).catch_unwind().await.is_err() {
            self.session = None;
        }
    }

    async fn run(&mut self) {
        loop {
            let mut checks = Vec::new();
            if self.waiting.is_empty() {
                match self.jobs.recv().await {
                    Some(job) => self.take(job, &mut checks),
                    None => return,
                }
            }
            while self.waiting.len() < BATCH {
                let Ok(job) = self.jobs.try_recv() else { break };
                self.take(job, &mut checks);
            }
            let batch = self.disjoint();
            self.write(batch).await;
            for answer in checks {
                let _ = answer.send(self.check().await);
            }
        }
    }

    fn take(&mut self, job: Job, checks: &mut Vec<oneshot::Sender<Result<(), StoreError>>>) {
        match job {
            Job::Commit(commit) => self.waiting.push_back(commit),
            Job::Check(answer) => checks.push(answer),
        }
    }

    /// Takes those from the queue that are about different things, so that what becomes of each
    /// does not depend on the others; the rest keeps its order and waits for the next transaction.
    fn disjoint(&mut self) -> Vec<Commit> {
        let mut touched: HashSet<Touched> = HashSet::new();
        let (mut batch, mut rest) = (Vec::new(), VecDeque::new());
        for commit in self.waiting.drain(..) {
            let own = commit.plan.touched();
            let clash = own.iter().any(|thing| touched.contains(thing));
            touched.extend(own);
            if clash {
                rest.push_back(commit);
            } else {
                batch.push(commit);
            }
        }
        self.waiting = rest;
        batch
    }

    /// What is there can be written again on a disk that is full, so that after a failure it has to
    /// be more.
    async fn check(&mut self) -> Result<(), StoreError> {
        let failed = self.failed;
        let checked = async {
            let session = self.session().await?;
            session.check().await?;
            match failed {
                true => session.check_growth().await,
                false => Ok(()),
            }
        };
        let checked = checked.await;
        if checked.is_err() {
            self.session = None;
        }
        self.failed = checked.is_err();
        checked.map_err(Failed::unavailable)
    }

    async fn session(&mut self) -> Result<&mut Session, Failed> {
        let session = match self.session.take().filter(Session::is_open) {
            Some(session) => session,
            None => Session::open(&self.address, &self.tls).await?,
        };
        Ok(self.session.insert(session))
    }
}
