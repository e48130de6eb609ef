//! When a token was used last: coarse, and nothing that a record tells of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::change::{Entry, private};
use crate::{Aggregate, Change, Kind, Timestamp, TokenId, Transition, Versioned};

/// When a token was used last, to the minute.
///
/// An operational row: what is written of it has no record, as it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    token: TokenId,
    at: Timestamp,
}

/// Uses that are closer to each other count as one.
const PAUSE: Duration = Duration::from_secs(60);

impl TokenUse {
    pub(crate) fn first(token: TokenId, now: Timestamp) -> Transition<Self> {
        Transition::create(Self { token, at: now }, Vec::new(), now)
    }

    /// When it was.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether a use at `now` is worth a write after one at `last`.
    pub fn is_news(last: Timestamp, now: Timestamp) -> bool {
        now.since(last) >= PAUSE
    }
}

impl Versioned<TokenUse> {
    /// A use at `now`; nothing if that is too soon after the one before.
    pub(crate) fn again(&self, now: Timestamp) -> Option<Transition<TokenUse>> {
        TokenUse::is_news(self.value.at, now).then(|| {
            let token = self.value.token;
            self.step(TokenUse { token, at: now }, Vec::new(), now)
        })
    }

    /// What is to be done about it when the token is removed.
    pub fn forget(&self, now: Timestamp) -> Change<TokenUse> {
        self.removal(Vec::new(), now).without_record()
    }
}

impl private::Sealed for TokenUse {}

impl Aggregate for TokenUse {
    const KIND: Kind = Kind::TokenUse;

    fn key(&self) -> String {
        self.token.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        Vec::new()
    }
}
