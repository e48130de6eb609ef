//! All that can be said of captured certificates, without another connection.

use std::time::Duration;

use certlocker_core::{Der, Identifier, Timestamp};
use serde::Serialize;

use crate::names::NameVerdict;
use crate::path::{Chain, ChainFinding, ChainVerdict, Reach};
use crate::roots::{TrustAnswers, TrustStores};
use crate::status::{StapleVerdict, Status};
use crate::strength::{Weakness, weaknesses};
use crate::validity::{Renewal, Validity};
use crate::{Captured, Facts, Identity, Inventory, Level, Possession, StapleStatus, Unreadable};

/// What captured certificates are judged by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Judge {
    /// By how much a clock may be wrong before a certificate counts as over, or as not begun.
    pub clock_skew: Duration,
    /// What is expected where.
    pub inventory: Inventory,
    /// Intermediates that are known, by which those that were not sent are named.
    pub known_intermediates: Vec<Der>,
    /// When a renewal is due.
    pub renewal: Renewal,
    /// Whom to ask for trust.
    pub stores: TrustStores,
}

/// A day: what a wrong time zone and a clock that was never set right come to.
const CLOCK_SKEW: Duration = Duration::from_secs(86_400);
const RENEWED_AT_PERCENT: u8 = 75;

impl Judge {
    /// Judges by this inventory, with defaults for everything else and no roots.
    pub fn new(inventory: Inventory) -> Self {
        Self {
            clock_skew: CLOCK_SKEW,
            inventory,
            known_intermediates: Vec::new(),
            renewal: Renewal::AtPercent(RENEWED_AT_PERCENT),
            stores: TrustStores::default(),
        }
    }

    /// Judges what was captured where `item` should be, by a client that calls it `name`.
    ///
    /// With a later `at` it says what will be if nothing is done.
    pub fn judge(
        &self,
        item: &str,
        name: Option<&Identifier>,
        captured: &Captured,
        at: Timestamp,
    ) -> Judgement {
        let facts: Vec<Result<Facts, Unreadable>> = captured
            .chain
            .iter()
            .map(|der| Facts::read(&der.0))
            .collect();
        let chain = Chain {
            ders: &captured.chain,
            facts: &facts,
        };
        let verdict = ChainVerdict::of(&chain, &self.known_intermediates, &self.stores, at);
        let trust = TrustAnswers::of(&self.stores, &captured.chain, &self.known_intermediates, at);
        let leaf = match facts.first() {
            Some(Ok(leaf)) => Some(LeafJudgement {
                identity: self.inventory.identify(item, leaf),
                name: name.map(|name| NameVerdict::of(&captured.chain[0], leaf, name)),
                status: Status::of(captured, leaf, at),
                validity: Validity::of(leaf, self.renewal, self.clock_skew, at),
            }),
            _ => None,
        };
        Judgement {
            at,
            chain: verdict,
            leaf,
            possession: captured.possession.clone(),
            trust,
            weaknesses: weaknesses(&facts),
        }
    }
}

/// All that can be said of captured certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// The instant for which this holds.
    pub at: Timestamp,
    /// Where the chain leads.
    pub chain: ChainVerdict,
    /// What can be said of the leaf; `None` if there is none that could be read.
    pub leaf: Option<LeafJudgement>,
    /// Whether the server proved that it has the key.
    pub possession: Possession,
    /// What each set of roots says.
    pub trust: TrustAnswers,
    /// What is too weak.
    pub weaknesses: Vec<Weakness>,
}

/// What can be said of a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeafJudgement {
    /// What it is in view of the inventory.
    pub identity: Identity,
    /// Whether it names what clients call the endpoint; `None` if nothing was asked for.
    pub name: Option<NameVerdict>,
    /// What is known about revocation and transparency.
    pub status: Status,
    /// Whether it is within its time.
    pub validity: Validity,
}

impl Judgement {
    /// How bad the worst of it is.
    pub fn level(&self) -> Level {
        let leaf = self
            .leaf
            .as_ref()
            .map_or(Level::Failure, |leaf| leaf.level(self.at));
        let possession = match self.possession {
            Possession::NotProven { .. } => Level::Failure,
            Possession::NotAsked | Possession::Proven => Level::Fine,
        };
        let trust = match self.trust.trusted_by_any() {
            Some(false) => Level::Failure,
            Some(true) | None => Level::Fine,
        };
        let weak = match self.weaknesses.is_empty() {
            true => Level::Fine,
            false => Level::Warning,
        };
        leaf.max(possession)
            .max(trust)
            .max(weak)
            .max(self.chain_level())
    }

    fn chain_level(&self) -> Level {
        // Without roots, nothing can be said of where a chain leads.
        let reach = match &self.chain.reach {
            Reach::Complete => Level::Fine,
            Reach::Nothing | Reach::Unreadable { .. } => Level::Failure,
            _ if self.trust.trusted_by_any().is_none() => Level::Fine,
            _ => Level::Failure,
        };
        let findings = self.chain.findings.iter().map(|finding| match finding {
            ChainFinding::RootIncluded => Level::Notice,
            _ => Level::Warning,
        });
        findings.fold(reach, Level::max)
    }
}

impl LeafJudgement {
    fn level(&self, at: Timestamp) -> Level {
        let identity = match &self.identity {
            Identity::Expected => Level::Fine,
            Identity::Predecessor { grace_until, .. } if at < *grace_until => Level::Notice,
            Identity::Successor { .. } => Level::Notice,
            Identity::OtherItem { .. }
            | Identity::Predecessor { .. }
            | Identity::Unknown { .. } => Level::Failure,
        };
        let name = match &self.name {
            None | Some(NameVerdict::Covers) => Level::Fine,
            Some(_) => Level::Failure,
        };
        let validity = match self.validity {
            Validity::Valid {
                renewal_due: false, ..
            } => Level::Fine,
            Validity::Valid {
                renewal_due: true, ..
            } => Level::Warning,
            Validity::Empty | Validity::Expired { .. } | Validity::NotYet { .. } => Level::Failure,
        };
        let staple = match self.status.staple {
            StapleVerdict::None
            | StapleVerdict::Current {
                says: StapleStatus::Good,
            } => Level::Fine,
            StapleVerdict::Current {
                says: StapleStatus::Revoked,
            }
            | StapleVerdict::MissingAndObliged => Level::Failure,
            _ => Level::Warning,
        };
        identity.max(name).max(validity).max(staple)
    }
}

#[cfg(test)]
pub(crate) mod tests;
