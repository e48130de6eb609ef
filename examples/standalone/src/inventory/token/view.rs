//! What is shown of tokens.

use certlocker_core::{Timestamp, Token};
use serde::{Deserialize, Serialize};

/// A token, without what only its holder knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in certlocker_core::Token")]
#[non_exhaustive]
pub struct TokenView {
    pub id: String,
    pub reason: String,
    /// `active`, `expired` or `revoked`.
    pub status: String,
    pub scopes: Vec<String>,
    pub networks: Vec<String>,
    pub parent: Option<String>,
    pub created: String,
    /// Who made it, if one token was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    pub expires: String,
    pub revoked: Option<String>,
    /// When it was used last, to the minute.
    pub last_used: Option<String>,
}

/// A token that was just made or rotated.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IssuedToken {
    /// Its text; shown this once.
    pub token: String,
    /// What is known of it.
    #[serde(flatten)]
    pub view: TokenView,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IssuedToken").field(&self.view.id).finish()
    }
}

/// What was revoked: the token that was named, and those below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RevokedTokens {
    /// Their ids.
    pub revoked: Vec<String>,
}

impl TokenView {
    pub(super) fn of(token: &Token, used: Option<Timestamp>, now: Timestamp) -> Self {
        let grant = token.grant();
        let status = match (token.revoked(), grant.expires <= now) {
            (Some(_), _) => "revoked",
            (None, true) => "expired",
            (None, false) => "active",
        };
        Self {
            id: token.id().to_string(),
            reason: token.reason().to_owned(),
            status: status.to_owned(),
            scopes: grant.scopes.0.iter().map(ToString::to_string).collect(),
            networks: grant.networks.iter().map(ToString::to_string).collect(),
            parent: token.parent().map(ToString::to_string),
            created: token.id().created().to_rfc3339_seconds(),
            created_by: None,
            expires: grant.expires.to_rfc3339_seconds(),
            revoked: token.revoked().map(Timestamp::to_rfc3339_seconds),
            last_used: used.map(Timestamp::to_rfc3339_seconds),
        }
    }
}
