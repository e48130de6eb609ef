//! What people say of a token that they want.

use std::collections::BTreeSet;
use std::time::Duration;

use certlocker_core::{Grant, NewToken, Timestamp, Token};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{InventoryError, invalid};
use crate::config::Scalar;

/// What a token is made with, as people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct NewTokenRequest {
    /// What it may do.
    pub scopes: Vec<String>,
    /// How long it counts, such as `30d`, or until when, in RFC 3339.
    pub expires: String,
    /// From where it counts; otherwise from where the token above it does.
    #[serde(default)]
    pub networks: Vec<String>,
    /// The id of the token that it is to be below.
    #[serde(default)]
    pub parent: Option<String>,
    /// What it is for.
    pub reason: String,
}

/// What a token is rotated to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct RotationRequest {
    /// How long it counts, or until when; as before if it is not said.
    #[serde(default)]
    pub expires: Option<String>,
}

const LONGEST_REASON: usize = 200;
const MOST_SCOPES: usize = 100;

impl NewTokenRequest {
    pub(super) fn checked(
        &self,
        parent: Option<&Token>,
        now: Timestamp,
    ) -> Result<NewToken, InventoryError> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(invalid(format!(
                "a token needs a reason of 1 to {LONGEST_REASON} characters: what it is for"
            )));
        }
        if self.scopes.is_empty() || self.scopes.len() > MOST_SCOPES {
            return Err(invalid(format!(
                "a token needs 1 to {MOST_SCOPES} scopes; without, it could do nothing"
            )));
        }
        let scopes = self.scopes.iter().map(|text| text.parse());
        let networks = self.networks.iter().map(|text| network(text));
        let mut grant = Grant {
            expires: instant(&self.expires, now)?,
            networks: networks.collect::<Result<BTreeSet<_>, _>>()?,
            scopes: scopes.collect::<Result<_, _>>().map_err(invalid)?,
        };
        if let Some(parent) = parent.filter(|_| grant.networks.is_empty()) {
            grant.networks.clone_from(&parent.grant().networks);
        }
        Ok(NewToken {
            grant,
            owner: None,
            reason: reason.to_owned(),
        })
    }
}

fn network(text: &str) -> Result<IpNet, InventoryError> {
    let network = text.parse::<IpNet>();
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    let network = network.or_else(|_| address());
    network.map(|network| network.trunc()).map_err(|_| {
        invalid(format!(
            "`{text}` is no address or network in CIDR notation"
        ))
    })
}

/// The time that a span or an instant means.
pub(super) fn instant(text: &str, now: Timestamp) -> Result<Timestamp, InventoryError> {
    let at = match Duration::from_text(text) {
        Ok(span) => now.after(span),
        Err(_) => Timestamp::parse(text).map_err(|_| {
            invalid(format!(
                "`{text}` is neither a span such as 30d or 12h nor a time in RFC 3339"
            ))
        })?,
    };
    if at <= now {
        return Err(invalid("the token would have expired already"));
    }
    Ok(at.whole_seconds())
}
