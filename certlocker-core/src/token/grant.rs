//! How much a token is worth: what it may do, until when, from where.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{TokenScope, TokenScopes};
use crate::Timestamp;

/// What a token may do, until when, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every combination of fields is a grant"
)]
pub struct Grant {
    /// Until when it counts.
    pub expires: Timestamp,
    /// From where it counts; from anywhere if there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub networks: BTreeSet<IpNet>,
    /// What it allows.
    pub scopes: TokenScopes,
}

impl Grant {
    /// Whether everything that this allows is allowed by `parent` too: each scope, until the same
    /// time at the latest, from networks that each lie in one of the parent's.
    ///
    /// # Errors
    /// [`Exceeds`] with the first thing that goes beyond.
    pub fn attenuates(&self, parent: &Self) -> Result<(), Exceeds> {
        if let Some(scope) = parent.scopes.exceeded_by(&self.scopes) {
            return Err(Exceeds::Scope {
                of_parent: parent.scopes.clone(),
                scope: scope.clone(),
            });
        }
        if self.expires > parent.expires {
            return Err(Exceeds::Expiry(parent.expires));
        }
        if parent.networks.is_empty() {
            return Ok(());
        }
        if self.networks.is_empty() {
            return Err(Exceeds::Anywhere);
        }
        let mut networks = self.networks.iter();
        match networks.find(|network| !contain(&parent.networks, network)) {
            Some(network) => Err(Exceeds::Network(*network)),
            None => Ok(()),
        }
    }

    /// Whether it counts for requests from `peer`; from nobody knows where, it counts only if it
    /// does from anywhere.
    pub fn admits(&self, peer: Option<IpAddr>) -> bool {
        self.networks.is_empty()
            || peer.is_some_and(|peer| contain(&self.networks, &IpNet::from(peer.to_canonical())))
    }
}

fn contain(networks: &BTreeSet<IpNet>, network: &IpNet) -> bool {
    networks.iter().any(|own| own.contains(network))
}

/// Why a token would be worth more than the one above it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Exceeds {
    /// It would count from anywhere.
    #[error("the token above counts from some networks only, and this would from anywhere")]
    Anywhere,
    /// The chain of tokens would be too long.
    #[error("there are too many tokens above each other already")]
    Depth,
    /// It would count longer.
    #[error("the token above expires at {}, and this would later", .0.to_rfc3339_seconds())]
    Expiry(Timestamp),
    /// It would count from more places.
    #[error("the token above does not count from {0}")]
    Network(IpNet),
    /// It would allow more.
    #[error("`{scope}` goes beyond the token above, which allows {of_parent}")]
    Scope {
        /// What the token above allows.
        of_parent: TokenScopes,
        /// The scope.
        scope: TokenScope,
    },
}

#[cfg(test)]
mod tests;
