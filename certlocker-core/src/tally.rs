//! Counts what comes in floods, until one record is due for all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::Timestamp;

/// Counts things of a kind, so that one record a minute at most stands for all of them.
///
/// How many kinds are counted at the same time is bounded: beyond that, what comes of a new kind is
/// not counted.
#[derive(Debug)]
pub struct Tally<K>(HashMap<K, Count>);

#[derive(Debug)]
struct Count {
    since_record: u64,
    last_record: Timestamp,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

const PAUSE: Duration = Duration::from_secs(60);
/// Bounds what a flood from many networks can fill.
const LARGEST: usize = 10_000;

impl<K: Eq + Hash> Tally<K> {
    /// Counts one; the answer is how many a record now has to stand for, if one is due.
    pub fn note(&mut self, kind: K, now: Timestamp) -> Option<u64> {
        if self.0.len() >= LARGEST {
            self.0
                .retain(|_, count| now.since(count.last_record) < PAUSE);
        }
        if self.0.len() >= LARGEST && !self.0.contains_key(&kind) {
            return None;
        }
        let Some(count) = self.0.get_mut(&kind) else {
            let begun = Count {
                since_record: 0,
                last_record: now,
            };
            self.0.insert(kind, begun);
            return Some(1);
        };
        count.since_record += 1;
        if now.since(count.last_record) < PAUSE {
            return None;
        }
        count.last_record = now;
        Some(std::mem::take(&mut count.since_record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_000 + second)
    }

    #[test]
    fn one_record_a_minute_stands_for_all_of_a_kind() {
        let mut tally = Tally::default();
        for (kind, second, due) in [
            ("a", 0, Some(1)),
            ("a", 1, None),
            ("b", 1, Some(1)),
            ("a", 59, None),
            ("a", 61, Some(3)),
            ("a", 62, None),
        ] {
            assert_eq!(tally.note(kind, at(second)), due, "{kind} at {second}");
        }
    }

    #[test]
    fn a_flood_of_kinds_fills_no_more_than_there_is_room_for() {
        let mut tally = Tally::default();
        for kind in 0..2 * LARGEST {
            tally.note(kind, at(0));
        }
        assert_eq!(tally.0.len(), LARGEST);
        assert_eq!(tally.note(2 * LARGEST, at(60)), Some(1));
        assert_eq!(tally.0.len(), 1);
    }
}
