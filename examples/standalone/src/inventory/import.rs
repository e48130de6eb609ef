//! Hosts, and plans to bring them in.

use std::collections::BTreeMap;

use certlocker_core::host::{Host, access_at};
use certlocker_core::import::{Line, Plan};
use certlocker_core::{Attribution, HostId, ImportPlanId, Page, StoreError, Timestamp, Versioned};
use certlocker_import::apply::ApplyError;
use certlocker_import::edit::Edit;
use certlocker_import::found::Discovery;
use certlocker_import::keys::KeyFile;
use certlocker_import::plan::{Heading, Importer, PlanError, computed_from, known, lines};
use certlocker_import::reconcile::reconcile;
use certlocker_import::rules::{Rules, preview};
use certlocker_import::undo::undo;

use super::import_view::{HostAccessView, HostView, PlanDetail, PlanView, RuleView};
use super::{Inventory, InventoryError};

/// How many plans and hosts of one name are looked at.
const LISTED: usize = 1_000;

impl Inventory {
    /// Works out what importing these machines would do, and keeps that.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn plan_import(
        &self,
        source: String,
        discovery: Discovery,
        rules: &Rules,
        keys: &[KeyFile],
        by: &Attribution,
    ) -> Result<PlanDetail, InventoryError> {
        let effects = preview(rules, &discovery.hosts);
        let known = known(&*self.store, self.clock.now()).await?;
        let failures = discovery.failed.iter();
        let heading = Heading {
            computed_from: computed_from(&known),
            failures: failures
                .map(|(scope, why)| format!("{scope}: {why}"))
                .collect(),
            source,
            undoes: None,
        };
        let lines = reconcile(discovery, &known, rules, keys);
        let plan = self
            .importer(by, async |importer| importer.keep(heading, lines).await)
            .await?;
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

    /// Changes a line of a plan.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn edit_import(
        &self,
        id: &str,
        line: u32,
        edit: Edit,
        by: &Attribution,
    ) -> Result<PlanDetail, InventoryError> {
        let plan = self.stored_plan(id).await?;
        let edited = self.importer(by, async |importer| {
            importer.edit(plan.id(), line, edit).await
        });
        edited.await.map_err(|error| match error {
            PlanError::Store(error) => InventoryError::Store(error),
            refused => InventoryError::Invalid(refused.to_string()),
        })?;
        self.detail(&plan).await
    }

    /// Does what a plan says; tells how many hosts were made or changed.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] when the plan does not fit what is there.
    pub async fn apply_import(&self, id: &str, by: &Attribution) -> Result<usize, InventoryError> {
        let plan = self.stored_plan(id).await?;
        let applied = self
            .importer(by, async |importer| importer.apply(plan.id()).await)
            .await;
        match applied {
            Ok(report) => Ok(report.hosts),
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
        let plan = self
            .importer(by, async |importer| importer.keep(heading, lines).await)
            .await?;
        self.detail(&plan).await
    }

    /// Hosts, those that are gone among them.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn hosts(&self) -> Result<Vec<HostView>, InventoryError> {
        let known = known(&*self.store, self.clock.now()).await?;
        let hosts = known.hosts.iter();
        Ok(hosts
            .map(|host| HostView::of(&host.host.value, &known.groups))
            .collect())
    }

    /// A host by its id, its name if no other has it, or what its cloud calls it.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn host(&self, named: &str) -> Result<Versioned<Host>, InventoryError> {
        if let Ok(id) = named.parse::<HostId>() {
            let host = self.store.host(&id).await;
            return host.map_err(|error| InventoryError::store(error, || format!("host {named}")));
        }
        let mut hosts = self.store.hosts_by_name(named, Page::oldest(2)).await?;
        if hosts.is_empty() {
            hosts = self.hosts_of_instance(named).await?;
        }
        match hosts.len() {
            0 => Err(InventoryError::NotFound(format!("host {named}"))),
            1 => Ok(hosts.remove(0)),
            _ => Err(InventoryError::Invalid(format!(
                "several hosts are called {named}: give an id"
            ))),
        }
    }

    /// The hosts that clouds know by this id; clouds may use one twice.
    async fn hosts_of_instance(&self, id: &str) -> Result<Vec<Versioned<Host>>, StoreError> {
        let is_it = |host: &Host| host.cloud().is_some_and(|cloud| cloud.instance() == id);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.hosts(Page::oldest(LISTED).after(after)).await?;
            after = page.last().map(|host| host.value.id().to_string());
            let last = page.len() < LISTED;
            found.extend(page.into_iter().filter(|host| is_it(&host.value)));
            if last {
                return Ok(found);
            }
        }
    }

    /// Who could use a host at a time, or can now.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn host_access(
        &self,
        named: &str,
        at: Option<&str>,
    ) -> Result<HostAccessView, InventoryError> {
        let invalid =
            |error: certlocker_core::InvalidTimestamp| InventoryError::Invalid(error.to_string());
        let at = at.map(Timestamp::parse).transpose().map_err(invalid)?;
        let at = at.unwrap_or_else(|| self.clock.now());
        let host = self.host(named).await?;
        let access = access_at(&*self.store, host.value.id(), at).await?;
        let mut groups = BTreeMap::new();
        for id in &access.groups {
            let group = self.store.group(id).await?;
            groups.insert(*id, group.value.name().to_owned());
        }
        Ok(HostAccessView::of(&host.value, &access, &groups, at))
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

    async fn importer<T>(
        &self,
        by: &Attribution,
        run: impl AsyncFnOnce(&mut Importer<'_, dyn certlocker_core::Store>) -> T,
    ) -> T {
        let mut importer = Importer {
            by,
            clock: &|| self.clock.now(),
            random: &mut crate::random::fill,
            store: &*self.store,
        };
        run(&mut importer).await
    }
}
