//! Looks at clouds that go on while nobody waits: how far they are, and what became of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certlocker_core::Attribution;
use certlocker_import::found::Discovery;
use serde::{Deserialize, Serialize};

use super::super::{Inventory, InventoryError};
use super::PlanRequest;

/// How many looks go on at the same time, and how many are remembered when they have ended.
const AT_ONCE: usize = 4;
const REMEMBERED: usize = 64;

/// The looks of this process. A restart ends them, and nothing is half-planned then: a plan is
/// whole, or nobody can apply it.
#[derive(Clone, Debug, Default)]
pub struct Discoveries(Arc<Mutex<BTreeMap<u64, Arc<Look>>>>);

#[derive(Debug)]
struct Look {
    cancelled: AtomicBool,
    found: AtomicUsize,
    outcome: Mutex<Option<Result<String, String>>>,
    parts: AtomicUsize,
}

/// How far a look is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiscoveryView {
    /// How many machines were found.
    pub found: usize,
    /// Its number.
    pub id: u64,
    /// How many parts were seen to their end.
    pub parts: usize,
    /// The plan, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// looking, planned or failed.
    pub state: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Look {
    fn view(&self, id: u64) -> DiscoveryView {
        let outcome = lock(&self.outcome).clone();
        let (state, plan, why) = match outcome {
            None => ("looking", None, None),
            Some(Ok(plan)) => ("planned", Some(plan), None),
            Some(Err(why)) => ("failed", None, Some(why)),
        };
        DiscoveryView {
            found: self.found.load(Ordering::Relaxed),
            id,
            parts: self.parts.load(Ordering::Relaxed),
            plan,
            state: state.to_owned(),
            why,
        }
    }

    fn note(&self, discovery: &Discovery) -> bool {
        self.found.store(discovery.hosts.len(), Ordering::Relaxed);
        self.parts
            .store(discovery.complete.len(), Ordering::Relaxed);
        !self.cancelled.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        lock(&self.outcome).is_some()
    }
}

/// Says that the look broke off if nothing else was said before it ends.
struct Running(Arc<Look>);

impl Running {
    fn end(&self, outcome: Result<String, String>) {
        *lock(&self.0.outcome) = Some(outcome);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.0.outcome).get_or_insert_with(|| Err("it broke off".to_owned()));
    }
}

impl Discoveries {
    /// Begins to look, and to plan what is found.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] when too many looks go on already.
    pub fn begin(
        &self,
        inventory: &Inventory,
        request: PlanRequest,
        by: &Attribution,
    ) -> Result<DiscoveryView, InventoryError> {
        let (id, look) = self.enter()?;
        let view = look.view(id);
        let (inventory, by, running) = (inventory.clone(), by.clone(), Running(look));
        tokio::spawn(async move {
            let go_on = |discovery: &Discovery| running.0.note(discovery);
            let planned = inventory.plan_import(&request, &by, &go_on).await;
            if let Err(error) = &planned {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, discovery = id, "no plan was made");
            }
            running.end(match planned {
                Ok(detail) => Ok(detail.plan.id),
                Err(error) => Err(error.to_string()),
            });
        });
        Ok(view)
    }

    /// How far a look is.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] for one that this process does not know.
    pub fn show(&self, id: u64) -> Result<DiscoveryView, InventoryError> {
        Ok(self.look(id)?.view(id))
    }

    /// Ends a look before its next page.
    ///
    /// # Errors
    /// [`InventoryError::NotFound`] for one that this process does not know.
    pub fn cancel(&self, id: u64) -> Result<DiscoveryView, InventoryError> {
        let look = self.look(id)?;
        look.cancelled.store(true, Ordering::Relaxed);
        Ok(look.view(id))
    }

    fn look(&self, id: u64) -> Result<Arc<Look>, InventoryError> {
        let missing = || {
            let what =
                format!("discovery {id} here: a restart ends them, and another node has its own");
            InventoryError::NotFound(what)
        };
        lock(&self.0).get(&id).cloned().ok_or_else(missing)
    }

    fn enter(&self) -> Result<(u64, Arc<Look>), InventoryError> {
        let mut looks = lock(&self.0);
        if looks.values().filter(|look| !look.is_over()).count() >= AT_ONCE {
            return Err(InventoryError::Refused(format!(
                "{AT_ONCE} discoveries go on already: wait for one, or cancel it"
            )));
        }
        while looks.len() >= REMEMBERED {
            let over = looks.iter().find(|(_, look)| look.is_over());
            let Some(oldest) = over.map(|(id, _)| *id) else {
                break;
            };
            looks.remove(&oldest);
        }
        let id = looks.last_key_value().map_or(1, |(last, _)| last + 1);
        let look = Arc::new(Look {
            cancelled: AtomicBool::new(false),
            found: AtomicUsize::new(0),
            outcome: Mutex::new(None),
            parts: AtomicUsize::new(0),
        });
        looks.insert(id, Arc::clone(&look));
        Ok((id, look))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
