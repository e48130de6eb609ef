//! One transaction for changesets that are about different things.
//!
//! The first journey to the server makes the writes, guarded by what is found there, and takes the
//! lock of the ledger's head last; the second appends the records and commits. If a guard fails,
//! the transaction is undone and made again without the changeset that it belongs to: as no other
//! is about the same things, that one conflicts with what others have committed.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Row;

use super::super::leases::fence;
use super::super::plan::{Becomes, EntryPlace, Place};
use super::columns::{Entries, Given, Leases, Places, Records, Values, lease_place};
use super::statements::{Pipeline, Say, Session};
use super::{Commit, Failed, Work};
use crate::{Expected, Sequence, StoreError};

/// How a transaction ended.
enum Ended {
    /// Each changeset is written, and answered with its place.
    Landed(Vec<Sequence>),
    /// Nothing is written; these conflict.
    Conflicts(Vec<usize>),
    /// Nothing is written.
    Failed(Failed),
    /// The connection broke off after the commit was sent.
    InDoubt(Failed),
}

impl From<Failed> for Ended {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// How often a transaction is tried again that the server took back, or whose connection ended.
const RETRIES: usize = 8;
const CONNECTIONS: usize = 2;

impl Work {
    pub(super) async fn write(&mut self, mut batch: Vec<Commit>) {
        let (mut retries, mut connections) = (RETRIES, CONNECTIONS);
        while !batch.is_empty() {
            let failed = match self.transaction(&batch).await {
                Ended::Landed(places) => {
                    self.failed = false;
                    return answer_each(batch, places);
                }
                Ended::Conflicts(places) => {
                    batch = without(batch, &places);
                    continue;
                }
                Ended::InDoubt(failed) => {
                    (self.failed, self.session) = (true, None);
                    return answer_all(batch, || failed.clone().in_doubt());
                }
                Ended::Failed(failed) => failed,
            };
            if failed.is_transient() && retries > 0 {
                retries -= 1;
                continue;
            }
            if failed.is_lost() && connections > 0 {
                self.session = None;
                connections -= 1;
                continue;
            }
            if failed.is_about_data() && batch.len() > 1 {
                return self.write_singly(batch).await;
            }
            self.failed = true;
            return answer_all(batch, || failed.clone().unavailable());
        }
    }

    /// What does not fit spoils nobody else's.
    async fn write_singly(&mut self, batch: Vec<Commit>) {
        for commit in batch {
            Box::pin(self.write(vec![commit])).await;
        }
    }

    async fn transaction(&mut self, batch: &[Commit]) -> Ended {
        let session = match self.session().await {
            Ok(session) => session,
            Err(failed) => return failed.into(),
        };
        let ended = match session.guarded(batch).await {
            Ok(head) => return session.appended(batch, head).await,
            Err(ended) => ended,
        };
        let undone = session.say(Say::Rollback, &[]).await;
        if undone.is_err() {
            self.session = None;
        }
        ended
    }
}

fn without(batch: Vec<Commit>, places: &[usize]) -> Vec<Commit> {
    let mut rest = Vec::with_capacity(batch.len());
    for (place, commit) in batch.into_iter().enumerate() {
        if places.contains(&place) {
            commit.answer(Err(StoreError::Conflict));
        } else {
            rest.push(commit);
        }
    }
    rest
}

fn answer_each(batch: Vec<Commit>, places: Vec<Sequence>) {
    for (commit, place) in batch.into_iter().zip(places) {
        commit.answer(Ok(place));
    }
}

fn answer_all(batch: Vec<Commit>, error: impl Fn() -> StoreError) {
    for commit in batch {
        commit.answer(Err(error()));
    }
}

impl Session {
    /// Makes all writes; the answer is the place of the last record, whose lock is held.
    async fn guarded(&self, batch: &[Commit]) -> Result<Sequence, Ended> {
        let writes = Writes::of(batch);
        let statements = writes.statements();
        let mut pipeline = Pipeline::default();
        for (say, given) in &statements {
            pipeline.push(self.say(*say, given));
        }
        let mut found = Found::default();
        for ((say, _), answer) in statements.iter().zip(pipeline.answers().await) {
            found.read(*say, &answer.map_err(Failed::from)?);
        }
        let conflicts = found.conflicts(batch);
        if !conflicts.is_empty() {
            return Err(Ended::Conflicts(conflicts));
        }
        Ok(found.head.ok_or_else(Failed::headless)?)
    }

    /// Appends the records after `head` and commits.
    async fn appended(&self, batch: &[Commit], head: Sequence) -> Ended {
        let (records, places) = Records::of(batch, head);
        let statements = [
            (Say::Append, records.appended()),
            (Say::Note, records.ended_block()),
        ];
        let mut pipeline = Pipeline::default();
        for (say, given) in statements.iter().filter(|(_, given)| !given.is_empty()) {
            pipeline.push(self.say(*say, given));
        }
        pipeline.push(self.say(Say::Commit, &[]));
        let mut answers = pipeline.answers().await;
        let committed = answers.pop().transpose().map_err(Failed::from);
        for answer in answers {
            let Err(error) = answer else { continue };
            // The server never came to the commit, or answered it by undoing everything.
            let failed = Failed::from(error);
            return match failed.is_told() {
                true => Ended::Failed(failed),
                false => Ended::InDoubt(failed),
            };
        }
        match committed {
            Ok(_) => Ended::Landed(places),
            Err(failed) if failed.is_refusal() => Ended::Failed(failed),
            Err(failed) => Ended::InDoubt(failed),
        }
    }
}

/// What is looked at and written, of all changesets together.
struct Writes<'a> {
    kept: Places,
    claimed: Leases,
    created: Values<'a>,
    updated: Values<'a>,
    removed: Places,
    left: Entries<'a>,
    entered: Entries<'a>,
    singles: Entries<'a>,
}

impl<'a> Writes<'a> {
    fn of(batch: &'a [Commit]) -> Self {
        let mut rows: Vec<_> = batch.iter().flat_map(|commit| &commit.plan.rows).collect();
        rows.sort_unstable_by_key(|(place, _)| *place);
        let of_which = |holds: fn(&Becomes) -> bool| {
            let chosen = rows.iter().filter(move |(_, row)| holds(row));
            chosen.map(|(place, row)| (*place, row.after.as_ref()))
        };
        let entered = |single| {
            let entered = batch.iter().flat_map(|commit| &commit.plan.entered);
            let chosen = entered.filter(move |(_, unique)| **unique == single);
            Entries::of(chosen.map(|(place, _)| place))
        };
        Self {
            kept: Places::of(of_which(|row| !row.is_new()).map(|(place, _)| place)),
            claimed: Leases::of(batch.iter().filter_map(|commit| commit.plan.lease.as_ref())),
            // Also what is removed at once: it must not have been there.
            created: Values::of(of_which(Becomes::is_new)),
            updated: Values::of(of_which(|row| !row.is_new() && row.after.is_some())),
            removed: Places::of(of_which(|row| row.after.is_none()).map(|(place, _)| place)),
            left: Entries::of(batch.iter().flat_map(|commit| commit.plan.left.keys())),
            entered: entered(false),
            singles: entered(true),
        }
    }

    /// Rows before leases, and each kind in order, so that no two processes wait for each other.
    fn statements(&self) -> Vec<(Say, Given<'_>)> {
        let writes = [
            (Say::LockRows, self.kept.given()),
            (Say::LockLeases, self.claimed.given()),
            (Say::InsertRows, self.created.given()),
            (Say::UpdateRows, self.updated.given()),
            (Say::DeleteRows, self.removed.given()),
            (Say::DeleteEntries, self.left.given()),
            (Say::InsertEntries, self.entered.given()),
            (Say::InsertSingles, self.singles.given()),
            (Say::DeleteLeases, self.claimed.given()),
        ];
        let needed = writes.into_iter().filter(|(_, given)| !given.is_empty());
        let begin = std::iter::once((Say::Begin, Given::new()));
        let head = std::iter::once((Say::Head, Given::new()));
        begin.chain(needed).chain(head).collect()
    }
}

/// What the server found.
#[derive(Default)]
struct Found {
    head: Option<Sequence>,
    fences: HashMap<(String, String), i64>,
    made: HashSet<(String, String)>,
    singles: HashSet<[String; 4]>,
    versions: HashMap<(String, String), i64>,
}

impl Found {
    fn read(&mut self, say: Say, rows: &[Row]) {
        let place = |row: &Row| (row.get(0), row.get(1));
        let numbered = |row: &Row| (place(row), row.get(2));
        match say {
            Say::LockRows => self.versions.extend(rows.iter().map(numbered)),
            Say::LockLeases => self.fences.extend(rows.iter().map(numbered)),
            Say::InsertRows => self.made.extend(rows.iter().map(place)),
            Say::InsertSingles => {
                let entry = |row: &Row| [0, 1, 2, 3].map(|column| row.get(column));
                self.singles.extend(rows.iter().map(entry));
            }
            Say::Head => {
                let sequence = |row: &Row| row.get::<_, i64>(0).unsigned_abs();
                self.head = rows.first().map(sequence).map(Sequence::new);
            }
            _ => {}
        }
    }

    fn conflicts(&self, batch: &[Commit]) -> Vec<usize> {
        let conflicts = batch.iter().enumerate();
        let conflicts = conflicts.filter(|(_, commit)| !self.fits(commit));
        conflicts.map(|(place, _)| place).collect()
    }

    fn fits(&self, commit: &Commit) -> bool {
        let plan = &commit.plan;
        let mut rows = plan.rows.iter();
        let mut singles = plan.entered.iter().filter(|(_, unique)| **unique);
        plan.lease.as_ref().is_none_or(|lease| {
            let place = lease_place(lease);
            self.fences.get(&place) == Some(&fence(lease))
        }) && rows.all(|(place, row)| self.holds(place, row.expected))
            && singles.all(|(place, _)| self.singles.contains(&single(place)))
    }

    fn holds(&self, place: &Place, expected: Expected) -> bool {
        let place = (place.0.to_owned(), place.1.clone());
        match expected {
            Expected::Absent => self.made.contains(&place),
            Expected::At(version) => {
                let found = self.versions.get(&place);
                found.is_some_and(|found| found.unsigned_abs() == version.get())
            }
        }
    }
}

fn single(place: &EntryPlace) -> [String; 4] {
    let EntryPlace {
        kind,
        name,
        value,
        key,
    } = place;
    [
        (*kind).to_owned(),
        (*name).to_owned(),
        value.clone(),
        key.clone(),
    ]
}
