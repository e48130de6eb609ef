//! A plan carried out: what it says, batch by batch, each in one transaction, and nothing else.

mod book;
mod steps;

use std::collections::BTreeMap;

use certlocker_core::import::{Batch, Plan, PlanRefusal, PlanState};
use certlocker_core::{Changeset, HostId, ImportPlanId, StoreError, Versioned};

pub(crate) use book::direct_keys;
use steps::Steps;

use crate::plan::{Importer, Stores, digest, every, lines};

/// What became of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Batches that had been applied before.
    pub before: u32,
    /// Hosts that were made or changed now.
    pub hosts: usize,
}

/// Why a plan was not applied, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The plan is not one to be applied.
    #[error(transparent)]
    Refused(#[from] PlanRefusal),
    /// What it was computed from has changed.
    #[error("the plan does not fit what is there: {}{}", .differences.join("; "), more(.differences, *.total))]
    Stale {
        /// The first differences.
        differences: Vec<String>,
        /// How many there are.
        total: usize,
    },
    /// The store failed; what was applied is applied, and applying again goes on.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

fn more(shown: &[String], total: usize) -> String {
    match total - shown.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    }
}

/// So many differences are named.
const NAMED: usize = 20;
/// How often a batch is tried again when others write at the same time.
const TRIES: usize = 8;

fn stale(differences: Vec<String>) -> ApplyError {
    let total = differences.len();
    let differences = differences.into_iter().take(NAMED).collect();
    ApplyError::Stale { differences, total }
}

impl<S: Stores + ?Sized> Importer<'_, S> {
    /// Applies a plan, or goes on with one that was broken off. Doing it twice does it once.
    ///
    /// # Errors
    /// [`ApplyError::Stale`] when what the plan was computed from has changed: of a plan that was not
    /// begun nothing is applied, of another its finished batches are.
    pub async fn apply(&mut self, id: &ImportPlanId) -> Result<Report, ApplyError> {
        let applied = self.run(id).await;
        if let Err(ApplyError::Stale { differences, total }) = &applied {
            let plan = self.store.import_plan(id).await?;
            let refused = plan.refused(differences.clone(), *total, (self.clock)());
            self.store
                .commit(Changeset::fact(&refused, self.by))
                .await?;
        }
        applied
    }

    async fn run(&mut self, id: &ImportPlanId) -> Result<Report, ApplyError> {
        let plan = self.begin(id).await?;
        let mut report = Report::default();
        for number in 0..plan.batches() {
            match self.apply_batch(&plan, number).await? {
                Some(hosts) => report.hosts += hosts,
                None => report.before += 1,
            }
        }
        self.finish(id).await?;
        Ok(report)
    }

    /// Begins it, unless it has been begun; two that begin at once are one.
    async fn begin(&self, id: &ImportPlanId) -> Result<Plan, ApplyError> {
        loop {
            let plan = self.store.import_plan(id).await?;
            if plan.value.state() == PlanState::Ready {
                self.fits(&plan).await?;
            }
            let Some(started) = plan.start((self.clock)())? else {
                return Ok(plan.value);
            };
            match self.store.commit(Changeset::of(started.by(self.by))).await {
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn fits(&self, plan: &Versioned<Plan>) -> Result<(), ApplyError> {
        let hosts = every(
            |page| self.store.hosts(page),
            |host| host.value.id().to_string(),
        );
        let hosts = hosts.await?.into_iter();
        let now: BTreeMap<HostId, (u64, String)> = hosts
            .map(|host| {
                (
                    *host.value.id(),
                    (host.version.get(), host.value.name().to_owned()),
                )
            })
            .collect();
        let versions = now.iter().map(|(id, (version, _))| (*id, *version));
        if digest(versions) == plan.value.computed_from() {
            return Ok(());
        }
        Err(stale(self.differences(&plan.value, &now).await?))
    }

    async fn differences(
        &self,
        plan: &Plan,
        now: &BTreeMap<HostId, (u64, String)>,
    ) -> Result<Vec<String>, StoreError> {
        let mut differences = Vec::new();
        for line in lines(self.store, plan).await? {
            for target in line.targets() {
                let version = now.get(&target.host).map(|(version, _)| *version);
                if version != Some(target.version) {
                    differences.push(format!(
                        "line {}: {} was changed since",
                        line.number, target.name
                    ));
                }
            }
        }
        let made = plan.id().created();
        let newer = now.iter().filter(|(id, _)| id.created() >= made);
        differences.extend(newer.map(|(_, (_, name))| format!("{name} came since")));
        if differences.is_empty() {
            differences.push("hosts outside of the plan were changed since".to_owned());
        }
        Ok(differences)
    }

    /// How many hosts it changed; none if it had been applied.
    async fn apply_batch(&mut self, plan: &Plan, number: u32) -> Result<Option<usize>, ApplyError> {
        for _ in 0..TRIES {
            let batch = self.store.import_batch(plan.id(), number).await?;
            if batch.value.applied().is_some() {
                return Ok(None);
            }
            let (changes, hosts) = match self.changes(plan, &batch).await {
                Ok(changes) => changes,
                // What is different may be what another process has just done for the same plan.
                Err(error) => {
                    return match self.is_applied(plan, number).await? {
                        true => Ok(None),
                        false => Err(error),
                    };
                }
            };
            match self.store.commit(changes).await {
                Ok(_) => return Ok(Some(hosts)),
                // Perhaps written: the next look at the batch tells.
                Err(StoreError::Conflict | StoreError::Indeterminate(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn is_applied(&self, plan: &Plan, number: u32) -> Result<bool, StoreError> {
        let batch = self.store.import_batch(plan.id(), number).await?;
        Ok(batch.value.applied().is_some())
    }

    async fn changes(
        &mut self,
        plan: &Plan,
        batch: &Versioned<Batch>,
    ) -> Result<(Changeset, usize), ApplyError> {
        let now = (self.clock)();
        let mut steps = Steps::new(self.store, self.by, plan, now, &mut *self.random);
        let mut lines = batch.value.lines().to_vec();
        let mut differences = Vec::new();
        for line in &mut lines {
            if !line.acts() {
                continue;
            }
            match steps.step(line).await? {
                Ok(applied) => line.applied = applied,
                Err(difference) => differences.push(difference),
            }
        }
        if !differences.is_empty() {
            return Err(stale(differences));
        }
        let hosts = lines.iter().filter(|line| line.applied.is_some()).count();
        let written = Changeset::of(batch.apply(lines, now).by(self.by));
        Ok((steps.with(written), hosts))
    }

    async fn finish(&self, id: &ImportPlanId) -> Result<(), ApplyError> {
        let plan = self.store.import_plan(id).await?;
        if plan.value.state() != PlanState::Started {
            return Ok(());
        }
        let finished = Changeset::of(plan.finish((self.clock)()).by(self.by));
        match self.store.commit(finished).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
