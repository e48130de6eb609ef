//! A sink that is given some kinds of records only: an alert.

use std::sync::Arc;

use async_trait::async_trait;
use certlocker_core::{Event, Record};

use super::{AuditSink, SinkError};

/// Passes records of some kinds on to another sink. What it leaves out counts as delivered.
pub struct Only {
    kinds: Vec<String>,
    sink: Arc<dyn AuditSink>,
}

impl Only {
    /// Those whose name or code is among `kinds`.
    pub fn new(kinds: Vec<String>, sink: Arc<dyn AuditSink>) -> Self {
        Self { kinds, sink }
    }

    /// Whether there is a kind of record with this name or code.
    pub fn knows(kind: &str) -> bool {
        let mut kinds = Event::VOCABULARY.iter();
        kinds.any(|(code, name)| *code == kind || *name == kind)
    }

    fn wants(&self, event: &Event) -> bool {
        let mut kinds = self.kinds.iter();
        kinds.any(|kind| kind == event.code() || kind == event.name())
    }
}

#[async_trait]
impl AuditSink for Only {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        let wanted = records.iter().filter(|record| self.wants(&record.event));
        let wanted: Vec<Record> = wanted.cloned().collect();
        match wanted.is_empty() {
            true => Ok(()),
            false => self.sink.deliver(&wanted).await,
        }
    }
}

impl std::fmt::Debug for Only {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Only")
            .field("kinds", &self.kinds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::{Mutex, PoisonError};
    use std::task::{Context, Poll, Waker};

    use super::super::conformance::records;
    use super::*;

    #[derive(Default)]
    struct Taken(Mutex<Vec<usize>>);

    #[async_trait]
    impl AuditSink for Taken {
        async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
            let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            taken.push(records.len());
            Ok(())
        }
    }

    #[test]
    fn what_is_not_wanted_is_left_out_and_nothing_is_not_sent() {
        for (kind, wanted) in [
            ("request.refused", vec![3]),
            ("CLA131E", vec![3]),
            ("endpoint.mismatch", Vec::new()),
        ] {
            let taken = Arc::new(Taken::default());
            let only = Only::new(vec![kind.to_owned()], taken.clone());
            let records = records(&["a"; 3]);
            let mut context = Context::from_waker(Waker::noop());
            let delivered = pin!(only.deliver(&records)).poll(&mut context);
            assert!(matches!(delivered, Poll::Ready(Ok(()))));
            assert_eq!(*taken.0.lock().unwrap(), wanted, "{kind}");
        }
        assert!(Only::knows("endpoint.mismatch") && !Only::knows("endpoint"));
    }
}
