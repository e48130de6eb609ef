//! Plans to bring hosts in.

mod cloud;
mod credential;
mod discovery;
mod request;

use certlocker_core::import::{Line, Plan};
use certlocker_core::{Attribution, ImportPlanId, Page, StoreError, Timestamp};
use certlocker_import::apply::ApplyError;
use certlocker_import::found::Discovery;
use certlocker_import::keys::KeyFile;
use certlocker_import::plan::{
    Heading, Importer, PlanError, computed_from, known, lines, lines_after,
};
use certlocker_import::reconcile::reconcile;
use certlocker_import::rules::{Rules, preview};
use certlocker_import::source::{Progress, SourceError, discover};
use certlocker_import::undo::undo;
use serde::{Deserialize, Serialize};

use super::import_view::{LineView, PlanDetail, PlanView, RuleView};
use super::{Inventory, InventoryError};

pub use credential::{CredentialView, NewCredentialRequest, SecretText};
pub use discovery::{Discoveries, DiscoveryView};
pub use request::{EditRequest, GoOn, NamedText, PlanRequest};

/// How many plans are looked at.
const LISTED: usize = 1_000;

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AppliedView {
    /// How many parts of it had been done before.
    pub before: u32,
    /// How many hosts were made or changed now.
    pub hosts: usize,
}

impl Inventory {
    /// Looks for machines, works out what importing them would do, and keeps that. `go_on` is asked
    /// before each page.
    ///
    /// # Errors
    /// [`InventoryError`]; parts that could not be seen are in the plan instead.
    pub async fn plan_import(
        &self,
        request: &PlanRequest,
        by: &Attribution,
        go_on: GoOn<'_>,
    ) -> Result<PlanDetail, InventoryError> {
        let rules = request.rules()?;
        let keys = self.keys(request).await?;
        let looking = self.looking(request, by).await?;
        let mut progress = Progress::default();
        discover(&*looking.source, &mut progress, go_on).await?;
        let discovery = progress.into_discovery();
        if !go_on(&discovery) {
            return Err(SourceError::Cancelled.into());
        }
        self.plan_found(looking.name, discovery, &rules, &keys, by)
            .await
    }

    async fn plan_found(
        &self,
        source: String,
        discovery: Discovery,
        rules: &Rules,
        keys: &[KeyFile],
        by: &Attribution,
    ) -> Result<PlanDetail, InventoryError> {
        let effects = preview(rules, &discovery.hosts);
        let known = known(&*self.store, self.clock.now()).await?;
        let heading = Heading {
            computed_from: computed_from(&known),
            failures: unseen(&discovery),
            source,
            undoes: None,
        };
        let lines = reconcile(discovery, &known, rules, keys);
        drop(known);
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let mut importer = self.importer(by, &clock, &mut random);
        let plan = importer.keep(heading, lines).await?;
        let mut detail = self.detail(&plan).await?;
        detail.rules = effects.iter().map(RuleView::of).collect();
        Ok(detail)
    }

    /// Plans, newest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn import_plans(&self) -> Result<Vec<PlanView>, InventoryError> {
        let plans = self.store.import_plans(Page::newest(LISTED)).await?;
        Ok(plans.iter().map(|plan| PlanView::of(&plan.value)).collect())
    }

    /// A plan with its lines.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn import_plan(&self, id: &str) -> Result<PlanDetail, InventoryError> {
        let plan = self.stored_plan(id).await?;
        self.detail(&plan).await
    }

    /// Lines of a plan after the one with a number, in their order.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn import_lines(
        &self,
        id: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<LineView>, InventoryError> {
        let plan = self.stored_plan(id).await?;
        let after = after.unwrap_or_else(|| "0".to_owned());
        let invalid = |_| InventoryError::Invalid("the cursor is the number of a line".to_owned());
        let after: u32 = after.parse().map_err(invalid)?;
        let lines = lines_after(&*self.store, &plan, after, limit).await?;
        Ok(lines.iter().map(LineView::of).collect())
    }

    /// Changes a line of a plan, and gives the line as it is then.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn edit_import(
        &self,
        id: &str,
        line: u32,
        request: &EditRequest,
        by: &Attribution,
    ) -> Result<LineView, InventoryError> {
        let plan = self.stored_plan(id).await?;
        let edit = self.edit_of(request).await?;
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let importer = self.importer(by, &clock, &mut random);
        let edited = importer.edit(plan.id(), line, edit).await;
        edited.map_err(|error| match error {
            PlanError::Store(error) => error.into(),
            refused => InventoryError::Refused(refused.to_string()),
        })?;
        let lines = lines_after(&*self.store, &plan, line.saturating_sub(1), 1).await?;
        let missing = || InventoryError::NotFound(format!("line {line}"));
        lines.first().map(LineView::of).ok_or_else(missing)
    }

    /// Does what a plan says.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] when the plan does not fit what is there.
    pub async fn apply_import(
        &self,
        id: &str,
        by: &Attribution,
    ) -> Result<AppliedView, InventoryError> {
        let plan = self.stored_plan(id).await?;
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let mut importer = self.importer(by, &clock, &mut random);
        match importer.apply(plan.id()).await {
            Ok(report) => Ok(AppliedView {
                before: report.before,
                hosts: report.hosts,
            }),
            Err(ApplyError::Store(error)) => Err(error.into()),
            Err(refused) => Err(InventoryError::Refused(refused.to_string())),
        }
    }

    /// Makes a plan that takes another back.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn undo_import(
        &self,
        id: &str,
        by: &Attribution,
    ) -> Result<PlanDetail, InventoryError> {
        let plan = self.stored_plan(id).await?;
        let known = known(&*self.store, self.clock.now()).await?;
        let lines = undo(&lines(&*self.store, &plan).await?, &known);
        let heading = Heading {
            computed_from: computed_from(&known),
            failures: Vec::new(),
            source: format!("what plan {} has done", plan.id()),
            undoes: Some(*plan.id()),
        };
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let mut importer = self.importer(by, &clock, &mut random);
        let plan = importer.keep(heading, lines).await?;
        self.detail(&plan).await
    }

    async fn stored_plan(&self, id: &str) -> Result<Plan, InventoryError> {
        let missing = || InventoryError::NotFound(format!("plan {id}"));
        let id: ImportPlanId = id.parse().map_err(|_| missing())?;
        match self.store.import_plan(&id).await {
            Ok(plan) => Ok(plan.value),
            Err(StoreError::NotFound) => Err(missing()),
            Err(error) => Err(error.into()),
        }
    }

    async fn detail(&self, plan: &Plan) -> Result<PlanDetail, InventoryError> {
        let lines: Vec<Line> = lines(&*self.store, plan).await?;
        let now = self.store.import_plan(plan.id()).await?;
        Ok(PlanDetail::of(&now.value, &lines))
    }

    fn importer<'a>(
        &'a self,
        by: &'a Attribution,
        clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
        random: &'a mut (dyn FnMut(&mut [u8]) + Send + Sync),
    ) -> Importer<'a, dyn certlocker_core::Store> {
        Importer {
            by,
            clock,
            random,
            store: &*self.store,
        }
    }
}

/// What was not seen, and why.
fn unseen(discovery: &Discovery) -> Vec<String> {
    let failed = discovery.failed.iter().chain(&discovery.lacking);
    let failed = failed.map(|(scope, why)| format!("{scope}: {why}"));
    let selected = discovery.selected.iter().map(|scope| {
        format!("{scope}: only some machines were asked for: whether others are gone is not known")
    });
    failed.chain(selected).collect()
}
