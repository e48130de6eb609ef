//! `audit prune`: what may be removed, and removing it.

use certlocker_audit::files::Disk;
use certlocker_audit::prune::{Plan, PruneError};
use certlocker_core::{Changeset, Fact, Timestamp};
use serde::Serialize;

use super::super::{CommandError, Desk, by_command};
use crate::cli::{Exit, PruneArguments};
use crate::config::Settings;
use crate::inventory::InventoryError;
use crate::output::Output;

/// The plan, as it is printed.
#[derive(Serialize)]
struct View {
    before: String,
    minimum: u64,
    bundles: u64,
    bytes: u64,
    applied: bool,
}

pub(super) async fn run(
    settings: &Settings,
    arguments: &PruneArguments,
    output: Output,
) -> Result<Exit, CommandError> {
    let refused = |why: &str| CommandError::from(InventoryError::Invalid(why.to_owned()));
    let Some(retention) = settings.audit_retention else {
        return Err(refused(
            "nothing is removed without a written policy: set audit-retention in the configuration",
        ));
    };
    let Desk::Database(inventory) = Desk::open(settings).await? else {
        return Err(refused(
            "this works on the data directory, without --server",
        ));
    };
    let before = Timestamp::parse(&arguments.before);
    let before = before.map_err(|error| refused(&error.to_string()))?;
    let (now, store) = (inventory.clock.now(), inventory.store.as_ref());
    let files: Disk = inventory.audit.files().clone();
    let size = inventory.checkpoint()?.checkpoint().size;
    let plan = Plan::make(store, &files, size, before, retention, now).await?;
    if let Some(minimum) = arguments.apply {
        plan.check(minimum)?;
        let fact = Fact::log_pruned(minimum, before, retention, now);
        let recorded = store.commit(Changeset::fact(&fact, &by_command())).await;
        recorded.map_err(InventoryError::from)?;
        tokio::task::block_in_place(|| plan.apply(&files)).map_err(PruneError::from)?;
    }
    output.print(&View::of(&plan, arguments.apply.is_some()), text)?;
    Ok(Exit::Done)
}

impl View {
    fn of(plan: &Plan, applied: bool) -> Self {
        Self {
            before: plan.before.to_string(),
            minimum: plan.minimum,
            bundles: plan.bundles,
            bytes: plan.bytes,
            applied,
        }
    }
}

fn text(view: &View) -> String {
    let (bundles, bytes, minimum) = (view.bundles, view.bytes, view.minimum);
    let what = format!("{bundles} bundles of entries, {bytes} bytes, all below entry {minimum}");
    if view.applied {
        return format!("Removed: {what}. That is recorded; `audit verify` knows it.");
    }
    let before = &view.before;
    format!(
        "To be removed: {what}.\nTo remove them: certlocker audit prune --before {before} --apply {minimum}"
    )
}
