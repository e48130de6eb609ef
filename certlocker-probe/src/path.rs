//! Whether a chain leads from its leaf to an authority, and what is wrong with it.

use certlocker_core::{Der, Timestamp};
use rustls_pki_types::TrustAnchor;
use serde::Serialize;

use crate::roots::{NoPath, TrustStores, verify};
use crate::{Facts, Unreadable};

/// Where a chain leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Reach {
    /// What was sent leads to an authority that some set of roots has.
    Complete,
    /// An intermediate is over, and there is no way around it.
    Expired {
        /// Until when it was valid.
        not_after: Timestamp,
        /// The intermediate.
        subject: String,
    },
    /// An intermediate was not sent.
    Missing {
        /// Whether the chain is complete once the intermediates that are known are added.
        known: bool,
        /// The intermediate.
        subject: String,
    },
    /// There are certificates enough, but they do not verify.
    NoPath {
        /// Why, in the words of the verifier.
        why: String,
    },
    /// No certificate was sent.
    Nothing,
    /// The leaf has signed itself.
    SelfSigned,
    /// The leaf is no certificate that could be read.
    Unreadable {
        /// Why.
        why: Unreadable,
    },
    /// It leads to a root that was sent and that no set has.
    UntrustedRoot {
        /// The root.
        subject: String,
    },
}

/// What is odd about a chain, whether or not it leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum ChainFinding {
    /// An intermediate is over; there is another way, which not every client finds.
    ExpiredWithAlternative {
        /// Until when it was valid.
        not_after: Timestamp,
        /// The intermediate.
        subject: String,
    },
    /// A certificate does not certify the one before it, though another place would be right.
    OutOfOrder,
    /// The root was sent, which no client needs.
    RootIncluded,
    /// A certificate has nothing to do with the leaf.
    Unrelated {
        /// Its place, the leaf's being zero.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// A certificate cannot be read.
    Unreadable {
        /// Its place, the leaf's being zero.
        position: usize,
        /// Why.
        why: Unreadable,
    },
}

/// Where a chain leads, and what is odd about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "an answer, and what comes beside it"
)]
pub struct ChainVerdict {
    /// What is odd about it.
    pub findings: Vec<ChainFinding>,
    /// Where it leads.
    pub reach: Reach,
}

/// What was sent, with what it says of itself.
pub(crate) struct Chain<'a> {
    pub(crate) ders: &'a [Der],
    pub(crate) facts: &'a [Result<Facts, Unreadable>],
}

impl ChainVerdict {
    /// Judges a chain while its leaf is valid, so that a leaf that is over hides nothing else.
    pub(crate) fn of(
        chain: &Chain<'_>,
        known: &[Der],
        stores: &TrustStores,
        at: Timestamp,
    ) -> Self {
        let leaf = match chain.facts.first() {
            None => {
                return Self {
                    findings: Vec::new(),
                    reach: Reach::Nothing,
                };
            }
            Some(Err(why)) => {
                return Self {
                    findings: Vec::new(),
                    reach: Reach::Unreadable { why: why.clone() },
                };
            }
            Some(Ok(leaf)) => leaf,
        };
        let within = at.clamp(leaf.not_before.min(leaf.not_after), leaf.not_after);
        let search = Search {
            chain,
            known,
            leaf,
            stores,
            walk: Walk::from(leaf, chain, stores),
            within,
        };
        let reach = search.reach();
        Self {
            findings: search.findings(&reach),
            reach,
        }
    }
}

struct Search<'a> {
    chain: &'a Chain<'a>,
    known: &'a [Der],
    leaf: &'a Facts,
    stores: &'a TrustStores,
    walk: Walk<'a>,
    within: Timestamp,
}

impl<'a> Search<'a> {
    fn verify(&self, intermediates: &[Der], at: Timestamp) -> Result<Vec<Der>, NoPath> {
        let anchors: Vec<TrustAnchor<'static>> = self
            .stores
            .all()
            .flat_map(|roots| roots.anchors().iter().cloned())
            .collect();
        verify(&self.chain.ders[0], intermediates, &anchors, at)
    }

    fn served(&self) -> &[Der] {
        &self.chain.ders[1..]
    }

    fn reach(&self) -> Reach {
        if self
            .stores
            .all()
            .any(|roots| roots.has_certificate(&self.leaf.sha256))
        {
            return Reach::Complete;
        }
        let Err(why) = self.verify(self.served(), self.within) else {
            return Reach::Complete;
        };
        if let Some(expired) = self.blocking() {
            return Reach::Expired {
                not_after: expired.not_after,
                subject: expired.subject.clone(),
            };
        }
        match self.walk.end {
            End::SelfSigned if self.walk.seen.is_empty() => Reach::SelfSigned,
            End::SelfSigned => Reach::UntrustedRoot {
                subject: self.walk.last().subject.clone(),
            },
            End::Missing => {
                let more = [self.served(), self.known].concat();
                Reach::Missing {
                    known: self.verify(&more, self.within).is_ok(),
                    subject: self.walk.last().issuer.clone(),
                }
            }
            End::Anchor => Reach::NoPath {
                why: why.to_string(),
            },
        }
    }

    /// The intermediate without whose end the chain would be complete.
    fn blocking(&self) -> Option<&'a Facts> {
        self.over().find(|over| {
            let before = over.not_after.max(self.leaf.not_before);
            self.verify(self.served(), before).is_ok()
        })
    }

    /// The intermediates that were sent and are over.
    fn over(&self) -> impl Iterator<Item = &'a Facts> {
        let served = self.chain.facts[1..].iter().flatten();
        served.filter(|facts| facts.is_authority && facts.not_after < self.within)
    }

    fn findings(&self, reach: &Reach) -> Vec<ChainFinding> {
        let mut findings = Vec::new();
        if *reach == Reach::Complete {
            findings.extend(
                self.over()
                    .filter(|facts| !facts.is_self_issued())
                    .map(|facts| ChainFinding::ExpiredWithAlternative {
                        not_after: facts.not_after,
                        subject: facts.subject.clone(),
                    }),
            );
        }
        findings.extend(self.misplaced());
        for (position, facts) in self.chain.facts.iter().enumerate().skip(1) {
            findings.extend(match facts {
                Err(why) => Some(ChainFinding::Unreadable {
                    position,
                    why: why.clone(),
                }),
                Ok(facts) if facts.is_self_issued() => Some(ChainFinding::RootIncluded),
                Ok(facts) if !self.is_related(facts) => Some(ChainFinding::Unrelated {
                    position,
                    subject: facts.subject.clone(),
                }),
                Ok(_) => None,
            });
        }
        findings
    }

    fn misplaced(&self) -> Option<ChainFinding> {
        let certifies = |pair: &[Result<Facts, Unreadable>]| match pair {
            [Ok(this), Ok(next)] => this.issuer_der == next.subject_der || !self.is_related(next),
            _ => true,
        };
        // A cross-sign stands beside the certificate that it is another way for.
        let beside = |pair: &[Result<Facts, Unreadable>]| matches!(pair, [Ok(this), Ok(next)] if this.subject_der == next.subject_der);
        let in_order = self
            .chain
            .facts
            .windows(2)
            .all(|pair| certifies(pair) || beside(pair));
        (!in_order).then_some(ChainFinding::OutOfOrder)
    }

    /// Whether the certificate stands above the leaf on some way.
    fn is_related(&self, facts: &Facts) -> bool {
        let above: Vec<&[u8]> = self.walk.names(self.chain);
        above.contains(&facts.subject_der.as_slice())
    }
}

/// The way up from the leaf by names alone.
struct Walk<'a> {
    end: End,
    leaf: &'a Facts,
    seen: Vec<&'a Facts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Anchor,
    Missing,
    SelfSigned,
}

impl<'a> Walk<'a> {
    fn from(leaf: &'a Facts, chain: &Chain<'a>, stores: &TrustStores) -> Self {
        let mut walk = Self {
            end: End::Missing,
            leaf,
            seen: Vec::new(),
        };
        loop {
            let last = walk.last();
            if stores
                .all()
                .any(|roots| roots.has_subject(&last.issuer_der))
            {
                walk.end = End::Anchor;
                return walk;
            }
            if last.is_self_issued() {
                walk.end = End::SelfSigned;
                return walk;
            }
            let next = chain.facts[1..].iter().flatten().find(|facts| {
                facts.subject_der == last.issuer_der
                    && !walk.seen.iter().any(|seen| seen.sha256 == facts.sha256)
            });
            match next {
                Some(next) => walk.seen.push(next),
                None => return walk,
            }
        }
    }

    fn last(&self) -> &'a Facts {
        self.seen.last().copied().unwrap_or(self.leaf)
    }

    /// The names of all authorities above the leaf, over every certificate of theirs.
    fn names<'b>(&self, chain: &Chain<'b>) -> Vec<&'b [u8]>
    where
        'a: 'b,
    {
        let mut names: Vec<&'b [u8]> = vec![self.leaf.issuer_der.as_slice()];
        let mut at = 0;
        while let Some(name) = names.get(at).copied() {
            let above = chain
                .facts
                .iter()
                .flatten()
                .filter(|facts| facts.subject_der == name);
            for facts in above {
                if !names.contains(&facts.issuer_der.as_slice()) {
                    names.push(&facts.issuer_der);
                }
            }
            at += 1;
        }
        names
    }
}

#[cfg(test)]
mod tests;
