//! Looking at challenges, and what that does to their order.

use certlocker_core::{Attribution, Changeset, Lease, Order, Seen, StoreError, Versioned};

use super::super::Gateway;
use super::super::telemetry::{count_attempt, count_order};
use super::Step;
use super::beginning::Begun;
use crate::validator::Armed;

/// How often results are applied anew when the order changed meanwhile.
const APPLY_TRIES: usize = 20;

impl Gateway {
    /// Looks at every armed challenge at once, and commits what was found as one change, together
    /// with what a request began.
    pub(super) async fn validate(
        &self,
        mut order: Versioned<Order>,
        lease: &Lease,
        by: &Attribution,
        mut begun: Option<Begun>,
    ) -> Result<Step, StoreError> {
        let (_, armed) = self.with_begun(&order, begun.as_ref());
        let seen = self.look(&armed.value).await;
        if seen.is_empty() {
            return Ok(Step::Nothing);
        }
        for _ in 0..APPLY_TRIES {
            let (changes, armed) = self.with_begun(&order, begun.as_ref());
            let now = self.now();
            let lifetime = self.0.config.authorization_lifetime;
            let until = now.after(lifetime).whole_seconds();
            let retry = &self.0.config.retry;
            let change = armed.attempted(seen.clone(), retry, until, now).by(by);
            let after = change.after();
            let changes = match changes {
                Some(changes) => changes.and(change),
                None => Changeset::of(change),
            };
            match self.store().commit(changes.under(lease.clone())).await {
                Ok(_) => {
                    count_order(&after.value);
                    if let Some(begun) = &mut begun {
                        begun.tell(after.clone());
                    }
                    return Ok(Step::Done(Box::new(after.value)));
                }
                Err(StoreError::Conflict) => order = self.store().order(order.value.id()).await?,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// The order with what a request began, and the change that makes it so.
    pub(super) fn with_begun(
        &self,
        order: &Versioned<Order>,
        begun: Option<&Begun>,
    ) -> (Option<Changeset>, Versioned<Order>) {
        match begun.and_then(|begun| begun.change(order, self)) {
            Some(change) => {
                let after = change.after();
                (Some(Changeset::of(change)), after)
            }
            None => (None, order.clone()),
        }
    }

    async fn look(&self, order: &Order) -> Vec<Seen> {
        let thumbprint = match self.store().account(order.account()).await {
            Ok(account) => account.value.key().thumbprint,
            Err(_) => return Vec::new(),
        };
        let started = self.now();
        let attempts = order.armed().into_iter().filter_map(|challenge| {
            let authorization = order.authorizations().get(challenge.authorization)?;
            let token = authorization
                .challenge(challenge.method)?
                .token()
                .to_owned();
            let key_authorization = format!("{token}.{thumbprint}");
            let identifier = authorization.identifier();
            let armed = Armed {
                identifier,
                method: challenge.method,
                token,
                key_authorization,
                started,
            };
            Some((challenge, armed))
        });
        let looks = attempts.map(|(challenge, armed)| async move {
            let attempt = self.0.parts.validator.attempt(&armed).await;
            count_attempt(&attempt, armed.method);
            Seen { attempt, challenge }
        });
        futures_util::future::join_all(looks).await
    }
}
