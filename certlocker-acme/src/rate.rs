//! How much may be asked for in a time; nothing is limited unless a limit is set.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// So many at once, and so many in each span in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a number and a span")]
pub struct Rate {
    /// How many.
    pub most: NonZeroU32,
    /// In which span.
    pub within: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.most, self.within)
    }
}

/// What clients may ask for; whoever asks for more is told when to come again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Orders of one account.
    pub account_orders: Option<Rate>,
    /// Signed requests of one account.
    pub account_requests: Option<Rate>,
    /// Orders of all accounts of one scoped client.
    pub client_orders: Option<Rate>,
    /// Signed requests of all accounts of one scoped client.
    pub client_requests: Option<Rate>,
    /// Signed requests from one network, a /24 or a /48, before anything else about them is looked
    /// at.
    pub network_requests: Option<Rate>,
}

/// More than a limit admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// The limit.
    pub(crate) rate: Rate,
    /// When the next one is admitted.
    pub(crate) wait: Duration,
}

/// Holds each key to one rate.
pub(crate) struct Limiter<K: Clone + Eq + Hash> {
    clock: DefaultClock,
    rate: Rate,
    state: DefaultKeyedRateLimiter<K>,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// With more keys than this, those that could start anew are forgotten.
    const MANY: usize = 10_000;

    /// A span too short to be told from none limits nothing.
    pub(crate) fn new(rate: Rate) -> Option<Self> {
        let quota = Quota::with_period(rate.within / rate.most.get())?.allow_burst(rate.most);
        Some(Self {
            clock: DefaultClock::default(),
            rate,
            state: RateLimiter::keyed(quota),
        })
    }

    pub(crate) fn check(&self, key: &K) -> Result<(), TooMany> {
        if self.state.len() > Self::MANY {
            self.state.retain_recent();
        }
        self.state.check_key(key).map_err(|refused| TooMany {
            rate: self.rate,
            wait: refused.wait_time_from(self.clock.now()),
        })
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limiter").field(&self.rate).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn limiter(most: u32, within: Duration) -> Option<Limiter<u8>> {
        let most = NonZeroU32::new(most).unwrap();
        Limiter::new(Rate { most, within })
    }

    #[test]
    fn each_key_has_its_burst_and_is_then_told_to_wait_for_its_share() {
        let limiter = limiter(3, HOUR).unwrap();
        for key in [1, 2] {
            assert!((0..3).all(|_| limiter.check(&key).is_ok()), "{key}");
            let refused = limiter.check(&key).unwrap_err();
            assert!(
                refused.wait > HOUR / 4 && refused.wait <= HOUR / 3,
                "{refused:?}"
            );
        }
    }

    #[test]
    fn what_can_start_anew_is_forgotten() {
        let rate = Rate {
            most: NonZeroU32::new(1_000_000).unwrap(),
            within: Duration::from_secs(1),
        };
        let limiter = Limiter::<u32>::new(rate).unwrap();
        (0..30_000).for_each(|key| assert!(limiter.check(&key).is_ok()));
        assert!(limiter.state.len() <= Limiter::<u32>::MANY + 1);
    }

    #[test]
    fn a_span_of_nothing_limits_nothing() {
        assert!(limiter(1, Duration::ZERO).is_none());
    }
}
