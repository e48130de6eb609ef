//! Orders: place and read ([RFC 8555 section 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).

use std::time::Duration;

use certlocker_core::{
    Account, Client, Fact, Failure, FailureKind, Identifier, NewOrder, Order, OrderId, OrderStatus,
    Proof, StoreError, Subject, Timestamp, Versioned,
};

use super::{Gateway, Refused, Signed, random};
use crate::call::Answer;
use crate::problem::{Problem, ProblemType, Subproblem, first_few, named};
use crate::wire::{NewOrderPayload, WireOrder};

impl Gateway {
    pub(super) async fn new_order(&self, signed: &Signed) -> Result<Answer, Refused> {
        let account = &signed.account()?.value;
        let payload: NewOrderPayload = signed.json()?;
        let identifiers = self.identifiers(&payload)?;
        let [not_before, not_after] = self.dates(&payload, signed.now)?;
        self.check_scope(account, signed, &identifiers, payload.profile.as_deref())
            .await?;
        let new = NewOrder {
            account: *account.id(),
            client: account.client().copied(),
            expires: signed
                .now
                .after(self.0.config.order_lifetime)
                .whole_seconds(),
            proofs: self.proofs(account, signed, &identifiers).await?,
            identifiers,
            not_after,
            not_before,
            profile: payload.profile,
        };
        if let Some(same) = self.same_order(&new, signed.now).await? {
            return Ok(self.order_answer(201, &same.value));
        }
        self.0.limiters.check_orders(signed).map_err(|problem| {
            let kind = FailureKind::Unauthorized;
            refused(account, &new.identifiers, problem, kind, signed.now)
        })?;
        let scope = signed.client.as_ref().map(Client::scope);
        let identifiers = new.identifiers.clone();
        let created = Order::create(new, scope, &mut random, signed.now).map_err(|refusal| {
            let problem = Problem::new(ProblemType::RejectedIdentifier, refusal.to_string());
            let kind = FailureKind::RejectedIdentifier;
            refused(account, &identifiers, problem, kind, signed.now)
        })?;
        let order = created.next().clone();
        self.store().commit(created.by(&signed.by).into()).await?;
        super::telemetry::count_new_order(&order);
        Ok(self.order_answer(201, &order))
    }

    fn identifiers(&self, payload: &NewOrderPayload) -> Result<Vec<Identifier>, Problem> {
        let most = self.0.config.max_identifiers;
        if payload.identifiers.is_empty() {
            return Err(Problem::malformed(
                "the order names nothing: `identifiers` is empty",
            ));
        }
        if payload.identifiers.len() > most {
            let detail = format!(
                "the order names {} identifiers, and {most} are allowed",
                payload.identifiers.len()
            );
            return Err(Problem::malformed(detail));
        }
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for given in &payload.identifiers {
            match given.parse() {
                Ok(identifier) => good.push(identifier),
                Err(subproblem) => bad.push(subproblem),
            }
        }
        if bad.is_empty() {
            Ok(good)
        } else {
            Err(several(bad))
        }
    }

    /// What is asked for is honoured exactly or refused.
    fn dates(
        &self,
        payload: &NewOrderPayload,
        now: Timestamp,
    ) -> Result<[Option<Timestamp>; 2], Problem> {
        let parse = |name: &str, text: &Option<String>| match text {
            Some(text) => match Timestamp::parse(text) {
                Ok(at) if at == at.whole_seconds() => Ok(Some(at)),
                Ok(at) => Err(Problem::malformed(format!(
                    "{name} {at} has a part of a second, and certificates are dated to the second"
                ))),
                // What stands there is not shown: it could be anything.
                Err(_) => Err(Problem::malformed(format!(
                    "{name}: a time of RFC 3339 between 1970 and 9999 was expected, and {} characters that are none are there",
                    text.chars().count()
                ))),
            },
            None => Ok(None),
        };
        let (not_before, not_after) = (
            parse("notBefore", &payload.not_before)?,
            parse("notAfter", &payload.not_after)?,
        );
        let begin = not_before.unwrap_or_else(|| now.whole_seconds());
        let longest = self.0.config.max_validity;
        match not_after {
            Some(end) if end <= begin || end <= now => Err(Problem::malformed(format!(
                "notAfter {end} is in the past or not after notBefore {begin}"
            ))),
            Some(end) if end.since(begin) > longest => {
                let days = longest.as_secs() / 86_400;
                Err(Problem::malformed(format!(
                    "notAfter is more than {days} days after notBefore, and no more are issued"
                )))
            }
            None if begin.since(now) > longest || now.since(begin) > longest => Err(
                Problem::malformed(format!("notBefore {begin} is too far from now")),
            ),
            _ => Ok([not_before, not_after]),
        }
    }

    /// Whether the account's scoped client may order this, now.
    async fn check_scope(
        &self,
        account: &Account,
        signed: &Signed,
        identifiers: &[Identifier],
        profile: Option<&str>,
    ) -> Result<(), Refused> {
        let refuse = |problem: Problem, kind: FailureKind| {
            refused(account, identifiers, problem, kind, signed.now)
        };
        if let Some(profile) = profile
            && !signed
                .client
                .as_ref()
                .is_some_and(|client| client.scope().profiles.contains(profile))
        {
            let problem = Problem::new(
                ProblemType::InvalidProfile,
                format!("there is no profile {} for this account", named(profile)),
            );
            return Err(refuse(problem, FailureKind::Unauthorized));
        }
        let Some(client) = &signed.client else {
            return Ok(());
        };
        client
            .check(signed.now)
            .map_err(|refusal| refuse(refusal.into(), FailureKind::Unauthorized))?;
        if let Some(problem) = outside(client, identifiers) {
            return Err(refuse(problem, FailureKind::RejectedIdentifier));
        }
        if let Some(problem) = self.over_quota(client, signed.now).await? {
            return Err(refuse(problem, FailureKind::Unauthorized));
        }
        Ok(())
    }

    async fn over_quota(
        &self,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Problem>, StoreError> {
        let Some(most) = client.scope().orders_per_day else {
            return Ok(None);
        };
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let placed = self
            .store()
            .orders_since(client.id(), now.before(DAY), limit)
            .await?;
        if placed < limit {
            return Ok(None);
        }
        let detail = format!(
            "client `{}` has placed {placed} orders within 24 hours, and {most} are allowed",
            client.name()
        );
        let mut problem = Problem::new(ProblemType::RateLimited, detail);
        problem.retry_after = Some(RETRY_QUOTA);
        Ok(Some(problem))
    }

    async fn proofs(
        &self,
        account: &Account,
        signed: &Signed,
        identifiers: &[Identifier],
    ) -> Result<Vec<Proof>, StoreError> {
        let mut proofs = Vec::new();
        if signed.client.as_ref().is_some_and(Client::reuses_proofs) {
            for identifier in identifiers {
                proofs.extend(
                    self.store()
                        .proof(account.id(), identifier, signed.now)
                        .await?,
                );
            }
        }
        Ok(proofs)
    }

    /// The order that a client, or a proxy that repeats requests, has just placed and not touched.
    async fn same_order(
        &self,
        new: &NewOrder,
        now: Timestamp,
    ) -> Result<Option<Versioned<Order>>, StoreError> {
        let untouched = self.store().untouched_order(new).await?;
        let window = self.0.config.same_order_window;
        let fresh = |order: &Versioned<Order>| {
            order.value.expires() > now && now.since(order.value.id().created()) < window
        };
        Ok(untouched.filter(fresh))
    }

    pub(super) async fn order(&self, value: &str, signed: &Signed) -> Result<Answer, Refused> {
        let order = self.own_order(value, signed).await?;
        signed.expect_get()?;
        Ok(self.order_answer(200, &order.value))
    }

    /// The order with this id if it belongs to the account; ended first if its time is up.
    pub(super) async fn own_order(
        &self,
        value: &str,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        let id: OrderId = value.parse().map_err(|_| Problem::not_found())?;
        self.own_order_by_id(&id, signed).await
    }

    pub(super) async fn own_order_by_id(
        &self,
        id: &OrderId,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        let account = signed.account()?;
        let order = self.store().order(id).await?;
        if order.value.account() != account.value.id() {
            return Err(Problem::not_found().into());
        }
        self.expired(order, signed).await
    }

    async fn expired(
        &self,
        order: Versioned<Order>,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        let Some(expired) = order.expire(signed.now) else {
            return Ok(order);
        };
        let by = super::jobs::caretaker().because_of(Subject::Order(*order.value.id()));
        let change = expired.by(&by);
        let after = change.after();
        match self.store().commit(change.into()).await {
            Ok(_) => Ok(after),
            Err(StoreError::Conflict) => Ok(self.store().order(order.value.id()).await?),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn order_answer(&self, status: u16, order: &Order) -> Answer {
        let answer = Answer::json(status, &WireOrder::new(order, self.links()))
            .header("location", self.links().order(order.id()));
        match order.status() {
            OrderStatus::Processing => answer.header("retry-after", RETRY_PROCESSING),
            _ => answer,
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// In seconds.
const RETRY_QUOTA: u32 = 3600;
/// In seconds.
pub(super) const RETRY_PROCESSING: &str = "1";

/// An order that will not be; the client is told the id under which its operator finds the refusal.
fn refused(
    account: &Account,
    identifiers: &[Identifier],
    mut problem: Problem,
    kind: FailureKind,
    now: Timestamp,
) -> Refused {
    let id = OrderId::new(now, &mut random);
    let failure = Failure::new(kind, problem.detail.clone());
    problem.detail.push_str(&format!(" (refusal {id})"));
    let client = account.client().copied();
    let names = identifiers.to_vec();
    let fact = Fact::order_refused(id, *account.id(), client, names, failure, now);
    Refused::new(problem, fact)
}

/// The identifiers that a client's scope does not cover, as one problem.
pub(super) fn outside(client: &Client, identifiers: &[Identifier]) -> Option<Problem> {
    let refuse = |identifier: &Identifier| {
        let detail = format!(
            "client `{}` may order {}, and {identifier} is outside",
            client.name(),
            client.scope().names_text()
        );
        Subproblem::new(
            ProblemType::RejectedIdentifier,
            detail,
            Some(identifier.clone()),
        )
    };
    let bad: Vec<Subproblem> = identifiers
        .iter()
        .filter(|identifier| !client.scope().covers(identifier))
        .map(refuse)
        .collect();
    (!bad.is_empty()).then(|| several(bad))
}

/// One subproblem is the problem; several of one type have that type, others are compound.
fn several(mut bad: Vec<Subproblem>) -> Problem {
    if bad.len() == 1
        && let Some(one) = bad.pop()
    {
        return Problem::new(one.kind, one.detail.clone()).with_subproblems(vec![one]);
    }
    let kind = bad
        .first()
        .map_or(ProblemType::Malformed, |first| first.kind);
    let kind = if bad.iter().all(|one| one.kind == kind) {
        kind
    } else {
        ProblemType::Compound
    };
    let details: Vec<String> = bad.iter().map(|one| one.detail.clone()).collect();
    Problem::new(kind, first_few(&details, "; ")).with_subproblems(bad)
}
