//! Which import, or what else, changed who may use a host.

use std::collections::HashMap;

use certlocker_core::host::{AccessChange, AccessLine, AccessOrigin, access_changes_until};
use certlocker_core::{Event, HostId, KeyFingerprint, Ledger, Record, Subject, Timestamp};

use super::{Step, WhyError, why};

/// Which changes of access are asked for.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "every field is the asker's")]
pub struct AccessQuestion {
    /// Of this host.
    pub host: HostId,
    /// With this key only.
    pub key: Option<KeyFingerprint>,
    /// At most so many, the newest.
    pub limit: usize,
    /// To this account of the host only.
    pub login: Option<String>,
    /// Up to this time, at which ends what was granted for a time.
    pub until: Timestamp,
}

/// A change of who may use a host, with the ways back to what set it off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessAnswer {
    /// What changed, when, and the record that made it so.
    pub change: AccessChange,
    /// What made it so, if the record says: a line of a plan, a person, a policy.
    pub origin: Option<AccessOrigin>,
    /// How the plan came about, if one was applied: the plan, and the way back to its root trigger.
    pub planned: Vec<Step>,
    /// How whoever made the change came to be able to: their token and who made that, to the root
    /// trigger. Nothing if the record has no cause before it.
    pub way: Vec<Step>,
}

/// Every change of who may use a host, the newest first: what made it so, whoever applied that, and
/// the way back to the root trigger of both.
///
/// # Errors
/// [`WhyError`].
pub async fn access(
    ledger: &(impl Ledger + ?Sized),
    question: &AccessQuestion,
) -> Result<Vec<AccessAnswer>, WhyError> {
    let changes = access_changes_until(ledger, &question.host, question.until).await?;
    let asked = changes.into_iter().rev();
    let asked = asked.filter_map(|change| question.part_of(change));
    let asked: Vec<AccessChange> = asked.take(question.limit).collect();
    let (mut answers, mut ways) = (Vec::new(), Ways::default());
    for change in asked {
        let origin = origin(&change.record);
        let plan = origin.as_ref().and_then(AccessOrigin::plan);
        let plan = plan.map(|plan| Subject::ImportPlan(*plan));
        answers.push(AccessAnswer {
            planned: ways.from(ledger, plan).await?,
            way: ways.from(ledger, change.record.cause.parent).await?,
            change,
            origin,
        });
    }
    Ok(answers)
}

impl AccessQuestion {
    /// What of a change is asked for, if anything is.
    fn part_of(&self, mut change: AccessChange) -> Option<AccessChange> {
        let asked = |line: &AccessLine| {
            let key = self.key.as_ref().is_none_or(|key| line.key == *key);
            key && (self.login.is_none() || self.login == line.login)
        };
        change.difference.gained.retain(asked);
        change.difference.lost.retain(asked);
        (!change.difference.is_empty()).then_some(change)
    }
}

/// The ways back from what many changes have in common.
#[derive(Default)]
struct Ways(HashMap<Subject, Vec<Step>>);

impl Ways {
    async fn from(
        &mut self,
        ledger: &(impl Ledger + ?Sized),
        subject: Option<Subject>,
    ) -> Result<Vec<Step>, WhyError> {
        let Some(subject) = subject else {
            return Ok(Vec::new());
        };
        if let Some(known) = self.0.get(&subject) {
            return Ok(known.clone());
        }
        let way = why(ledger, subject).await?;
        self.0.insert(subject, way.clone());
        Ok(way)
    }
}

fn origin(record: &Record) -> Option<AccessOrigin> {
    match &record.event {
        Event::AccessGranted { origin, .. }
        | Event::AccessRevoked { origin, .. }
        | Event::GroupCreated { origin, .. }
        | Event::HostAdopted { origin, .. }
        | Event::HostGone { origin, .. }
        | Event::HostReturned { origin, .. }
        | Event::HostUpdated { origin, .. } => Some(origin.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
