//! Authorizations and challenges, which live inside their order.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{FailedChallenge, OrderRefusal, Proof};
use crate::{Failure, FailureKind, Identifier, Method, OrderId, Random, Scope, Timestamp};

/// What has to be proven for one identifier of an order ([RFC 8555 section 7.1.4]).
///
/// [RFC 8555 section 7.1.4]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    challenges: Vec<Challenge>,
    expires: Timestamp,
    ordered: Identifier,
    state: AuthorizationState,
}

/// How far an authorization came; that a valid one runs out follows from the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "the states of the RFC")]
pub enum AuthorizationState {
    /// No challenge was passed or failed yet.
    Pending,
    /// Control is proven.
    Valid {
        /// How.
        method: Method,
        /// The order for which it was proven, if not for this one.
        proven_for: Option<OrderId>,
        /// When.
        since: Timestamp,
    },
    /// A challenge was failed.
    Invalid,
    /// Its holder gave it back.
    Deactivated,
}

/// The status of an authorization at some time ([RFC 8555 section 7.1.6]).
///
/// [RFC 8555 section 7.1.6]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the states of the RFC")]
#[expect(missing_docs, reason = "the words of RFC 8555 section 7.1.6")]
pub enum AuthorizationStatus {
    Pending,
    Valid,
    Invalid,
    Deactivated,
    Expired,
}

impl AuthorizationStatus {
    /// The RFC's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
        }
    }
}

/// One way to prove control ([RFC 8555 section 7.1.5]).
///
/// [RFC 8555 section 7.1.5]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.5
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    method: Method,
    pub(super) state: ChallengeState,
    token: String,
}

/// How far a challenge came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "the states of the RFC")]
pub enum ChallengeState {
    /// The client has not said that its answer is in place.
    Pending,
    /// The server looks, perhaps more than once.
    Processing(Processing),
    /// It was passed, at this time.
    Valid(Timestamp),
    /// It was failed.
    Invalid(Failure),
}

/// What a challenge knows while the server looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Processing {
    /// How many attempts were made.
    pub attempts: u32,
    /// After this time no further attempt is made.
    pub deadline: Timestamp,
    /// When the next attempt is due.
    pub due: Timestamp,
    /// What the attempt before found.
    pub last_error: Option<Failure>,
}

/// A challenge of an order: which authorization, by its place, and which method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a place and a method")]
pub struct ChallengeRef {
    /// The place of the authorization among those of its order, from 0.
    pub authorization: usize,
    /// The challenge type.
    pub method: Method,
}

impl Authorization {
    pub(super) fn create(
        identifier: &Identifier,
        scope: Option<&Scope>,
        proof: Option<&Proof>,
        expires: Timestamp,
        random: Random<'_>,
    ) -> Result<Self, OrderRefusal> {
        let accepted = |method: Method| {
            method.can_prove(identifier) && scope.is_none_or(|scope| scope.accepts(method))
        };
        let challenges: Vec<Challenge> = Method::ALL
            .into_iter()
            .filter(|method| accepted(*method))
            .map(|method| Challenge::create(method, random))
            .collect();
        if challenges.is_empty() {
            return Err(OrderRefusal::NoMethod(identifier.clone()));
        }
        let pending = Self {
            challenges,
            expires,
            ordered: identifier.clone(),
            state: AuthorizationState::Pending,
        };
        Ok(match proof.filter(|proof| accepted(proof.method)) {
            Some(proof) => pending.proven(proof),
            None => pending,
        })
    }

    fn proven(mut self, proof: &Proof) -> Self {
        let (method, since) = (proof.method, proof.since);
        self.challenges
            .retain(|challenge| challenge.method == method);
        for challenge in &mut self.challenges {
            challenge.state = ChallengeState::Valid(since);
        }
        self.state = AuthorizationState::Valid {
            method,
            proven_for: Some(proof.order),
            since,
        };
        self.expires = proof.until;
        self
    }

    /// The identifier that was ordered, with its `*.` if it is a wildcard.
    pub fn ordered(&self) -> Identifier {
        self.ordered.clone()
    }

    /// What has to be proven: the identifier without `*.`.
    pub fn identifier(&self) -> Identifier {
        self.ordered.without_wildcard()
    }

    /// Whether it is for a wildcard.
    pub fn is_wildcard(&self) -> bool {
        self.ordered.is_wildcard()
    }

    /// The ways to prove it.
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }

    /// The challenge of this type.
    pub fn challenge(&self, method: Method) -> Option<&Challenge> {
        self.challenges
            .iter()
            .find(|challenge| challenge.method == method)
    }

    /// Until when it can be proven, or counts as proven.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// How far it came.
    pub fn state(&self) -> &AuthorizationState {
        &self.state
    }

    /// Its status at `now`: a valid one expires, a pending one whose time is up is invalid.
    pub fn status(&self, now: Timestamp) -> AuthorizationStatus {
        let over = self.expires <= now;
        match self.state {
            AuthorizationState::Pending if over => AuthorizationStatus::Invalid,
            AuthorizationState::Pending => AuthorizationStatus::Pending,
            AuthorizationState::Valid { .. } if over => AuthorizationStatus::Expired,
            AuthorizationState::Valid { .. } => AuthorizationStatus::Valid,
            AuthorizationState::Invalid => AuthorizationStatus::Invalid,
            AuthorizationState::Deactivated => AuthorizationStatus::Deactivated,
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        matches!(self.state, AuthorizationState::Valid { .. })
    }

    pub(super) fn is_proven_here(&self) -> bool {
        matches!(
            self.state,
            AuthorizationState::Valid {
                proven_for: None,
                ..
            }
        )
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.state == AuthorizationState::Pending
            && self
                .challenges
                .iter()
                .all(|challenge| challenge.state == ChallengeState::Pending)
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        if self.state != AuthorizationState::Pending {
            return None;
        }
        let due = |challenge: &Challenge| match &challenge.state {
            ChallengeState::Processing(processing) => Some(processing.due),
            _ => None,
        };
        self.challenges.iter().filter_map(due).min()
    }

    pub(super) fn failures(&self) -> Option<FailedChallenge> {
        if self.state != AuthorizationState::Invalid {
            return None;
        }
        self.challenges
            .iter()
            .find_map(|challenge| match &challenge.state {
                ChallengeState::Invalid(failure) => Some(FailedChallenge {
                    failure: failure.clone(),
                    identifier: self.ordered.clone(),
                    method: challenge.method,
                }),
                _ => None,
            })
    }

    pub(super) fn challenge_mut(&mut self, method: Method) -> Option<&mut Challenge> {
        self.challenges
            .iter_mut()
            .find(|challenge| challenge.method == method)
    }

    pub(super) fn pass(&mut self, method: Method, until: Timestamp, now: Timestamp) {
        self.state = AuthorizationState::Valid {
            method,
            proven_for: None,
            since: now,
        };
        self.expires = until;
        if let Some(challenge) = self.challenge_mut(method) {
            challenge.state = ChallengeState::Valid(now);
        }
        self.let_go(&Failure::new(
            FailureKind::Unauthorized,
            format!("{method} was passed first, and one challenge is enough"),
        ));
    }

    pub(super) fn fail(&mut self, method: Method, failure: Failure) {
        self.state = AuthorizationState::Invalid;
        if let Some(challenge) = self.challenge_mut(method) {
            challenge.state = ChallengeState::Invalid(failure);
        }
    }

    pub(super) fn deactivate(&mut self) {
        self.state = AuthorizationState::Deactivated;
    }

    /// Ends what is still being looked at, whatever the time, because the order it belongs to ended.
    pub(super) fn abandon(&mut self, why: &Failure) {
        let looked_at = self.challenges.iter().any(Challenge::is_looked_at);
        if looked_at && self.state == AuthorizationState::Pending {
            self.state = AuthorizationState::Invalid;
        }
        self.let_go(&Failure::new(
            why.kind,
            format!("the order ended: {}", why.detail),
        ));
    }

    /// A challenge that nobody will look at again must not read as if somebody would.
    fn let_go(&mut self, why: &Failure) {
        for challenge in &mut self.challenges {
            challenge.abandon(why);
        }
    }
}

impl Challenge {
    /// RFC 8555 section 8.3 asks for 128 bits of entropy at least.
    const TOKEN_OCTETS: usize = 24;

    fn create(method: Method, random: Random<'_>) -> Self {
        let mut token = [0; Self::TOKEN_OCTETS];
        random(&mut token);
        Self {
            method,
            state: ChallengeState::Pending,
            token: URL_SAFE_NO_PAD.encode(token),
        }
    }

    /// The challenge type.
    pub fn method(&self) -> Method {
        self.method
    }

    /// How far it came.
    pub fn state(&self) -> &ChallengeState {
        &self.state
    }

    /// The random value that the answer contains.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn is_looked_at(&self) -> bool {
        matches!(self.state, ChallengeState::Processing(_))
    }

    fn abandon(&mut self, why: &Failure) {
        let ChallengeState::Processing(processing) = &self.state else {
            return;
        };
        let own = processing.last_error.clone();
        self.state = ChallengeState::Invalid(own.unwrap_or_else(|| why.clone()));
    }
}
