//! API tokens: who may do what until when, each below another, none worth more than that.

mod grant;
mod scope;
mod text;
mod uses;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::change::{DUE, Entry, private};
use crate::secret::hexadecimal;
use crate::{Aggregate, Event, Fact, Kind, PersonId, Timestamp, TokenId, Transition, Versioned};

pub use grant::{Exceeds, Grant};
pub use scope::{InvalidTokenScope, Permission, TokenScope, TokenScopes};
pub use text::{InvalidToken, TokenText};
pub use uses::TokenUse;

/// An API token, as it is kept: what it is worth, and the digest of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    id: TokenId,
    /// Those above it, the first of them first.
    above: Vec<TokenId>,
    /// How many were made directly below it. Counting them changes this token, so that none is made
    /// below one that is being revoked.
    children: u64,
    digest: TokenDigest,
    grant: Grant,
    owner: Option<PersonId>,
    reason: String,
    revoked: Option<Timestamp>,
}

/// What a token is made with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewToken {
    /// What it is worth.
    pub grant: Grant,
    /// The person who makes it and with whom it ends; of one below another, whoever owns that.
    pub owner: Option<PersonId>,
    /// What it is for, for people.
    pub reason: String,
}

/// SHA-256 of a token's text, in lower-case hexadecimal. The text is random, so that nothing slower
/// is needed, and its id is in it, so that a digest fits one token only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenDigest(String);

impl TokenDigest {
    pub(crate) fn new(sha256: [u8; 32]) -> Self {
        Self(hexadecimal(&sha256))
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// It does not count from where the request came.
    #[error("this token does not count from the network that the request came from")]
    Elsewhere,
    /// Its time is over.
    #[error("this token expired at {}", .0.to_rfc3339_seconds())]
    Expired(Timestamp),
    /// It was revoked, or one above it was.
    #[error("this token was revoked at {}", .0.to_rfc3339_seconds())]
    Revoked(Timestamp),
}

impl TokenRefusal {
    /// A word for records, which does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Elsewhere => "elsewhere",
            Self::Expired(_) => "expired",
            Self::Revoked(_) => "revoked",
        }
    }
}

/// Why no token is made below another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildRefusal {
    /// The one above does not count any more.
    #[error("the token above does not count: {0}")]
    Dead(#[source] TokenRefusal),
    /// It would be worth more than the one above.
    #[error(transparent)]
    Exceeds(#[from] Exceeds),
}

/// Why a token gets no other secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationRefusal {
    /// It would count longer than the one above it.
    #[error(transparent)]
    Exceeds(#[from] Exceeds),
    /// It was revoked.
    #[error("this token was revoked at {}: make another", .0.to_rfc3339_seconds())]
    Revoked(Timestamp),
    /// It would count for less long than those below it were promised.
    #[error("this token counts until {}, and would not any more: revoke it, and make another", .0.to_rfc3339_seconds())]
    Sooner(Timestamp),
}

/// So long a chain is no use, only a burden.
const MOST_ABOVE: usize = 16;

impl Token {
    /// Makes a token with nothing above it, to be shown as `text`.
    pub fn root(new: NewToken, text: &TokenText, now: Timestamp) -> Transition<Self> {
        Self::below(Vec::new(), new, text, now)
    }

    fn below(
        above: Vec<TokenId>,
        new: NewToken,
        text: &TokenText,
        now: Timestamp,
    ) -> Transition<Self> {
        let token = Self {
            id: *text.id(),
            above,
            children: 0,
            digest: text.digest(),
            grant: new.grant,
            owner: new.owner,
            reason: new.reason,
            revoked: None,
        };
        let created = Event::TokenCreated {
            expires: token.grant.expires,
            networks: token.grant.networks.clone(),
            parent: token.parent().copied(),
            reason: token.reason.clone(),
            scopes: token.grant.scopes.clone(),
            token_id: token.id,
        };
        Transition::create(token, vec![created], now)
    }

    /// Its id.
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// What it is worth.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// What it is for, for people.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The person with whom it ends.
    pub fn owner(&self) -> Option<&PersonId> {
        self.owner.as_ref()
    }

    /// The token directly above it.
    pub fn parent(&self) -> Option<&TokenId> {
        self.above.last()
    }

    /// Whether it is below `other`, at whatever depth.
    pub fn is_below(&self, other: &TokenId) -> bool {
        self.above.contains(other)
    }

    /// When it was revoked.
    pub fn revoked(&self) -> Option<Timestamp> {
        self.revoked
    }

    /// Whether `text` is this token's. What a comparison of digests tells about time tells nothing
    /// about a text.
    pub fn is(&self, text: &TokenText) -> bool {
        self.digest == text.digest()
    }

    /// Whether it counts at `now`, wherever from.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn check(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        if let Some(at) = self.revoked {
            return Err(TokenRefusal::Revoked(at));
        }
        if self.grant.expires <= now {
            return Err(TokenRefusal::Expired(self.grant.expires));
        }
        Ok(())
    }

    /// Whether it counts at `now` for a request from `peer`.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn check_from(&self, peer: Option<IpAddr>, now: Timestamp) -> Result<(), TokenRefusal> {
        self.check(now)?;
        match self.grant.admits(peer) {
            true => Ok(()),
            false => Err(TokenRefusal::Elsewhere),
        }
    }
}

impl Versioned<Token> {
    /// Makes a token below this one, to be shown as `text`. Both transitions are committed together:
    /// this token's has no record of its own, and holds it to the state that was looked at here.
    ///
    /// # Errors
    /// [`ChildRefusal`].
    pub fn child(
        &self,
        new: NewToken,
        text: &TokenText,
        now: Timestamp,
    ) -> Result<(Transition<Token>, Transition<Token>), ChildRefusal> {
        self.value.check(now).map_err(ChildRefusal::Dead)?;
        new.grant.attenuates(&self.value.grant)?;
        let mut above = self.value.above.clone();
        above.push(self.value.id);
        if above.len() > MOST_ABOVE {
            return Err(Exceeds::Depth.into());
        }
        let counted = Token {
            children: self.value.children + 1,
            ..self.value.clone()
        };
        let owner = self.value.owner;
        let child = Token::below(above, NewToken { owner, ..new }, text, now);
        Ok((self.step(counted, Vec::new(), now), child))
    }

    /// Revokes the token; nothing if it was. `with` is the one above it that is revoked, if it is
    /// revoked with that.
    pub fn revoke(&self, with: Option<&TokenId>, now: Timestamp) -> Option<Transition<Token>> {
        if self.value.revoked.is_some() {
            return None;
        }
        let revoked = Event::TokenRevoked {
            token_id: self.value.id,
            with: with.copied(),
        };
        let next = Token {
            revoked: Some(now),
            ..self.value.clone()
        };
        Some(self.step(next, vec![revoked], now))
    }

    /// Gives the token another secret, that of `text`, and lets it count until `expires`, which is no
    /// sooner than before; those below it stay. `parent` is the one directly above it, if there is.
    ///
    /// # Errors
    /// [`RotationRefusal`].
    pub fn rotate(
        &self,
        text: &TokenText,
        expires: Timestamp,
        parent: Option<&Token>,
        now: Timestamp,
    ) -> Result<Transition<Token>, RotationRefusal> {
        if let Some(at) = self.value.revoked {
            return Err(RotationRefusal::Revoked(at));
        }
        if expires < self.value.grant.expires {
            return Err(RotationRefusal::Sooner(self.value.grant.expires));
        }
        let bound = parent.map(|parent| parent.grant.expires);
        if let Some(bound) = bound.filter(|bound| expires > *bound) {
            return Err(Exceeds::Expiry(bound).into());
        }
        let rotated = Event::TokenRotated {
            expires,
            token_id: self.value.id,
        };
        let mut next = self.value.clone();
        next.digest = text.digest();
        next.grant.expires = expires;
        Ok(self.step(next, vec![rotated], now))
    }

    /// Removes a token that does not count any more; nothing if it does.
    pub fn remove(&self, now: Timestamp) -> Option<Transition<Token>> {
        self.value.check(now).err()?;
        let removed = Event::TokenRemoved {
            token_id: self.value.id,
        };
        Some(self.removal(vec![removed], now))
    }

    /// The fact that a request with this token was refused for want of `needed`; `operation` is the
    /// method and the route.
    pub fn denied(&self, needed: &str, operation: &str, now: Timestamp) -> Fact {
        let denied = Event::TokenDenied {
            needed: needed.to_owned(),
            operation: operation.to_owned(),
            token_id: self.value.id,
        };
        Fact::new(denied, now)
    }
}

impl private::Sealed for Token {}

impl Aggregate for Token {
    const KIND: Kind = Kind::Token;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let above = self.above.iter();
        let above = above.map(|above| Entry::new(Self::BELOW, above));
        let due = Entry::new(DUE, self.grant.expires);
        let owner = self.owner.map(|owner| Entry::new(Self::BY_OWNER, owner));
        above.chain([due]).chain(owner).collect()
    }
}

impl Token {
    /// The index of tokens by each of those above them.
    pub(crate) const BELOW: &'static str = "below";
    /// The index of tokens by their owner.
    pub(crate) const BY_OWNER: &'static str = "owner";
}

#[cfg(test)]
mod tests;
