//! What a failure means for what was to be written.

use std::sync::Arc;

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::StoreError;

/// A failure of the server or of the way to it; shared by all whom it concerns.
#[derive(Clone, Debug)]
pub(in super::super) struct Failed(Arc<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{}", said(.0))]
    Server(#[from] tokio_postgres::Error),
    #[error("no connection to the database: {}", root(.0))]
    Pool(#[from] PoolError),
    #[error("the ledger's head is missing: the table ledger_head has no row")]
    Head,
}

/// The server's own words, which the driver keeps in the source.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => root(error),
    }
}

fn root(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", root(cause)),
        None => error.to_string(),
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl From<PoolError> for Failed {
    fn from(error: PoolError) -> Self {
        Self(Arc::new(match error {
            PoolError::Backend(error) => error.into(),
            other => other.into(),
        }))
    }
}

impl Failed {
    pub(super) fn headless() -> Self {
        Self(Arc::new(Cause::Head))
    }

    fn server(&self) -> Option<&DbError> {
        match &*self.0 {
            Cause::Server(error) => error.as_db_error(),
            Cause::Pool(_) | Cause::Head => None,
        }
    }

    fn code(&self) -> Option<&SqlState> {
        self.server().map(DbError::code)
    }

    /// Whether it was the server that said so.
    pub(super) fn is_told(&self) -> bool {
        self.server().is_some()
    }

    /// Whether the server refused the statement and lives on, so that the transaction is undone.
    pub(super) fn is_refusal(&self) -> bool {
        let severity = self.server().and_then(DbError::parsed_severity);
        severity == Some(Severity::Error)
    }

    /// Whether the same may succeed when it is done again at once.
    pub(in super::super) fn is_transient(&self) -> bool {
        let codes = [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        self.code().is_some_and(|code| codes.contains(code))
    }

    /// Whether another connection may do better: this one ended, or its server takes no writes.
    pub(in super::super) fn is_lost(&self) -> bool {
        match self.server() {
            Some(server) => {
                !self.is_refusal() || *server.code() == SqlState::READ_ONLY_SQL_TRANSACTION
            }
            None => matches!(&*self.0, Cause::Server(_)),
        }
    }

    /// Whether it is what was to be written that does not fit, whatever else is written with it.
    pub(super) fn is_about_data(&self) -> bool {
        let class = |code: &SqlState| ["22", "23", "54"].contains(&&code.code()[..2]);
        self.code().is_some_and(class)
    }

    pub(in super::super) fn unavailable(self) -> StoreError {
        StoreError::Unavailable(Box::new(Shared(self.0)))
    }

    pub(super) fn in_doubt(self) -> StoreError {
        StoreError::Indeterminate(Box::new(Shared(self.0)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<Cause>);
