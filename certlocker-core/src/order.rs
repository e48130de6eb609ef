//! Orders: what was asked for, how far it came, and what may come next.

mod authorization;
mod digest;
mod issuance;
mod proving;
mod state;

use serde::{Deserialize, Serialize};

pub use authorization::{
    Authorization, AuthorizationState, AuthorizationStatus, Challenge, ChallengeRef,
    ChallengeState, Processing as ChallengeProcessing,
};
pub(crate) use digest::{names_digest, proof_key};
pub use issuance::CertificateRequest;
pub use proving::{Retry, Seen};
pub use state::{FailedChallenge, Invalid, OrderStatus, Processing, Ready, Reason, State, Valid};

use crate::change::{DUE, Entry, private};
use crate::{
    AccountId, Aggregate, ClientId, Event, Identifier, Kind, Method, OrderId, Random, Scope,
    Timestamp, Transition, Versioned,
};

/// An order with its authorizations and challenges: one aggregate, one version
/// ([RFC 8555 section 7.1.3]).
///
/// [RFC 8555 section 7.1.3]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    id: OrderId,
    account: AccountId,
    authorizations: Vec<Authorization>,
    client: Option<ClientId>,
    expires: Timestamp,
    identifiers: Vec<Identifier>,
    not_after: Option<Timestamp>,
    not_before: Option<Timestamp>,
    profile: Option<String>,
    state: State,
}

/// What an order is placed with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewOrder {
    /// Whose it is.
    pub account: AccountId,
    /// The scoped client it counts for.
    pub client: Option<ClientId>,
    /// Until when it can be completed.
    pub expires: Timestamp,
    /// What it names; duplicates count once.
    pub identifiers: Vec<Identifier>,
    /// The end of validity that is asked for.
    pub not_after: Option<Timestamp>,
    /// The begin of validity that is asked for.
    pub not_before: Option<Timestamp>,
    /// The profile that is asked for.
    pub profile: Option<String>,
    /// Earlier proofs that count.
    pub proofs: Vec<Proof>,
}

impl NewOrder {
    /// What makes another order the same request.
    pub fn digest(&self) -> String {
        digest::request_digest(
            &self.account,
            &self.identifiers,
            [self.not_before, self.not_after],
            self.profile.as_deref(),
        )
    }
}

/// An earlier proof of control that has not run out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// What was proven, as it was ordered.
    pub identifier: Identifier,
    /// How.
    pub method: Method,
    /// The order for which it was proven.
    pub order: OrderId,
    /// When.
    pub since: Timestamp,
    /// Until when it counts.
    pub until: Timestamp,
}

/// Why an order cannot do what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderRefusal {
    /// No allowed challenge type can prove an identifier.
    #[error("no challenge type that this client may use can prove {0}")]
    NoMethod(Identifier),
    /// It is not in the state that the request needs.
    #[error("the order is {}, and has to be ready to be finalized", .0.as_str())]
    NotReady(OrderStatus),
    /// The authorization is not in a state that can be given up.
    #[error("the authorization is {}, and only a pending or valid one can be deactivated", .0.as_str())]
    NotDeactivatable(AuthorizationStatus),
}

impl Order {
    /// Places an order: pending, or ready when every identifier is already proven.
    pub fn create(
        new: NewOrder,
        scope: Option<&Scope>,
        random: Random<'_>,
        now: Timestamp,
    ) -> Result<Transition<Self>, OrderRefusal> {
        let id = OrderId::new(now, random);
        let mut identifiers: Vec<Identifier> = Vec::with_capacity(new.identifiers.len());
        for identifier in new.identifiers {
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        let mut authorizations = Vec::with_capacity(identifiers.len());
        for identifier in &identifiers {
            let proof = new
                .proofs
                .iter()
                .find(|proof| proof.identifier == *identifier && proof.until > now);
            authorizations.push(Authorization::create(
                identifier,
                scope,
                proof,
                new.expires,
                random,
            )?);
        }
        let mut order = Self {
            id,
            account: new.account,
            authorizations,
            client: new.client,
            expires: new.expires,
            identifiers,
            not_after: new.not_after,
            not_before: new.not_before,
            profile: new.profile,
            state: State::Pending,
        };
        let mut events = vec![order.created()];
        events.extend(order.reused());
        events.extend(order.settle(now));
        Ok(Transition::create(order, events, now))
    }

    fn created(&self) -> Event {
        Event::OrderCreated {
            account_id: self.account,
            client_id: self.client,
            expires: self.expires(),
            identifiers: self.identifiers.clone(),
            order_id: self.id,
        }
    }

    fn reused(&self) -> Vec<Event> {
        let reuse = |authorization: &Authorization| match authorization.state() {
            AuthorizationState::Valid {
                method,
                proven_for: Some(earlier),
                ..
            } => Some(Event::AuthorizationReused {
                identifier: authorization.ordered(),
                method: *method,
                order_id: self.id,
                proven_for: *earlier,
            }),
            _ => None,
        };
        self.authorizations.iter().filter_map(reuse).collect()
    }

    /// Makes a pending order ready or invalid if its authorizations say so.
    fn settle(&mut self, now: Timestamp) -> Option<Event> {
        if self.state != State::Pending {
            return None;
        }
        let failed: Vec<FailedChallenge> = self
            .authorizations
            .iter()
            .flat_map(Authorization::failures)
            .collect();
        if !failed.is_empty() {
            return Some(self.end(Reason::Challenges(failed), now));
        }
        if !self.authorizations.iter().all(Authorization::is_valid) {
            return None;
        }
        self.state = State::Ready(Ready { since: now });
        Some(Event::OrderReady { order_id: self.id })
    }

    fn end(&mut self, reason: Reason, now: Timestamp) -> Event {
        let event = match &reason {
            Reason::Expired => Event::OrderExpired {
                expires: self.expires(),
                order_id: self.id,
            },
            other => Event::OrderInvalid {
                failure: other.failure(),
                order_id: self.id,
            },
        };
        for authorization in &mut self.authorizations {
            authorization.abandon(&reason.failure());
        }
        self.state = State::Invalid(Invalid { since: now, reason });
        event
    }

    /// Its id.
    pub fn id(&self) -> &OrderId {
        &self.id
    }

    /// Whose it is.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The scoped client it counts for.
    pub fn client(&self) -> Option<&ClientId> {
        self.client.as_ref()
    }

    /// What it names, as ordered.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// What has to be proven, one for each identifier, in the same order.
    pub fn authorizations(&self) -> &[Authorization] {
        &self.authorizations
    }

    /// Until when it can be completed: as long as all its authorizations count, at the longest
    /// ([RFC 8555 section 7.1.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6)).
    pub fn expires(&self) -> Timestamp {
        let authorizations = self.authorizations.iter().map(Authorization::expires);
        authorizations.fold(self.expires, Timestamp::min)
    }

    /// The begin of validity that was asked for.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// The end of validity that was asked for.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.not_after
    }

    /// The profile that was asked for.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// How far it came.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How far it came, in the RFC's word.
    pub fn status(&self) -> OrderStatus {
        match self.state {
            State::Pending => OrderStatus::Pending,
            State::Ready(_) => OrderStatus::Ready,
            State::Processing(_) => OrderStatus::Processing,
            State::Valid(_) => OrderStatus::Valid,
            State::Invalid(_) => OrderStatus::Invalid,
        }
    }

    /// When something has to be done about it even if nobody asks; nothing once it is final.
    pub fn due(&self) -> Option<Timestamp> {
        match &self.state {
            State::Pending => {
                let challenges = self.authorizations.iter().filter_map(Authorization::due);
                Some(challenges.fold(self.expires(), Timestamp::min))
            }
            State::Ready(_) => Some(self.expires()),
            State::Processing(processing) => Some(processing.due),
            State::Valid(_) | State::Invalid(_) => None,
        }
    }

    /// Its proofs that have not run out at `now`.
    pub fn proofs(&self, now: Timestamp) -> Vec<Proof> {
        let proof = |authorization: &Authorization| match authorization.state() {
            AuthorizationState::Valid { method, since, .. } if authorization.expires() > now => {
                Some(Proof {
                    identifier: authorization.ordered(),
                    method: *method,
                    order: self.id,
                    since: *since,
                    until: authorization.expires(),
                })
            }
            _ => None,
        };
        self.authorizations.iter().filter_map(proof).collect()
    }

    fn is_untouched(&self) -> bool {
        self.state == State::Pending && self.authorizations.iter().all(Authorization::is_untouched)
    }
}

impl Versioned<Order> {
    /// Ends the order if its time is up.
    pub fn expire(&self, now: Timestamp) -> Option<Transition<Order>> {
        let open = matches!(self.value.state, State::Pending | State::Ready(_));
        (open && self.value.expires() <= now).then(|| self.ended(Reason::Expired, now))
    }

    /// Ends an open order because its account was closed; a final one keeps its state, and its
    /// proofs lose their holder.
    pub fn account_deactivated(&self, now: Timestamp) -> Option<Transition<Order>> {
        let open = matches!(self.value.state, State::Pending | State::Ready(_));
        open.then(|| self.ended(Reason::AccountDeactivated, now))
    }

    /// Removes an order that ended before `before`; its records stay. Nothing for any other.
    pub fn remove(&self, before: Timestamp, now: Timestamp) -> Option<Transition<Order>> {
        let ended = match &self.value.state {
            State::Valid(valid) => valid.since,
            State::Invalid(invalid) => invalid.since,
            State::Pending | State::Ready(_) | State::Processing(_) => return None,
        };
        let removed = Event::OrderRemoved {
            order_id: self.value.id,
        };
        (ended < before).then(|| self.removal(vec![removed], now))
    }

    fn ended(&self, reason: Reason, now: Timestamp) -> Transition<Order> {
        let mut order = self.value.clone();
        let event = order.end(reason, now);
        self.step(order, vec![event], now)
    }
}

impl private::Sealed for Order {}

impl Aggregate for Order {
    const KIND: Kind = Kind::Order;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![Entry::new(Self::BY_ACCOUNT, self.account)];
        entries.extend(
            self.client
                .map(|client| Entry::new(Self::BY_CLIENT, client)),
        );
        entries.extend(self.due().map(|due| Entry::new(DUE, due)));
        if !matches!(self.state, State::Invalid(_)) {
            entries.push(Entry::new(Self::LISTED, self.account));
        }
        if self.due().is_some() {
            entries.push(Entry::new(Self::OPEN, self.account));
        }
        if self.is_untouched() {
            let dates = [self.not_before, self.not_after];
            let request = digest::request_digest(
                &self.account,
                &self.identifiers,
                dates,
                self.profile.as_deref(),
            );
            entries.push(Entry::new(Self::UNTOUCHED, request));
        }
        let proven = self
            .authorizations
            .iter()
            .filter(|authorization| authorization.is_proven_here());
        entries.extend(proven.map(|authorization| {
            Entry::new(
                Self::PROOF,
                proof_key(&self.account, &authorization.ordered()),
            )
        }));
        entries
    }
}

impl Order {
    /// The index of orders by account.
    pub(crate) const BY_ACCOUNT: &'static str = "account";
    /// The index of orders by scoped client.
    pub(crate) const BY_CLIENT: &'static str = "client";
    /// The index, by account, of orders that its orders list shows.
    pub(crate) const LISTED: &'static str = "listed";
    /// The index, by account, of orders that are not final.
    pub(crate) const OPEN: &'static str = "open";
    /// The index of orders by what they prove.
    pub(crate) const PROOF: &'static str = "proof";
    /// The index, by request, of pending orders that no client has acted on.
    pub(crate) const UNTOUCHED: &'static str = "untouched";
}
