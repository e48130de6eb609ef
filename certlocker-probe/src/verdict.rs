//! One answer for each place that was looked at, and what they come to together.

use std::collections::BTreeMap;

use certlocker_core::Timestamp;
use serde::Serialize;

use crate::{Fingerprint, Identity, Judgement};

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::exhaustive_enums,
    reason = "consumers map each level to what they do"
)]
pub enum Level {
    /// As it should be.
    Fine,
    /// Worth to know.
    Notice,
    /// Somebody should look into it.
    Warning,
    /// Not as it should be.
    Failure,
}

/// The answer for one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
#[non_exhaustive]
pub enum Verdict {
    /// The certificate that is to be served is.
    Expected,
    /// One that is to be served later is.
    Ahead,
    /// The previous one is still served, within the time that this is waited for.
    WaitingForReload {
        /// From when it should have been another one.
        since: Timestamp,
        /// Until when this is no fault.
        until: Timestamp,
    },
    /// The previous one, or one before it, is still served.
    Previous {
        /// Why, as far as is known.
        cause: Cause,
        /// From when it should have been another one.
        since: Timestamp,
    },
    /// The certificate of another item is served.
    OtherItem {
        /// Which.
        item: String,
    },
    /// A certificate is served that is not in the inventory.
    Unknown,
    /// Something is served that is no certificate.
    Unusable,
    /// The endpoint answered, and no certificate came.
    NoCertificate {
        /// Why not.
        why: String,
    },
    /// The endpoint did not answer.
    Unreachable {
        /// Up to where the probe came, and why no further.
        why: String,
    },
}

/// Why a previous certificate is still served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The file that the server reads does not have the new one either.
    NotDeployed,
    /// The file that the server reads has the new one; the server was not told.
    NotReloaded,
    /// What the file has is not known.
    Unknown,
}

impl Verdict {
    /// The answer that a judgement comes to. `on_disk` is what the file has that the server reads, if
    /// that is known, with what it is in view of the inventory.
    pub fn of(judgement: &Judgement, on_disk: Option<&Identity>) -> Self {
        let Some(leaf) = &judgement.leaf else {
            return Self::Unusable;
        };
        match &leaf.identity {
            Identity::Expected => Self::Expected,
            Identity::Successor { .. } => Self::Ahead,
            Identity::Predecessor {
                grace_until, since, ..
            } if judgement.at < *grace_until => Self::WaitingForReload {
                since: *since,
                until: *grace_until,
            },
            Identity::Predecessor { since, .. } => Self::Previous {
                cause: Cause::by(on_disk),
                since: *since,
            },
            Identity::OtherItem { item } => Self::OtherItem { item: item.clone() },
            Identity::Unknown { .. } => Self::Unknown,
        }
    }

    /// How bad it is, for itself alone.
    pub fn level(&self) -> Level {
        match self {
            Self::Expected => Level::Fine,
            Self::Ahead | Self::WaitingForReload { .. } => Level::Notice,
            _ => Level::Failure,
        }
    }

    /// Its name, by which answers are counted.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Ahead => "ahead",
            Self::WaitingForReload { .. } => "waiting_for_reload",
            Self::Previous { .. } => "previous",
            Self::OtherItem { .. } => "other_item",
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::NoCertificate { .. } => "no_certificate",
            Self::Unreachable { .. } => "unreachable",
        }
    }
}

impl Cause {
    fn by(on_disk: Option<&Identity>) -> Self {
        match on_disk {
            Some(Identity::Expected) => Self::NotReloaded,
            Some(_) => Self::NotDeployed,
            None => Self::Unknown,
        }
    }
}

/// Whether the file that a server reads would undo, at its next start, what it serves now.
pub fn is_disk_behind_memory(served: &Identity, on_disk: &Identity) -> bool {
    *served == Identity::Expected && matches!(on_disk, Identity::Predecessor { .. })
}

/// What the answers of many places come to: no bad one is hidden behind good ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// How many places gave which answer, by its name.
    pub counts: BTreeMap<&'static str, usize>,
    /// How bad the worst is.
    pub level: Level,
    /// The leaves that were seen, with how many places have each.
    pub leaves: BTreeMap<Fingerprint, usize>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            counts: BTreeMap::new(),
            level: Level::Fine,
            leaves: BTreeMap::new(),
        }
    }
}

impl Summary {
    /// Adds the answer of one place, with the level of all that was found there and the leaf that was seen.
    pub fn add(&mut self, verdict: &Verdict, level: Level, leaf: Option<Fingerprint>) {
        *self.counts.entry(verdict.name()).or_default() += 1;
        self.level = self.level.max(level).max(verdict.level());
        if let Some(leaf) = leaf {
            *self.leaves.entry(leaf).or_default() += 1;
        }
    }

    /// Adds what other places came to.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
        for (leaf, count) in &other.leaves {
            *self.leaves.entry(*leaf).or_default() += count;
        }
        self.level = self.level.max(other.level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Likeness;
    use crate::judge::tests::Scene;
    use crate::testing::day;

    fn judgement(identity: Identity, at: Timestamp) -> Judgement {
        let scene = Scene::with_intermediate_until(500);
        let mut judgement = scene.judge.judge("a.example", None, &scene.captured, at);
        judgement.leaf.as_mut().unwrap().identity = identity;
        judgement
    }

    fn predecessor() -> Identity {
        Identity::Predecessor {
            behind: 1,
            grace_until: day(20),
            since: day(19),
        }
    }

    #[test]
    fn a_previous_certificate_is_waited_for_and_then_a_fault() {
        let waiting = Verdict::of(&judgement(predecessor(), day(19)), None);
        assert_eq!(
            waiting,
            Verdict::WaitingForReload {
                since: day(19),
                until: day(20)
            }
        );
        let previous = Verdict::of(&judgement(predecessor(), day(20)), None);
        assert_eq!(
            previous,
            Verdict::Previous {
                cause: Cause::Unknown,
                since: day(19)
            }
        );
        assert_eq!(
            (waiting.level(), previous.level()),
            (Level::Notice, Level::Failure)
        );
    }

    #[test]
    fn what_the_file_has_tells_a_missing_reload_from_a_missing_deployment() {
        let unknown = Identity::Unknown {
            likeness: Likeness::Nothing,
        };
        for (on_disk, expected) in [
            (Some(Identity::Expected), Cause::NotReloaded),
            (Some(predecessor()), Cause::NotDeployed),
            (Some(unknown), Cause::NotDeployed),
            (None, Cause::Unknown),
        ] {
            let verdict = Verdict::of(&judgement(predecessor(), day(30)), on_disk.as_ref());
            assert_eq!(
                verdict,
                Verdict::Previous {
                    cause: expected,
                    since: day(19)
                }
            );
        }
    }

    #[test]
    fn a_file_that_would_undo_what_is_served_is_noticed() {
        assert!(is_disk_behind_memory(&Identity::Expected, &predecessor()));
        assert!(!is_disk_behind_memory(
            &Identity::Expected,
            &Identity::Expected
        ));
        assert!(!is_disk_behind_memory(&predecessor(), &predecessor()));
    }

    #[test]
    fn one_bad_place_among_many_good_ones_stays_in_sight() {
        let (old, new) = (Fingerprint::of(b"old"), Fingerprint::of(b"new"));
        let previous = Verdict::Previous {
            cause: Cause::Unknown,
            since: day(0),
        };
        let mut summary = Summary::default();
        (0..9).for_each(|_| summary.add(&Verdict::Expected, Level::Fine, Some(new)));
        let mut other = Summary::default();
        other.add(&previous, Level::Failure, Some(old));
        summary.merge(&other);
        assert_eq!(summary.level, Level::Failure);
        assert_eq!(
            summary.counts,
            BTreeMap::from([("expected", 9), ("previous", 1)])
        );
        assert_eq!(summary.leaves, BTreeMap::from([(new, 9), (old, 1)]));
    }

    #[test]
    fn the_level_of_a_finding_counts_though_the_certificate_is_the_right_one() {
        let mut summary = Summary::default();
        summary.add(&Verdict::Expected, Level::Warning, None);
        assert_eq!(summary.level, Level::Warning);
    }
}
