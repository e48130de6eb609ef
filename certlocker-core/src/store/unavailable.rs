//! What is said when nothing may be written because it could not be recorded as it has to be.

use std::error::Error;

use super::StoreError;

/// Why nothing is changed now: what was done would not get to where it has to be recorded.
///
/// It is a cause of [`StoreError::Unavailable`], so that whoever handles that handles this. The
/// text is meant for whoever asked for the change: it has no secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("audit unavailable: {sink}: {cause}; nothing was changed")]
#[allow(
    clippy::exhaustive_structs,
    reason = "made by whatever refuses a change"
)]
pub struct AuditUnavailable {
    /// What takes no records: the ledger, or a sink that is required.
    pub sink: String,
    /// Why, as far as it is known.
    pub cause: String,
}

impl From<AuditUnavailable> for StoreError {
    fn from(refusal: AuditUnavailable) -> Self {
        Self::Unavailable(Box::new(refusal))
    }
}

impl StoreError {
    /// Which record is missing for a change, if the error says that nothing was written: that of a
    /// required sink if the cause says so, and otherwise that of the ledger itself.
    pub fn audit_unavailable(&self) -> Option<AuditUnavailable> {
        let Self::Unavailable(cause) = self else {
            return None;
        };
        let named = cause.downcast_ref::<AuditUnavailable>();
        Some(named.cloned().unwrap_or_else(|| AuditUnavailable {
            sink: "the ledger".to_owned(),
            cause: innermost(cause.as_ref()),
        }))
    }
}

fn innermost(mut error: &dyn Error) -> String {
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_sink_and_a_failure_of_the_store_the_ledger() {
        let refusal = AuditUnavailable {
            sink: "file:/a".to_owned(),
            cause: "no space".to_owned(),
        };
        let error = StoreError::from(refusal.clone());
        assert_eq!(error.audit_unavailable(), Some(refusal));
        let error = StoreError::Unavailable(Box::new(std::io::Error::other("the disk is full")));
        assert_eq!(
            error.audit_unavailable().unwrap().to_string(),
            "audit unavailable: the ledger: the disk is full; nothing was changed"
        );
        assert_eq!(StoreError::Conflict.audit_unavailable(), None);
    }
}
