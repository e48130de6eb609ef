//! Fail closed: nothing is changed while a required sink waits for too long for what was changed
//! before.
#![doc = include_str!("../guide/gate.md")]

mod follower;
mod gated;

use std::sync::{Arc, PoisonError, RwLock};

use certlocker_core::{AuditUnavailable, History, StoreError, Timestamp};

pub use follower::{Behind, Follower};
pub use gated::Gated;

/// Decides whether something may be changed now.
pub struct Gate {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    followers: RwLock<Vec<Arc<Follower>>>,
}

impl Gate {
    /// A gate that nothing closes yet; `clock` tells the time.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            clock: Box::new(clock),
            followers: RwLock::default(),
        }
    }

    /// From now on this follower closes the gate once it is late, if it is required.
    pub fn watch(&self, follower: Arc<Follower>) {
        let mut followers = self
            .followers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        followers.push(follower);
    }

    /// Looks what each follower is waiting for. To be done again and again, more often than the
    /// shortest deadline: between two looks a record that waits is not seen.
    ///
    /// # Errors
    /// Those of the ledger; then it is as it was.
    pub async fn look(&self, history: &dyn History) -> Result<(), StoreError> {
        for follower in self.followers() {
            follower.look(history).await?;
        }
        Ok(())
    }

    /// Whether something may be changed now.
    ///
    /// # Errors
    /// [`AuditUnavailable`] names the first follower that is late.
    pub fn admit(&self) -> Result<(), AuditUnavailable> {
        let now = (self.clock)();
        let followers = self.followers();
        let late = followers.iter().find_map(|follower| follower.late(now));
        late.map_or(Ok(()), Err)
    }

    fn followers(&self) -> Vec<Arc<Follower>> {
        let followers = self.followers.read();
        followers.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.followers()).finish()
    }
}
