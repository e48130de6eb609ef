//! Looking at challenges, and what that does to their order.

use certlocker_core::{Attribution, Changeset, Lease, Order, Seen, StoreError, Versioned};

use super::super::Gateway;
use super::super::telemetry::{count_attempt, count_order};
use super::Step;
use crate::validator::Armed;

/// How often results are applied anew when the order changed meanwhile.
const APPLY_TRIES: usize = 20;

impl Gateway {
    /// Looks at every armed challenge at once, and commits what was found as one change.
    pub(super) async fn validate(
        &self,
        mut order: Versioned<Order>,
        lease: &Lease,
        by: &Attribution,
    ) -> Result<Step, StoreError> {
        let seen = self.look(&order.value).await;
        if seen.is_empty() {
            return Ok(Step::Nothing);
        }
        for _ in 0..APPLY_TRIES {
            let now = self.now();
            let until = now
                .after(self.0.config.authorization_lifetime)
                .whole_seconds();
            let change = order
                .attempted(seen.clone(), &self.0.config.retry, until, now)
                .by(by);
            let after = change.after().value;
            match self
                .store()
                .commit(Changeset::of(change).under(lease.clone()))
                .await
            {
                Ok(_) => {
                    count_order(&after);
                    return Ok(Step::Done);
                }
                Err(StoreError::Conflict) => order = self.store().order(order.value.id()).await?,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
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
