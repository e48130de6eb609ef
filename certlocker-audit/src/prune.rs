//! Removing entries that the policy of retention no longer asks for: first a plan, then the plan.
//!
//! What goes are the bundles of entries of the log
//! ([tlog-tiles, pruning](https://c2sp.org/tlog-tiles#pruning)). The tree over them stays, and with
//! it every proof; so does the ledger.

use std::time::Duration;

use certlocker_core::{Event, History, RecordQuery, Sequence, StoreError, Timestamp};

use crate::files::Files;
use crate::log::LogError;
use crate::tile::{Resource, WIDTH};

/// What is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Records that were written before this are no longer to be kept.
    pub before: Timestamp,
    /// The index of the first entry that stays.
    pub minimum: u64,
    /// How many bundles go that are still there.
    pub bundles: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// Why nothing is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// Not what was planned when it was read.
    #[error(
        "the plan that was read keeps entries from {expected} on, and now it is from {seen} on"
    )]
    Changed {
        /// The minimum that was read.
        expected: u64,
        /// The one of now.
        seen: u64,
    },
    /// A file of the log.
    #[error("a bundle of the audit log cannot be looked at or removed")]
    Log(#[from] LogError),
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
    /// It has to be kept.
    #[error(
        "the policy of retention has entries kept that were written at {allowed} or later, and those before {asked} were to go"
    )]
    TooYoung {
        /// Before when it should be removed.
        asked: Timestamp,
        /// Before when it may be.
        allowed: Timestamp,
    },
}

impl Plan {
    /// Plans to remove the entries of a log with `size` entries whose records were written before
    /// `before`, as far as a policy allows that keeps them for `retention`. Changes nothing.
    ///
    /// # Errors
    /// [`PruneError`].
    pub async fn make(
        history: &dyn History,
        files: &dyn Files,
        size: u64,
        before: Timestamp,
        retention: Duration,
        now: Timestamp,
    ) -> Result<Self, PruneError> {
        let allowed = now.before(retention);
        if before > allowed {
            return Err(PruneError::TooYoung {
                asked: before,
                allowed,
            });
        }
        let mut query = RecordQuery::oldest(1);
        query.since = Some(before);
        let stays = history.find_records(&query).await?;
        let stays = stays
            .first()
            .map_or(size, |record| record.sequence.get() - 1);
        let minimum = stays.min(size) / WIDTH * WIDTH;
        let (mut bundles, mut bytes) = (0, 0);
        for path in paths(minimum) {
            if let Some(length) = length(files, &path)? {
                (bundles, bytes) = (bundles + 1, bytes + length);
            }
        }
        Ok(Self {
            before,
            minimum,
            bundles,
            bytes,
        })
    }

    /// Whether it is the one whose minimum was read.
    ///
    /// # Errors
    /// [`PruneError::Changed`].
    pub fn check(&self, expected: u64) -> Result<(), PruneError> {
        let seen = self.minimum;
        (expected == seen)
            .then_some(())
            .ok_or(PruneError::Changed { expected, seen })
    }

    /// Removes what is planned. Whoever does records it first
    /// ([`Fact::log_pruned`](certlocker_core::Fact::log_pruned)), and may do it again after it broke
    /// off.
    ///
    /// # Errors
    /// [`LogError::Write`]; what was removed until then is gone.
    pub fn apply(&self, files: &dyn Files) -> Result<(), LogError> {
        remove_below(files, self.minimum)
    }
}

/// Removes the full bundles of entries below `minimum`.
pub(crate) fn remove_below<F: Files + ?Sized>(files: &F, minimum: u64) -> Result<(), LogError> {
    for path in paths(minimum) {
        let removed = files.remove(&path);
        removed.map_err(|source| LogError::Write { path, source })?;
    }
    Ok(())
}

fn paths(minimum: u64) -> impl Iterator<Item = String> {
    let bundle = |index| Resource::Entries { index, width: 256 }.to_string();
    (0..minimum / WIDTH).map(bundle)
}

fn length(files: &dyn Files, path: &str) -> Result<Option<u64>, LogError> {
    match files.read(path) {
        Ok(bytes) => Ok(Some(bytes.len() as u64)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(crate::reader::ReadError::Unreadable {
            path: path.to_owned(),
            source,
        }
        .into()),
    }
}

/// What the ledger says to have been removed: the index of the first entry that stays, and the
/// record that says so.
///
/// # Errors
/// Those of the ledger.
pub async fn recorded(history: &dyn History) -> Result<Option<(u64, Sequence)>, StoreError> {
    let mut query = RecordQuery::newest(1);
    query.code = Some(PRUNED.to_owned());
    let newest = history.find_records(&query).await?.pop();
    Ok(newest.and_then(|record| match record.event {
        Event::LogPruned { minimum, .. } => Some((minimum, record.sequence)),
        _ => None,
    }))
}

/// The code of [`Event::LogPruned`].
const PRUNED: &str = "CLA122I";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use certlocker_core::{
        Actor, Attribution, Changeset, Component, Fact, Ledger, MemoryStore, Secret, Trigger,
    };
    use pollster::block_on;

    use super::*;
    use crate::files::Disk;
    use crate::log::Log;
    use crate::note::SigningKey;
    use crate::pump::Pump;
    use crate::verify::{Known, verify_tiles};

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second)
    }

    fn commit(store: &MemoryStore, fact: &Fact) {
        let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
        block_on(store.commit(Changeset::fact(fact, &by))).unwrap();
    }

    /// A log of records that were written one each second.
    fn log(folder: &std::path::Path, records: i64) -> (Arc<MemoryStore>, Pump<Disk>) {
        let store = Arc::new(MemoryStore::default());
        for second in 0..records {
            commit(&store, &Fact::server_started("1", at(second)));
        }
        let key = SigningKey::from_seed("l.example".parse().unwrap(), &Secret::new(vec![1; 32]));
        let log = Log::open(Disk::at(folder), key.unwrap()).unwrap();
        let mut pump = Pump::new(store.clone(), log);
        while block_on(pump.step()).unwrap().taken > 0 {}
        (store, pump)
    }

    #[test]
    fn what_is_planned_is_removed_and_the_rest_still_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let (store, pump) = log(folder.path(), 1_000);
        let files = pump.log().files().clone();
        let now = at(700).after(DAY);
        let plan = Plan::make(&*store, &files, 1_000, at(700), DAY, now);
        let plan = block_on(plan).unwrap();
        assert_eq!((plan.minimum, plan.bundles), (512, 2));
        assert!(matches!(
            plan.check(256),
            Err(PruneError::Changed { seen: 512, .. })
        ));
        let key = pump.checkpoint().clone();
        commit(
            &store,
            &Fact::log_pruned(plan.minimum, plan.before, DAY, now),
        );
        plan.apply(&files).unwrap();
        let again = Plan::make(&*store, &files, 1_000, at(700), DAY, now);
        assert_eq!(block_on(again).unwrap().bundles, 0);
        let (minimum, record) = block_on(recorded(&*store)).unwrap().unwrap();
        assert_eq!((minimum, record), (512, Sequence::new(1_001)));
        let mut known = Known::anchors(vec![key]);
        known.minimum = minimum;
        let verifier =
            SigningKey::from_seed("l.example".parse().unwrap(), &Secret::new(vec![1; 32]));
        let report = verify_tiles(&files, verifier.unwrap().verifier(), &known);
        assert!(report.is_good(), "{report:?}");
        assert_eq!((report.first, report.looked_at), (Some(512), 488));
    }

    #[test]
    fn what_the_policy_has_kept_is_not_planned_to_go() {
        let folder = tempfile::tempdir().unwrap();
        let (store, pump) = log(folder.path(), 3);
        let plan = Plan::make(&*store, pump.log().files(), 3, at(1), DAY, at(0).after(DAY));
        let refused = block_on(plan).unwrap_err();
        assert!(matches!(refused, PruneError::TooYoung { .. }), "{refused}");
    }

    #[test]
    fn the_code_is_that_of_the_event() {
        let fact = Fact::log_pruned(0, at(0), DAY, at(0));
        assert_eq!(fact.event().code(), PRUNED);
    }
}
