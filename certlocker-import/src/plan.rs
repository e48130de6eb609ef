//! Plans in a store: kept, read and edited.

use std::pin::Pin;

use certlocker_core::import::{Batch, Line, LineCounts, NewPlan, Plan, PlanRefusal};
use certlocker_core::{
    Attribution, Changeset, HostStore, ImportPlanId, ImportStore, Ledger, Page, StoreError,
    Timestamp, Versioned,
};
use sha2::{Digest, Sha256};

use crate::edit::{Edit, EditError, edited};
use crate::reconcile::{Known, KnownHost};

/// How many lines are stored, edited and applied together.
pub const BATCH: usize = 200;

/// What an importer needs of a store.
pub trait Stores: Ledger + HostStore + ImportStore {}

impl<S: Ledger + HostStore + ImportStore + ?Sized> Stores for S {}

/// Keeps plans and applies them, for somebody.
#[allow(clippy::exhaustive_structs, reason = "put together by every caller")]
pub struct Importer<'a, S: ?Sized> {
    /// Who does it, and why.
    pub by: &'a Attribution,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Draws randomness.
    pub random: &'a mut (dyn FnMut(&mut [u8]) + Send + Sync),
    /// Where everything is.
    pub store: &'a S,
}

impl<S: ?Sized> std::fmt::Debug for Importer<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Importer")
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

/// What a plan is, apart from its lines.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct Heading {
    /// [`computed_from`] of what was known.
    pub computed_from: String,
    /// Where nothing could be found out, and why.
    pub failures: Vec<String>,
    /// Where the hosts were found.
    pub source: String,
    /// The plan that this one takes back.
    pub undoes: Option<ImportPlanId>,
}

/// Why a plan could not be edited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The line cannot become that.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The plan is not one to be edited, or has no such line.
    #[error(transparent)]
    Refused(#[from] PlanRefusal),
    /// The store failed.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

impl<S: Stores + ?Sized> Importer<'_, S> {
    /// Keeps a plan with these lines; nothing is done about hosts.
    ///
    /// # Errors
    /// [`StoreError`]; a plan that was broken off stays a draft, which nobody can apply.
    pub async fn keep(&mut self, heading: Heading, lines: Vec<Line>) -> Result<Plan, StoreError> {
        let batches = u32::try_from(lines.len().div_ceil(BATCH)).unwrap_or(u32::MAX);
        let new = NewPlan {
            batches,
            computed_from: heading.computed_from,
            counts: LineCounts::of(&lines),
            failures: heading.failures,
            source: heading.source,
            undoes: heading.undoes,
        };
        let now = (self.clock)();
        let plan = Plan::create(new, &mut *self.random, now).by(self.by);
        let drafted = plan.after();
        self.store.commit(Changeset::of(plan)).await?;
        let mut lines = lines.into_iter();
        for number in 0..batches {
            let of_batch: Vec<Line> = lines.by_ref().take(BATCH).collect();
            let batch = Batch::create(*drafted.value.id(), number, of_batch, now).by(self.by);
            self.store.commit(Changeset::of(batch)).await?;
        }
        let ready = drafted.ready((self.clock)()).by(self.by);
        let plan = ready.after();
        self.store.commit(Changeset::of(ready)).await?;
        Ok(plan.value)
    }

    /// Changes a line of a plan.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn edit(&self, plan: &ImportPlanId, line: u32, edit: Edit) -> Result<(), PlanError> {
        let plan = self.store.import_plan(plan).await?.value;
        let at = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX) / BATCH;
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        if number >= plan.batches() {
            return Err(PlanRefusal::NoLine(line).into());
        }
        let batch = self.store.import_batch(plan.id(), number).await?;
        let lines = batch.value.lines();
        let before = lines.iter().find(|other| other.number == line);
        let next = edited(before.ok_or(PlanRefusal::NoLine(line))?, edit)?;
        if let Some(change) = batch.edit(&plan, next, (self.clock)())? {
            self.store.commit(Changeset::of(change.by(self.by))).await?;
        }
        Ok(())
    }
}

/// The lines of a plan, in their order.
///
/// # Errors
/// [`StoreError`].
pub async fn lines(store: &(impl Stores + ?Sized), plan: &Plan) -> Result<Vec<Line>, StoreError> {
    let mut lines = Vec::new();
    for number in 0..plan.batches() {
        let batch = store.import_batch(plan.id(), number).await?;
        lines.extend_from_slice(batch.value.lines());
    }
    Ok(lines)
}

/// Up to `limit` lines of a plan after the one with this number, in their order.
///
/// # Errors
/// [`StoreError`].
pub async fn lines_after(
    store: &(impl Stores + ?Sized),
    plan: &Plan,
    after: u32,
    limit: usize,
) -> Result<Vec<Line>, StoreError> {
    let first = usize::try_from(after).unwrap_or(usize::MAX) / BATCH;
    let first = u32::try_from(first).unwrap_or(u32::MAX);
    let mut found = Vec::new();
    for number in first..plan.batches() {
        let batch = store.import_batch(plan.id(), number).await?;
        let lines = batch.value.lines().iter();
        found.extend(lines.filter(|line| line.number > after).cloned());
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Everything that is known.
///
/// # Errors
/// [`StoreError`].
pub async fn known(store: &(impl Stores + ?Sized), now: Timestamp) -> Result<Known, StoreError> {
    let mut known = Known::default();
    for group in every(
        |page| store.groups(page),
        |group| group.value.id().to_string(),
    )
    .await?
    {
        known
            .groups
            .insert(*group.value.id(), group.value.name().to_owned());
    }
    let mut keys = crate::apply::direct_keys(store, now).await?;
    let hosts = every(|page| store.hosts(page), |host| host.value.id().to_string());
    known.hosts = hosts
        .await?
        .into_iter()
        .map(|host| KnownHost {
            keys: keys.remove(host.value.id()).unwrap_or_default(),
            host,
        })
        .collect();
    Ok(known)
}

/// SHA-256 of which hosts there are and how often each was written: what changes whenever any host
/// does.
pub fn computed_from(known: &Known) -> String {
    let versions = known
        .hosts
        .iter()
        .map(|known| (&known.host.value, known.host.version));
    let mut versions: Vec<_> = versions
        .map(|(host, version)| (*host.id(), version.get()))
        .collect();
    versions.sort_unstable();
    digest(versions)
}

pub(crate) fn digest(versions: impl IntoIterator<Item = (certlocker_core::HostId, u64)>) -> String {
    let mut hash = Sha256::new();
    for (id, version) in versions {
        hash.update(format!("{id} {version}\n"));
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A page that is being read, as `async_trait` writes it.
type Reading<'a, T> =
    Pin<Box<dyn Future<Output = Result<Vec<Versioned<T>>, StoreError>> + Send + 'a>>;

/// Every row, page by page.
pub(crate) async fn every<'a, T>(
    read: impl Fn(Page) -> Reading<'a, T>,
    key: impl Fn(&Versioned<T>) -> String,
) -> Result<Vec<Versioned<T>>, StoreError> {
    const PAGE: usize = 1_000;
    let mut all: Vec<Versioned<T>> = Vec::new();
    loop {
        let after = all.last().map(&key);
        let page = read(Page::oldest(PAGE).after(after)).await?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}
