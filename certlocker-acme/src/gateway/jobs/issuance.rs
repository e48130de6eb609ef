//! Asking the issuer, and what its answer does to the order.

use std::time::Duration;

use certlocker_core::{
    Actor, Attribution, Certificate, Change, Changeset, Component, IssueFailure, Issued, Lease,
    Order, Origin, State, StoreError, Timestamp, Versioned,
};

use super::super::telemetry::count_order;
use super::super::{Gateway, random};
use super::Step;
use super::beginning::Begun;

/// The pause before an issuer that gave no answer is asked again, if it did not name one.
const ISSUER_PAUSE: Duration = Duration::from_secs(5);

impl Gateway {
    /// Asks the issuer, and commits its answer, together with what a request began.
    pub(super) async fn issue(
        &self,
        order: Versioned<Order>,
        lease: &Lease,
        by: Attribution,
        begun: Option<Begun>,
    ) -> Result<Step, StoreError> {
        let (changes, order) = self.with_begun(&order, begun.as_ref());
        let State::Processing(processing) = order.value.state() else {
            return Ok(Step::Nothing);
        };
        let by = Attribution {
            actor: Actor::Server(Component::Issuer),
            ..by
        };
        let (issuer, request) = (&self.0.parts.issuer, &processing.request);
        let issued = issuer.issue(&order.value, request, self.now()).await;
        let now = self.now();
        let decided = match issued {
            Ok(issued) => self.issued(&order, issued, &by, now).await?,
            Err(IssueFailure::Refused(failure)) => order
                .issue_refused(failure, now)
                .map(|ended| decided(ended.by(&by))),
            Err(IssueFailure::NoAnswer {
                failure,
                retry_after,
            }) => {
                let pause = retry_after.unwrap_or(ISSUER_PAUSE);
                let delayed =
                    order.issue_delayed(failure, pause, self.0.config.issuer_patience, now);
                delayed.map(|delayed| decided(delayed.by(&by)))
            }
        };
        let Some((decided, after)) = decided else {
            return Ok(Step::Nothing);
        };
        let (changes, begun) = match changes {
            Some(changes) => (changes.merge(decided), begun),
            // Another request was handed in first, and this is the answer to that.
            None => (decided, None),
        };
        self.store().commit(changes.under(lease.clone())).await?;
        count_order(&after.value);
        if let Some(mut begun) = begun {
            begun.tell(after.clone());
        }
        Ok(Step::Done(Box::new(after.value)))
    }

    /// The certificate and the order that has it, as one write.
    async fn issued(
        &self,
        order: &Versioned<Order>,
        issued: Issued,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Option<(Changeset, Versioned<Order>)>, StoreError> {
        let account = *order.value.account();
        let before = self
            .store()
            .latest_certificate(&account, order.value.identifiers())
            .await?;
        let origin = Origin::Issued {
            account,
            order: *order.value.id(),
        };
        let replaces = before.map(|before| *before.value.id());
        let stored = Certificate::store(
            issued.chain,
            issued.description,
            origin,
            replaces,
            &mut random,
            now,
        );
        let Some(valid) = order.issued(stored.next(), now) else {
            return Ok(None);
        };
        let (valid, after) = decided(valid.by(by));
        Ok(Some((Changeset::of(stored.by(by)).merge(valid), after)))
    }
}

/// A change of an order, and the order after it.
fn decided(change: Change<Order>) -> (Changeset, Versioned<Order>) {
    let after = change.after();
    (Changeset::of(change), after)
}
