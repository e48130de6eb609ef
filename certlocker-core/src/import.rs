//! Plans of imports: what would be done to hosts, kept until it is done or dropped; and what imports
//! need for it.

mod batch;
mod credential;
mod line;
mod plan;

pub use batch::Batch;
pub use credential::{Credential, CredentialForm, Holds, NewCredential};
pub use line::{
    Action, Applied, Choice, KeyProposal, Line, LineCounts, LineKind, Proposal, Target,
};
pub use plan::{NewPlan, Plan, PlanRefusal, PlanState};
