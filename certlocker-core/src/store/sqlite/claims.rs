//! Claims on rows, in the memory of the one process that works on what falls due.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::change::Lease;
use crate::{Kind, Timestamp};

#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Claimed>);

#[derive(Debug, Default)]
pub(super) struct Claimed {
    claims: HashMap<(Kind, String), Claim>,
    fence: u64,
}

#[derive(Debug)]
struct Claim {
    /// A commit under it is under way: nobody takes the row over before its end is known.
    committing: bool,
    fence: u64,
    until: Timestamp,
}

impl Claims {
    pub(super) fn lock(&self) -> MutexGuard<'_, Claimed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    pub(super) fn claim(
        &mut self,
        kind: Kind,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Option<Lease> {
        let place = (kind, key.to_owned());
        let held = self.claims.get(&place);
        if held.is_some_and(|claim| claim.committing || claim.until > now) {
            return None;
        }
        self.fence += 1;
        let fence = self.fence;
        let claim = Claim {
            committing: false,
            fence,
            until,
        };
        self.claims.insert(place, claim);
        let key = key.to_owned();
        Some(Lease { kind, key, fence })
    }

    /// Claims what is free of `keys`, up to `limit`; an error among the keys ends it.
    pub(super) fn take<E>(
        &mut self,
        kind: Kind,
        keys: &mut dyn Iterator<Item = Result<String, E>>,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease>, E> {
        let claimed = keys.filter_map(|key| match key {
            Ok(key) => self.claim(kind, &key, now, until).map(Ok),
            Err(error) => Some(Err(error)),
        });
        claimed.take(limit).collect()
    }

    pub(super) fn renew(&mut self, lease: &Lease, until: Timestamp) -> bool {
        let newest = self.newest(lease);
        newest.map(|claim| claim.until = until).is_some()
    }

    pub(super) fn release(&mut self, lease: &Lease) {
        if self.newest(lease).is_some_and(|claim| !claim.committing) {
            self.end(lease);
        }
    }

    /// Begins a commit under a claim; it cannot if the claim is not the newest of its row, or
    /// serves another commit.
    pub(super) fn begin(&mut self, lease: &Lease) -> bool {
        match self.newest(lease) {
            Some(claim) if !claim.committing => {
                claim.committing = true;
                true
            }
            _ => false,
        }
    }

    /// Leaves the claim as it was before the commit began.
    pub(super) fn leave(&mut self, lease: &Lease) {
        if let Some(claim) = self.newest(lease) {
            claim.committing = false;
        }
    }

    /// The same for every commit.
    pub(super) fn leave_all(&mut self) {
        for claim in self.claims.values_mut() {
            claim.committing = false;
        }
    }

    pub(super) fn end(&mut self, lease: &Lease) {
        self.claims.remove(&(lease.kind, lease.key.clone()));
    }

    /// Forgets claims that ended before `before`, up to `limit`, and says how many.
    pub(super) fn forget(&mut self, before: Timestamp, limit: usize) -> usize {
        let has_ended = |claim: &mut Claim| !claim.committing && claim.until < before;
        let ended = self.claims.extract_if(|_, claim| has_ended(claim));
        ended.take(limit).count()
    }

    fn newest(&mut self, lease: &Lease) -> Option<&mut Claim> {
        let claim = self.claims.get_mut(&(lease.kind, lease.key.clone()));
        claim.filter(|claim| claim.fence == lease.fence)
    }
}
