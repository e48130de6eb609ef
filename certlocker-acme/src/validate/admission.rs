//! How many attempts run at once, in all and for one identifier.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certlocker_core::Identifier;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Gives attempts their turn, first come first served.
///
/// An attempt waits in the lane of its identifier before it takes one of the slots that all share,
/// so a flood for one identifier leaves the slots to the others.
#[derive(Debug)]
pub(super) struct Admission {
    lane_width: usize,
    lanes: Arc<Lanes>,
    slots: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Lanes(Mutex<HashMap<Identifier, Arc<Semaphore>>>);

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    pub(super) fn new(slots: usize, lane_width: usize) -> Self {
        let slots = slots.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            lane_width: lane_width.clamp(1, slots),
            lanes: Arc::default(),
            slots: Arc::new(Semaphore::new(slots)),
        }
    }

    pub(super) async fn enter(&self, identifier: &Identifier) -> Turn {
        let lane = self.lane(identifier);
        let turn = acquire(&lane.places).await;
        let slot = acquire(&self.slots).await;
        Turn {
            _slot: slot,
            _turn: turn,
            _lane: lane,
        }
    }

    fn lane(&self, identifier: &Identifier) -> Lane {
        let places = Arc::clone(
            self.lanes
                .lock()
                .entry(identifier.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(self.lane_width))),
        );
        Lane {
            identifier: identifier.clone(),
            lanes: Arc::clone(&self.lanes),
            places,
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore)
        .acquire_owned()
        .await
        .expect("no semaphore of admission is ever closed")
}

/// The right to run, until dropped. The permits go before the lane, which counts its users.
#[derive(Debug)]
pub(super) struct Turn {
    _slot: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
    _lane: Lane,
}

#[derive(Debug)]
struct Lane {
    identifier: Identifier,
    lanes: Arc<Lanes>,
    places: Arc<Semaphore>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lock();
        // The map's and this one: nobody else is in the lane, and nobody enters while it is locked.
        if Arc::strong_count(&self.places) == 2 {
            lanes.remove(&self.identifier);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn entered<'a>(future: impl Future<Output = Turn> + 'a) -> Option<Turn> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    fn name(name: &str) -> Identifier {
        Identifier::dns(name).unwrap()
    }

    #[test]
    fn a_crowd_for_one_name_leaves_room_for_another() {
        let admission = Admission::new(3, 2);
        let crowded = name("a.example");
        let mut crowd: Vec<_> = (0..5)
            .map(|_| Box::pin(admission.enter(&crowded)))
            .collect();
        let mut context = Context::from_waker(Waker::noop());
        let polled = crowd.iter_mut().map(|one| one.as_mut().poll(&mut context));
        let running: Vec<_> = polled.filter(Poll::is_ready).collect();
        assert_eq!(running.len(), 2);
        assert!(entered(admission.enter(&name("b.example"))).is_some());
    }

    #[test]
    fn no_more_run_than_there_are_slots() {
        let admission = Admission::new(2, 2);
        let first = entered(admission.enter(&name("a.example")));
        let second = entered(admission.enter(&name("b.example")));
        assert!(first.is_some() && second.is_some());
        assert!(entered(admission.enter(&name("c.example"))).is_none());
        drop(first);
        assert!(entered(admission.enter(&name("c.example"))).is_some());
    }

    #[test]
    fn nothing_stays_of_lanes_that_nobody_is_in() {
        let admission = Admission::new(1, 1);
        let running = entered(admission.enter(&name("a.example")));
        assert!(entered(admission.enter(&name("a.example"))).is_none());
        assert!(entered(admission.enter(&name("b.example"))).is_none());
        assert_eq!(admission.lanes.lock().len(), 1);
        drop(running);
        assert_eq!(admission.lanes.lock().len(), 0);
    }
}
