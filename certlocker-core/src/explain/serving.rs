//! The last stage: whether the endpoints of an order's certificate serve it.

use super::{Explanation, Party, Stage, StepStatus};
use crate::endpoint::{Endpoint, Level, explain_endpoint};
use crate::{Certificate, Timestamp};

impl Explanation {
    /// The same, with what is served at the endpoints of the order's certificate; nothing is added if
    /// there are none. `is_newest` says whether no other certificate has taken its place.
    #[must_use]
    pub fn with_endpoints(
        mut self,
        certificate: &Certificate,
        endpoints: &[Endpoint],
        is_newest: bool,
        now: Timestamp,
    ) -> Self {
        if endpoints.is_empty() || self.stage < Stage::Download {
            return self;
        }
        if !is_newest {
            self.replaced(certificate);
            return self;
        }
        let serves = |endpoint: &&Endpoint| endpoint.serves(certificate.id());
        let serving = endpoints.iter().filter(serves).count();
        if serving == endpoints.len() {
            self.verdict += &format!(" All {serving} endpoints serve it.");
            self.stage = Stage::Served;
            self.waiting_for = None;
            self.stand(StepStatus::Done, certificate.served());
            return self;
        }
        let missing = endpoints.iter().filter(|one| !serves(one));
        let worst = missing.max_by_key(|endpoint| endpoint.level().unwrap_or(Level::Fine));
        let told = worst.map(|endpoint| explain_endpoint(endpoint, now));
        let party = told.as_ref().and_then(|told| told.waiting_for);
        let party = party.unwrap_or(Party::Server);
        let sentence = told.map(|told| told.sentence).unwrap_or_default();
        self.verdict += &format!(
            " {serving} of {} endpoints serve it. {sentence}",
            endpoints.len()
        );
        self.stage = Stage::Served;
        self.waiting_for = Some(party);
        self.stand(StepStatus::Waiting(party), None);
        self
    }

    fn replaced(&mut self, certificate: &Certificate) {
        self.verdict += match certificate.served() {
            Some(_) => " Every endpoint served it, until another took its place.",
            None => " Another took its place before every endpoint was seen to serve it.",
        };
        if certificate.served().is_none() {
            self.stand(StepStatus::NotReached, None);
        }
    }

    fn stand(&mut self, status: StepStatus, done: Option<Timestamp>) {
        for step in &mut self.rail {
            if step.stage == Stage::Served {
                step.status = status;
                step.done = done.or(step.done).filter(|_| status == StepStatus::Done);
            } else if step.stage == Stage::Download && step.done.is_none() {
                // What is served was fetched, whoever fetched it.
                step.status = match status {
                    StepStatus::Done => StepStatus::Done,
                    _ => step.status,
                };
            }
        }
    }
}
