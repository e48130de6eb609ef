//! Places for connections, and whether somebody waits for one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The places of one plane. Clones are handles to the same ones.
#[derive(Clone)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    waiting: Arc<watch::Sender<usize>>,
}

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            waiting: Arc::new(watch::Sender::new(0)),
        }
    }

    /// A place, once there is one.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        let places = Arc::clone(&self.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return place;
        }
        let _waiting = Waiting::begin(&self.waiting);
        let place = places.acquire_owned().await;
        place.expect("no semaphore of a room is ever closed")
    }

    /// Returns once somebody waits for a place.
    pub(super) async fn is_full(&self) {
        let mut waiting = self.waiting.subscribe();
        // The sender lives as long as this room does.
        let _ = waiting.wait_for(|waiting| *waiting > 0).await;
    }
}

/// Somebody who waits, until this is dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}
