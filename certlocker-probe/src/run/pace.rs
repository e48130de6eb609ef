//! How fast connections are made.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives every connection its turn, among all and among those to its address.
#[derive(Debug)]
pub(super) struct Pace {
    all: Duration,
    each: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    addresses: HashMap<IpAddr, Instant>,
    all: Option<Instant>,
}

/// How many addresses are kept before those whose turn is over are forgotten.
const MOST_KEPT: usize = 4096;

impl Pace {
    pub(super) fn new(all_per_second: u32, each_per_second: u32) -> Self {
        let interval = |per_second: u32| Duration::from_secs(1) / per_second.max(1);
        Self {
            all: interval(all_per_second),
            each: interval(each_per_second),
            turns: Mutex::default(),
        }
    }

    pub(super) async fn wait(&self, address: IpAddr) {
        let turn = self.reserve(address, Instant::now());
        sleep_until(turn).await;
    }

    /// The first free instant for this address, which is taken by asking.
    fn reserve(&self, address: IpAddr, now: Instant) -> Instant {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_KEPT <= turns.addresses.len() {
            turns.addresses.retain(|_, free| now < *free);
        }
        let own = turns
            .addresses
            .get(&address)
            .copied()
            .unwrap_or(now)
            .max(now);
        turns.addresses.insert(address, own + self.each);
        // An address that is behind holds up no other.
        let all = turns.all.unwrap_or(now).max(now);
        turns.all = Some(all + self.all);
        own.max(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn connections_to_one_address_are_apart() {
        let (pace, now) = (Pace::new(1000, 10), Instant::now());
        let [one, other]: [IpAddr; 2] =
            ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        assert_eq!(pace.reserve(one, now), now);
        assert_eq!(pace.reserve(one, now), now + 100 * MS);
        assert_eq!(pace.reserve(other, now), now + 2 * MS);
        assert_eq!(pace.reserve(one, now + 500 * MS), now + 500 * MS);
    }

    #[test]
    fn addresses_are_forgotten_when_their_turn_is_over() {
        let (pace, now) = (Pace::new(1_000_000, 10), Instant::now());
        for number in 0..10_000_u32 {
            pace.reserve(IpAddr::from(number.to_be_bytes()), now + number * MS);
        }
        assert!(pace.turns.lock().unwrap().addresses.len() <= MOST_KEPT);
    }
}
