//! Authorizations and challenges ([RFC 8555 section 7.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.5)).

use certlocker_core::{
    ChallengeRef, ChallengeState, Order, OrderRefusal, StoreError, Timestamp, Versioned,
};

use super::jobs::{Beginning, Outcome};
use super::order::RETRY_PROCESSING;
use super::{Gateway, Refused, Signed};
use crate::call::Answer;
use crate::links::{authorization_ref, challenge_ref};
use crate::problem::Problem;
use crate::wire::{StatusUpdate, WireAuthorization, WireChallenge};

impl Gateway {
    pub(super) async fn authorization(
        &self,
        value: &str,
        signed: &Signed,
    ) -> Result<Answer, Refused> {
        let (id, place) = authorization_ref(value).ok_or_else(Problem::not_found)?;
        let order = self.own_order_by_id(&id, signed).await?;
        if place >= order.value.authorizations().len() {
            return Err(Problem::not_found().into());
        }
        let order = if signed.is_get() {
            order
        } else {
            self.deactivate_authorization(order, place, signed).await?
        };
        self.authorization_answer(&order.value, place, signed.now)
    }

    async fn deactivate_authorization(
        &self,
        order: Versioned<Order>,
        place: usize,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        let update: StatusUpdate = signed.json()?;
        if update.status.as_deref() != Some("deactivated") {
            let detail = "an authorization is read with an empty payload, or deactivated with {\"status\":\"deactivated\"}";
            return Err(Problem::malformed(detail).into());
        }
        let given_up = order.deactivate_authorization(place, signed.now);
        let change = given_up
            .map_err(|refusal: OrderRefusal| Problem::malformed(refusal.to_string()))?
            .by(&signed.by);
        let after = change.after();
        self.store().commit(change.into()).await?;
        Ok(after)
    }

    fn authorization_answer(
        &self,
        order: &Order,
        place: usize,
        now: Timestamp,
    ) -> Result<Answer, Refused> {
        let shown = WireAuthorization::new(order, place, self.links(), now)
            .ok_or_else(Problem::not_found)?;
        let looked_at = order
            .armed()
            .iter()
            .any(|challenge| challenge.authorization == place);
        let answer = Answer::json(200, &shown);
        Ok(if looked_at {
            answer.header("retry-after", RETRY_PROCESSING)
        } else {
            answer
        })
    }

    pub(super) async fn challenge(&self, value: &str, signed: &Signed) -> Result<Answer, Refused> {
        let (id, challenge) = challenge_ref(value).ok_or_else(Problem::not_found)?;
        let order = self.own_order_by_id(&id, signed).await?;
        find(&order.value, challenge)?;
        if signed.is_get() {
            return self.challenge_answer(&order.value, challenge);
        }
        let _: serde_json::Map<String, serde_json::Value> = signed.json()?;
        let order = self.prove(order, challenge, signed).await?;
        self.challenge_answer(&order.value, challenge)
    }

    /// Looks at the challenge at once: what is found soon is one commit with the client's word.
    async fn prove(
        &self,
        order: Versioned<Order>,
        challenge: ChallengeRef,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        let retry = &self.0.config.retry;
        if order.arm(challenge, retry, signed.now).is_none() {
            return self.prove_on(order, challenge, signed).await;
        }
        let beginning = Beginning::Armed(challenge);
        match self.begin(order.value.id(), beginning, signed).await? {
            Outcome::Committed(order) => Ok(*order),
            Outcome::Late => self.arm(order, challenge, signed).await,
            Outcome::Busy => {
                let order = self.arm(order, challenge, signed).await?;
                self.prove_on(order, challenge, signed).await
            }
        }
    }

    /// Begins the next attempt at once, if there is to be one.
    async fn prove_on(
        &self,
        order: Versioned<Order>,
        challenge: ChallengeRef,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        if order.value.armed().contains(&challenge) {
            return Ok(self.await_job(&order, &signed.by).await?);
        }
        Ok(order)
    }

    /// Notes that the client is ready; another request for the same order may be first.
    async fn arm(
        &self,
        mut order: Versioned<Order>,
        challenge: ChallengeRef,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        for _ in 0..ARM_TRIES {
            let Some(armed) = order.arm(challenge, &self.0.config.retry, signed.now) else {
                return Ok(order);
            };
            let change = armed.by(&signed.by);
            let after = change.after();
            match self.store().commit(change.into()).await {
                Ok(_) => return Ok(after),
                Err(StoreError::Conflict) => {
                    order = self.own_order_by_id(order.value.id(), signed).await?
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn challenge_answer(&self, order: &Order, challenge: ChallengeRef) -> Result<Answer, Refused> {
        let found = find(order, challenge)?;
        let shown = WireChallenge::new(found, self.links().challenge(order.id(), challenge));
        let up = self
            .links()
            .authorization(order.id(), challenge.authorization);
        let answer = Answer::json(200, &shown).link(&up, "up");
        Ok(match found.state() {
            ChallengeState::Processing(_) => answer.header("retry-after", RETRY_PROCESSING),
            _ => answer,
        })
    }
}

const ARM_TRIES: usize = 20;

fn find(order: &Order, challenge: ChallengeRef) -> Result<&certlocker_core::Challenge, Problem> {
    let authorization = order.authorizations().get(challenge.authorization);
    authorization
        .and_then(|authorization| authorization.challenge(challenge.method))
        .ok_or_else(Problem::not_found)
}
