//! Asking the issuer, and what its answer does to the order.

use std::time::Duration;

use certlocker_core::{
    Actor, Attribution, Certificate, Change, Changeset, Component, IssueFailure, Issued, Lease,
    Order, Origin, State, StoreError, Timestamp, Versioned,
};

use super::super::telemetry::count_order;
use super::super::{Gateway, random};
use super::Step;

/// The pause before an issuer that gave no answer is asked again, if it did not name one.
const ISSUER_PAUSE: Duration = Duration::from_secs(5);

impl Gateway {
    pub(super) async fn issue(
        &self,
        order: Versioned<Order>,
        lease: &Lease,
        by: Attribution,
    ) -> Result<Step, StoreError> {
        let State::Processing(processing) = order.value.state() else {
            return Ok(Step::Nothing);
        };
        let by = Attribution {
            actor: Actor::Server(Component::Issuer),
            ..by
        };
        let issued = self
            .0
            .parts
            .issuer
            .issue(&order.value, &processing.request, self.now())
            .await;
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
        let Some((changes, after)) = decided else {
            return Ok(Step::Nothing);
        };
        self.store().commit(changes.under(lease.clone())).await?;
        count_order(&after);
        Ok(Step::Done)
    }

    /// The certificate and the order that has it, as one write.
    async fn issued(
        &self,
        order: &Versioned<Order>,
        issued: Issued,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Option<(Changeset, Order)>, StoreError> {
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
fn decided(change: Change<Order>) -> (Changeset, Order) {
    let after = change.after().value;
    (Changeset::of(change), after)
}
