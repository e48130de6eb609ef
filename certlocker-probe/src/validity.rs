//! Whether a certificate is within its time, and due to be renewed.

use std::time::Duration;

use certlocker_core::Timestamp;
use serde::Serialize;

use crate::Facts;

/// When a renewal is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewal {
    /// When so many hundredths of the lifetime are over: it fits certificates of six days and of a year.
    AtPercent(u8),
    /// At the start of the window that the authority suggests ([RFC 9773]).
    ///
    /// [RFC 9773]: https://www.rfc-editor.org/rfc/rfc9773
    From(Timestamp),
}

impl Renewal {
    /// The instant from which this certificate is due to be renewed.
    pub(crate) fn due(self, facts: &Facts) -> Timestamp {
        let lifetime = facts.not_after.since(facts.not_before);
        match self {
            Self::AtPercent(percent) => facts.not_before.after(lifetime * u32::from(percent) / 100),
            Self::From(start) => start,
        }
    }
}

/// Whether a certificate is within its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Validity {
    /// It ends before it begins.
    Empty,
    /// It is over.
    Expired {
        /// Since when.
        since: Timestamp,
        /// Whether a clock that is wrong by a little would explain it.
        skew: bool,
    },
    /// It has not begun.
    NotYet {
        /// When it begins.
        from: Timestamp,
        /// Whether a clock that is wrong by a little would explain it.
        skew: bool,
    },
    /// It is within its time.
    Valid {
        /// Whether a renewal is due and has not arrived.
        renewal_due: bool,
        /// Until when.
        until: Timestamp,
    },
}

impl Validity {
    pub(crate) fn of(facts: &Facts, renewal: Renewal, skew: Duration, at: Timestamp) -> Self {
        let (from, until) = (facts.not_before, facts.not_after);
        if until < from {
            return Self::Empty;
        }
        if at < from {
            return Self::NotYet {
                from,
                skew: from.since(at) <= skew,
            };
        }
        if until < at {
            return Self::Expired {
                since: until,
                skew: at.since(until) <= skew,
            };
        }
        Self::Valid {
            renewal_due: renewal.due(facts) <= at,
            until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, Leaf, day};

    const SKEW: Duration = Duration::from_secs(3600);

    fn facts() -> Facts {
        let leaf = Leaf {
            days: (10, 110),
            ..Leaf::named(&["a.example"])
        };
        Facts::read(&Authority::root("root").issue(&leaf).der.0).unwrap()
    }

    fn judge(at: Timestamp) -> Validity {
        Validity::of(&facts(), Renewal::AtPercent(67), SKEW, at)
    }

    #[test]
    fn a_certificate_is_valid_up_to_and_with_both_ends() {
        for at in [day(10), day(50), day(110)] {
            assert!(
                matches!(judge(at), Validity::Valid { until, .. } if until == day(110)),
                "{at}"
            );
        }
    }

    #[test]
    fn outside_of_its_time_a_small_difference_points_at_a_clock() {
        assert_eq!(
            judge(day(10).before(SKEW)),
            Validity::NotYet {
                from: day(10),
                skew: true
            }
        );
        assert_eq!(
            judge(day(9)),
            Validity::NotYet {
                from: day(10),
                skew: false
            }
        );
        assert_eq!(
            judge(day(110).after(SKEW)),
            Validity::Expired {
                since: day(110),
                skew: true
            }
        );
        assert_eq!(
            judge(day(111)),
            Validity::Expired {
                since: day(110),
                skew: false
            }
        );
    }

    #[test]
    fn a_renewal_is_due_by_share_of_the_lifetime_or_by_the_word_of_the_authority() {
        let due = |renewal, at| Validity::of(&facts(), renewal, SKEW, at);
        let valid = |renewal_due| Validity::Valid {
            renewal_due,
            until: day(110),
        };
        assert_eq!(due(Renewal::AtPercent(67), day(76)), valid(false));
        assert_eq!(due(Renewal::AtPercent(67), day(77)), valid(true));
        assert_eq!(due(Renewal::From(day(30)), day(29)), valid(false));
        assert_eq!(due(Renewal::From(day(30)), day(30)), valid(true));
    }

    #[test]
    fn a_certificate_that_ends_before_it_begins_is_never_valid() {
        let facts = Facts {
            not_after: day(1),
            ..facts()
        };
        assert_eq!(
            Validity::of(&facts, Renewal::AtPercent(67), SKEW, day(5)),
            Validity::Empty
        );
    }
}
