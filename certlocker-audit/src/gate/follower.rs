//! What follows the ledger, how far it has come, and since when it waits.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use certlocker_core::{AuditUnavailable, History, Sequence, StoreError, Timestamp};

use crate::sink::{Class, Standing};

/// How much of a cause is told to whoever is refused because of it.
const LONGEST_CAUSE: usize = 300;

/// A sink, or whatever else gets every record.
#[derive(Debug)]
pub struct Follower {
    class: Class,
    name: String,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    failure: Option<String>,
    reached: Sequence,
    /// When the oldest record that it does not have was written, as far as anybody looked.
    waiting: Option<Timestamp>,
}

/// How far behind something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a count and a time")]
pub struct Behind {
    /// How many records it does not have.
    pub records: u64,
    /// When the oldest of them was written.
    pub since: Option<Timestamp>,
}

impl Follower {
    /// What is called `name` and has got as far as `reached`.
    pub fn new(name: impl Into<String>, class: Class, reached: Sequence) -> Self {
        Self {
            class,
            name: name.into(),
            state: Mutex::new(State {
                failure: None,
                reached,
                waiting: None,
            }),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it means when it is late.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Why it does not get on, if it does not.
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// It has come so far. The answer is whether it had failed before.
    pub fn reached(&self, standing: &Standing) -> bool {
        let mut state = self.state();
        state.reached = standing.delivered;
        state.waiting = standing.waiting;
        state.failure.take().is_some()
    }

    /// It does not get on. The answer is whether that is new.
    pub fn failed(&self, error: &dyn Error) -> bool {
        let causes = std::iter::successors(Some(error), |error| (*error).source());
        let text: Vec<String> = causes.map(ToString::to_string).collect();
        let text: String = text.join(": ").chars().take(LONGEST_CAUSE).collect();
        let mut state = self.state();
        let is_new = state.failure.as_ref() != Some(&text);
        state.failure = Some(text);
        is_new
    }

    /// Looks into the ledger for what it does not have yet.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn look(&self, history: &dyn History) -> Result<Behind, StoreError> {
        let reached = self.state().reached;
        let last = crate::pump::head(history).await?;
        let mut query = certlocker_core::RecordQuery::oldest(1);
        query.after = Some(reached);
        let next = history.find_records(&query).await?;
        let since = next.first().map(|record| record.time);
        let mut state = self.state();
        // It may have got on meanwhile, and know better.
        if state.reached == reached {
            state.waiting = since;
        }
        Ok(Behind {
            records: last.get().saturating_sub(reached.get()),
            since,
        })
    }

    /// Why nothing may be changed, if it is required and a record waits for too long.
    pub fn late(&self, now: Timestamp) -> Option<AuditUnavailable> {
        let Class::Required { deadline } = self.class else {
            return None;
        };
        let state = self.state().clone();
        let since = state.waiting.filter(|since| now.since(*since) > deadline)?;
        let span = now.since(since);
        let cause = state
            .failure
            .unwrap_or_else(|| "it has not answered".to_owned());
        Some(AuditUnavailable {
            sink: self.name.clone(),
            cause: format!("a record waits for {span:.1?} and may for {deadline:?}: {cause}"),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second)
    }

    fn follower(class: Class) -> Follower {
        let follower = Follower::new("file:/a", class, Sequence::new(4));
        follower.reached(&Standing {
            delivered: Sequence::new(5),
            taken: 1,
            waiting: Some(at(0)),
        });
        follower
    }

    #[test]
    fn a_required_one_is_late_once_a_record_waits_longer_than_its_deadline() {
        let deadline = Duration::from_secs(30);
        let required = follower(Class::Required { deadline });
        assert_eq!(required.late(at(30)), None);
        assert!(required.failed(&std::io::Error::other("the disk is full")));
        assert!(!required.failed(&std::io::Error::other("the disk is full")));
        assert_eq!(
            required.late(at(31)).unwrap().to_string(),
            "audit unavailable: file:/a: a record waits for 31.0s and may for 30s: the disk is full; \
             nothing was changed"
        );
        let standing = Standing {
            delivered: Sequence::new(6),
            taken: 1,
            waiting: None,
        };
        assert!(required.reached(&standing));
        assert_eq!(required.late(at(9_999)), None);
    }

    #[test]
    fn one_that_does_its_best_is_never_late() {
        assert_eq!(follower(Class::BestEffort).late(at(9_999)), None);
    }
}
