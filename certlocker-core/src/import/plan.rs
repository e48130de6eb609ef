//! A plan as a whole.

use serde::{Deserialize, Serialize};

use super::LineCounts;
use crate::change::{Entry, private};
use crate::{Aggregate, Event, Fact, ImportPlanId, Kind, Random, Timestamp, Transition, Versioned};

/// What an import would do, what it was computed from, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    id: ImportPlanId,
    batches: u32,
    computed_from: String,
    counts: LineCounts,
    failures: Vec<String>,
    source: String,
    state: PlanState,
    undoes: Option<ImportPlanId>,
}

/// What a plan is made with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewPlan {
    /// How many batches it has.
    pub batches: u32,
    /// SHA-256 of the hosts that it was computed from, in hexadecimal.
    pub computed_from: String,
    /// How many lines there are of each kind.
    pub counts: LineCounts,
    /// Where nothing could be found out, and why.
    pub failures: Vec<String>,
    /// Where the hosts were found.
    pub source: String,
    /// The plan that this one takes back.
    pub undoes: Option<ImportPlanId>,
}

/// How far a plan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "one after the other")]
pub enum PlanState {
    /// Its batches are being stored.
    Drafting,
    /// It can be read, edited and applied.
    Ready,
    /// It is being applied.
    Started,
    /// It was applied.
    Applied(Timestamp),
}

/// Why a plan cannot do what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanRefusal {
    /// It is not whole.
    #[error("the plan is not whole: storing it was broken off; make another")]
    Drafting,
    /// It has been begun to be applied.
    #[error("the plan has been begun to be applied, and can no longer be edited")]
    Started,
    /// It was applied.
    #[error("the plan was applied at {0}")]
    Applied(Timestamp),
    /// There is no such line.
    #[error("the plan has no line {0}")]
    NoLine(u32),
}

impl Plan {
    /// Begins to keep a plan; it is ready once its batches are stored, too.
    pub fn create(new: NewPlan, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let plan = Self {
            id: ImportPlanId::new(now, random),
            batches: new.batches,
            computed_from: new.computed_from,
            counts: new.counts,
            failures: new.failures,
            source: new.source,
            state: PlanState::Drafting,
            undoes: new.undoes,
        };
        let planned = Event::ImportPlanned {
            batches: plan.batches,
            computed_from: plan.computed_from.clone(),
            lines: plan.counts,
            plan_id: plan.id,
            source: plan.source.clone(),
            undoes: plan.undoes,
        };
        Transition::create(plan, vec![planned], now)
    }

    /// Its id.
    pub fn id(&self) -> &ImportPlanId {
        &self.id
    }

    /// How many batches it has.
    pub fn batches(&self) -> u32 {
        self.batches
    }

    /// SHA-256 of the hosts that it was computed from.
    pub fn computed_from(&self) -> &str {
        &self.computed_from
    }

    /// How many lines there were of each kind when it was made.
    pub fn counts(&self) -> LineCounts {
        self.counts
    }

    /// Where nothing could be found out, and why.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Where the hosts were found.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How far it has come.
    pub fn state(&self) -> PlanState {
        self.state
    }

    /// The plan that this one takes back.
    pub fn undoes(&self) -> Option<&ImportPlanId> {
        self.undoes.as_ref()
    }
}

impl Versioned<Plan> {
    /// Every batch is stored.
    pub fn ready(&self, now: Timestamp) -> Transition<Plan> {
        let ready = Event::ImportReady {
            plan_id: self.value.id,
        };
        self.becomes(PlanState::Ready, ready, now)
    }

    /// Begins to apply it; none if that was begun before, and is to be gone on with.
    ///
    /// # Errors
    /// [`PlanRefusal`] for a plan that is not whole, or was applied.
    pub fn start(&self, now: Timestamp) -> Result<Option<Transition<Plan>>, PlanRefusal> {
        match self.value.state {
            PlanState::Drafting => Err(PlanRefusal::Drafting),
            PlanState::Applied(at) => Err(PlanRefusal::Applied(at)),
            PlanState::Started => Ok(None),
            PlanState::Ready => {
                let started = Event::ImportStarted {
                    plan_id: self.value.id,
                };
                Ok(Some(self.becomes(PlanState::Started, started, now)))
            }
        }
    }

    /// Every batch was applied.
    pub fn finish(&self, now: Timestamp) -> Transition<Plan> {
        let applied = Event::ImportApplied {
            plan_id: self.value.id,
        };
        self.becomes(PlanState::Applied(now), applied, now)
    }

    /// The fact that it does not fit what is there; `differences` are the first of `total`.
    pub fn refused(&self, differences: Vec<String>, total: usize, now: Timestamp) -> Fact {
        let refused = Event::ImportRefused {
            differences,
            plan_id: self.value.id,
            total,
        };
        Fact::new(refused, now)
    }

    fn becomes(&self, state: PlanState, event: Event, now: Timestamp) -> Transition<Plan> {
        let next = Plan {
            state,
            ..self.value.clone()
        };
        self.step(next, vec![event], now)
    }
}

impl private::Sealed for Plan {}

impl Aggregate for Plan {
    const KIND: Kind = Kind::ImportPlan;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }
}
