//! Whether a connection has requests in progress, and for how long it had none.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Counts the requests in progress on one connection.
#[derive(Clone)]
pub(super) struct Activity(Arc<watch::Sender<usize>>);

/// A request in progress, until this is dropped.
pub(super) struct InProgress(Arc<watch::Sender<usize>>);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn begin(&self) -> InProgress {
        self.0.send_modify(|requests| *requests += 1);
        InProgress(self.0.clone())
    }

    /// Returns once there was no request in progress for the whole span.
    pub(super) async fn idle_for(&self, span: Duration) {
        let mut requests = self.0.subscribe();
        loop {
            if requests.wait_for(|requests| *requests == 0).await.is_err() {
                return;
            }
            if tokio::time::timeout(span, requests.changed())
                .await
                .is_err()
            {
                return;
            }
        }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_idle_after_the_span() {
        let start = Instant::now();
        Activity::new().idle_for(SPAN).await;
        assert_eq!(start.elapsed().as_secs(), SPAN.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_progress_is_never_idle_and_the_span_begins_at_its_end() {
        let activity = Activity::new();
        let request = activity.begin();
        let idle = activity.idle_for(SPAN);
        tokio::pin!(idle);
        assert!(timeout(SPAN * 10, &mut idle).await.is_err());
        drop(request);
        let start = Instant::now();
        idle.await;
        assert_eq!(start.elapsed().as_secs(), SPAN.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_begins_and_ends_unseen_starts_the_span_anew() {
        let activity = Activity::new();
        let idle = activity.idle_for(SPAN);
        tokio::pin!(idle);
        assert!(timeout(SPAN / 2, &mut idle).await.is_err());
        drop(activity.begin());
        assert!(timeout(SPAN * 3 / 4, &mut idle).await.is_err());
        idle.await;
    }
}
