//! How many looks at one address it takes to be sure that all workers behind it serve the same.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::Fingerprint;

/// When a sample is large enough.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "the two numbers of a confidence statement"
)]
pub struct Goal {
    /// With which confidence, as a number between 0 and 1.
    pub confidence: f64,
    /// One of how many workers is to be found, if one alone serves something else.
    pub one_of: u32,
}

impl Goal {
    /// One stale worker of eight, with 99 % confidence.
    pub const ONE_OF_EIGHT: Self = Self {
        confidence: 0.99,
        one_of: 8,
    };

    /// How many connections it takes, if each meets any worker with the same chance.
    pub fn needed(self) -> usize {
        let missed = 1.0 - 1.0 / f64::from(self.one_of.max(2));
        let allowed = (1.0 - self.confidence).clamp(1e-9, 0.5);
        let needed = (allowed.ln() / missed.ln()).ceil();
        // A logarithm of what was clamped is finite and small.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is positive and small"
        )]
        let needed = needed as usize;
        needed
    }
}

/// What was seen at one address by many connections.
#[derive(Clone, Debug)]
pub struct Sample {
    failures: usize,
    goal: Goal,
    leaves: BTreeMap<Fingerprint, usize>,
    sources: usize,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing else to do")]
pub enum Sampling {
    /// Hold so many connections at the same time.
    Hold(usize),
    /// Enough is known.
    Stop,
}

/// As many at once as find out workers that are idle: those that ran longest win every accept, and only
/// those that are busy leave a connection to others.
const MOST_AT_ONCE: usize = 16;

impl Sample {
    /// Nothing seen yet, from so many source addresses.
    pub fn new(goal: Goal, sources: usize) -> Self {
        Self {
            failures: 0,
            goal,
            leaves: BTreeMap::new(),
            sources: sources.max(1),
        }
    }

    /// A connection was shown this leaf.
    pub fn saw(&mut self, leaf: Fingerprint) {
        *self.leaves.entry(leaf).or_default() += 1;
    }

    /// A connection was shown nothing.
    pub fn failed(&mut self) {
        self.failures += 1;
    }

    /// What to do next: stop as soon as two certificates were seen, or none is left to be expected.
    pub fn next(&self) -> Sampling {
        let seen = self.seen();
        let needed = self.goal.needed();
        let gives_up = self.failures > needed;
        match self.leaves.len() > 1 || needed <= seen || gives_up {
            true => Sampling::Stop,
            false => Sampling::Hold((needed - seen).min(MOST_AT_ONCE)),
        }
    }

    fn seen(&self) -> usize {
        self.leaves.values().sum()
    }

    /// What this sample shows.
    pub fn coverage(&self) -> Coverage {
        Coverage {
            confidence: self.goal.confidence,
            excludes_one_of: (self.leaves.len() == 1).then(|| self.excluded()).flatten(),
            failures: self.failures,
            leaves: self.leaves.clone(),
            sources: self.sources,
        }
    }

    /// The largest number of workers of which one stale one would have been found.
    fn excluded(&self) -> Option<u32> {
        let enough = |one_of: &u32| {
            Goal {
                one_of: *one_of,
                ..self.goal
            }
            .needed()
                <= self.seen()
        };
        (2..=1024).take_while(enough).last()
    }
}

/// What a sample shows, and what it cannot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// With which confidence.
    pub confidence: f64,
    /// One worker of so many that serves something else would have been found, if a balancer spreads evenly.
    pub excludes_one_of: Option<u32>,
    /// How many connections were shown nothing.
    pub failures: usize,
    /// The leaves that were seen, with how often.
    pub leaves: BTreeMap<Fingerprint, usize>,
    /// From how many source addresses. A balancer that goes by the source shows each of them one worker.
    pub sources: usize,
}

impl Coverage {
    /// Whether workers behind the address serve different certificates.
    pub fn is_mixed(&self) -> bool {
        self.leaves.len() > 1
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen: usize = self.leaves.values().sum();
        match (self.is_mixed(), self.excludes_one_of) {
            (true, _) => {
                let counts: Vec<String> = self.leaves.values().map(ToString::to_string).collect();
                write!(
                    f,
                    "{} certificates in {seen} connections ({})",
                    self.leaves.len(),
                    counts.join(" + ")
                )?;
            }
            (false, Some(one_of)) => write!(
                f,
                "0 of {seen} differ: excludes a share of 1/{one_of} at {} %",
                self.confidence * 100.0
            )?,
            (false, None) => write!(f, "{seen} connections: too few to exclude anything")?,
        }
        match self.sources {
            1 => write!(
                f,
                ", unless a balancer goes by the source address: there was one"
            ),
            more => write!(f, ", from {more} source addresses"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(number: u8) -> Fingerprint {
        Fingerprint::of(&[number])
    }

    #[test]
    fn the_numbers_of_connections_are_those_of_the_binomial() {
        let needed = |one_of, confidence| Goal { confidence, one_of }.needed();
        for (one_of, at_95, at_99) in [
            (2, 5, 7),
            (4, 11, 17),
            (8, 23, 35),
            (16, 47, 72),
            (32, 95, 146),
            (64, 191, 293),
        ] {
            assert_eq!(
                (needed(one_of, 0.95), needed(one_of, 0.99)),
                (at_95, at_99),
                "{one_of}"
            );
        }
    }

    #[test]
    fn a_sample_ends_when_it_is_large_enough() {
        let mut sample = Sample::new(Goal::ONE_OF_EIGHT, 1);
        let mut held = 0;
        while let Sampling::Hold(number) = sample.next() {
            (0..number).for_each(|_| sample.saw(leaf(1)));
            held += number;
        }
        assert_eq!(held, 35);
        let coverage = sample.coverage();
        assert!(!coverage.is_mixed());
        assert_eq!(coverage.excludes_one_of, Some(8));
        assert!(
            coverage
                .to_string()
                .starts_with("0 of 35 differ: excludes a share of 1/8 at 99 %, unless")
        );
    }

    #[test]
    fn a_sample_ends_at_the_second_certificate() {
        let mut sample = Sample::new(Goal::ONE_OF_EIGHT, 4);
        (0..3).for_each(|_| sample.saw(leaf(1)));
        sample.saw(leaf(2));
        assert_eq!(sample.next(), Sampling::Stop);
        let shown = sample.coverage().to_string();
        assert!(
            shown.starts_with("2 certificates in 4 connections ("),
            "{shown}"
        );
        assert_eq!(sample.coverage().excludes_one_of, None);
    }

    #[test]
    fn a_server_that_fails_is_not_sampled_for_ever() {
        let mut sample = Sample::new(Goal::ONE_OF_EIGHT, 1);
        let mut rounds = 0;
        while let Sampling::Hold(number) = sample.next() {
            (0..number).for_each(|_| sample.failed());
            rounds += 1;
            assert!(rounds < 100);
        }
        assert_eq!(sample.coverage().excludes_one_of, None);
    }
}
