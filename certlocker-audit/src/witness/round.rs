//! Asks all witnesses of a policy for one checkpoint.

use std::collections::BTreeMap;

use super::{WitnessError, cosign};
use crate::checkpoint::SignedCheckpoint;
use crate::files::Source;
use crate::http::Post;
use crate::note::{Signature, VerifierKey};
use crate::policy::{Policy, PolicyError};
use crate::reader::Tiles;
use crate::tree::consistency;

/// The witnesses of a policy, and how much each has seen.
#[derive(Debug)]
pub struct Witnesses {
    policy: Policy,
    seen: BTreeMap<String, u64>,
}

/// What came of asking them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Round {
    /// The checkpoint with every signature that came.
    pub checkpoint: SignedCheckpoint,
    /// Whether that is enough for the policy.
    pub outcome: Result<(), PolicyError>,
    /// Who did not sign, and why.
    pub failures: Vec<(String, WitnessError)>,
}

/// One witness, and what it takes to ask it.
struct Question<'a> {
    checkpoint: &'a SignedCheckpoint,
    http: &'a dyn Post,
    source: &'a dyn Source,
    url: &'a str,
    witness: &'a VerifierKey,
}

impl Witnesses {
    /// Those of a policy that have a URL. How much each has seen is not known at first: it says so.
    pub fn of(policy: Policy) -> Self {
        Self {
            policy,
            seen: BTreeMap::new(),
        }
    }

    /// Asks every witness to cosign a checkpoint of the log in `source`, one after the other.
    pub async fn ask(
        &mut self,
        checkpoint: &SignedCheckpoint,
        source: &dyn Source,
        http: &dyn Post,
    ) -> Round {
        let (mut signatures, mut failures) = (Vec::new(), Vec::new());
        for (name, party) in self.policy.witnesses() {
            let Some(url) = &party.url else { continue };
            let question = Question {
                checkpoint,
                http,
                source,
                url,
                witness: &party.key,
            };
            let seen = self.seen.get(name).copied().unwrap_or(0);
            match question.ask(seen).await {
                Ok(given) => {
                    signatures.extend(given);
                    let size = checkpoint.checkpoint().size;
                    self.seen.insert(name.to_owned(), size);
                }
                Err(error) => failures.push((name.to_owned(), error)),
            }
        }
        let checkpoint = checkpoint.clone().cosigned(signatures);
        Round {
            outcome: self.policy.verify(checkpoint.note()),
            checkpoint,
            failures,
        }
    }
}

impl Question<'_> {
    /// Asks from where the witness is thought to be, and once more from where it says that it is.
    async fn ask(&self, seen: u64) -> Result<Vec<Signature>, WitnessError> {
        match self.ask_from(seen).await {
            Err(WitnessError::Behind(seen)) => self.ask_from(seen).await,
            answer => answer,
        }
    }

    async fn ask_from(&self, seen: u64) -> Result<Vec<Signature>, WitnessError> {
        let size = self.checkpoint.checkpoint().size;
        let tiles = Tiles::new(self.source, size);
        let proof = consistency(seen, size, &tiles)
            .map_err(|error| WitnessError::Unproven(error.to_string()))?;
        let ahead = WitnessError::Ahead {
            witness: seen,
            log: size,
        };
        let proof = proof.ok_or(ahead)?;
        cosign(
            self.http,
            self.url,
            self.witness,
            seen,
            &proof,
            self.checkpoint,
        )
        .await
    }
}
