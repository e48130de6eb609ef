//! A part of a plan that is stored and applied as a whole.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Line, Plan, PlanRefusal, PlanState};
use crate::change::{Entry, private};
use crate::record::json;
use crate::secret::hexadecimal;
use crate::{Aggregate, Event, ImportPlanId, Kind, Timestamp, Transition, Versioned};

/// Lines of a plan that are applied in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    applied: Option<Timestamp>,
    lines: Vec<Line>,
    number: u32,
    plan: ImportPlanId,
}

impl Batch {
    /// Keeps lines of a plan as its batch `number`, from 0.
    pub fn create(
        plan: ImportPlanId,
        number: u32,
        lines: Vec<Line>,
        now: Timestamp,
    ) -> Transition<Self> {
        let planned = Event::ImportBatchPlanned {
            batch: number,
            lines: lines.len(),
            plan_id: plan,
            sha256: hexadecimal(&Sha256::digest(json(&lines))),
        };
        let batch = Self {
            applied: None,
            lines,
            number,
            plan,
        };
        Transition::create(batch, vec![planned], now)
    }

    /// When it was applied.
    pub fn applied(&self) -> Option<Timestamp> {
        self.applied
    }

    /// Its lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Its number, from 0.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The key of a plan's batch.
    pub(crate) fn key_of(plan: &ImportPlanId, number: u32) -> String {
        format!("{plan}.{number:010}")
    }
}

impl Versioned<Batch> {
    /// Puts another line in the place of one; nothing if they are the same.
    ///
    /// # Errors
    /// [`PlanRefusal`] if the plan is not one to be edited, or has no such line.
    pub fn edit(
        &self,
        plan: &Plan,
        line: Line,
        now: Timestamp,
    ) -> Result<Option<Transition<Batch>>, PlanRefusal> {
        match plan.state() {
            PlanState::Drafting => return Err(PlanRefusal::Drafting),
            PlanState::Started => return Err(PlanRefusal::Started),
            PlanState::Applied(at) => return Err(PlanRefusal::Applied(at)),
            PlanState::Ready => {}
        }
        let mut lines = self.value.lines.clone();
        let place = lines.iter_mut().find(|place| place.number == line.number);
        let place = place.ok_or(PlanRefusal::NoLine(line.number))?;
        let changes = place.edited(&line);
        if changes.is_empty() {
            return Ok(None);
        }
        let edited = Event::ImportLineEdited {
            changes,
            line: line.number,
            plan_id: self.value.plan,
        };
        *place = line;
        let next = Batch {
            lines,
            ..self.value.clone()
        };
        Ok(Some(self.step(next, vec![edited], now)))
    }

    /// Says what became of its lines; committed together with the hosts.
    pub fn apply(&self, lines: Vec<Line>, now: Timestamp) -> Transition<Batch> {
        let hosts = lines.iter().filter(|line| line.applied.is_some()).count();
        let applied = Event::ImportBatchApplied {
            batch: self.value.number,
            hosts,
            plan_id: self.value.plan,
        };
        let next = Batch {
            applied: Some(now),
            lines,
            ..self.value.clone()
        };
        self.step(next, vec![applied], now)
    }
}

impl private::Sealed for Batch {}

impl Aggregate for Batch {
    const KIND: Kind = Kind::ImportBatch;

    fn key(&self) -> String {
        Self::key_of(&self.plan, self.number)
    }

    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }
}
