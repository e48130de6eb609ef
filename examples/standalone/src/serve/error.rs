//! Why a server does not run.

use std::path::PathBuf;

use certlocker_acme::validate;
use certlocker_acme::{Clash, LocalCaError, NoRandomness, SharedNoncesError};
use certlocker_audit::sink::FeedError;
use certlocker_core::StoreError;

use crate::assemble::AssembleError;
use crate::audit::AuditError;
use crate::bootstrap::BootstrapError;
use crate::home::HomeError;
use crate::listen::BindError;
use crate::lock::LockError;
use crate::outside::OutsideError;
use crate::ready::ReadyError;
use crate::tls::TlsError;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The store or its keys.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The first token.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The authority.
    #[error("the local authority cannot be used")]
    Ca(#[from] LocalCaError),
    /// The data directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// Another process serves this directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The nonces that are shared with other servers.
    #[error(transparent)]
    Nonces(#[from] SharedNoncesError),
    /// The issuer with whose accounts people sign in.
    #[cfg(feature = "oidc")]
    #[error("nobody can sign in with the accounts of oidc-issuer")]
    Oidc(#[from] crate::oidc::UnusableIssuer),
    /// Other machines, called by this one.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The ready file.
    #[error(transparent)]
    Ready(#[from] ReadyError),
    /// The route table.
    #[error(transparent)]
    Routes(#[from] Clash),
    /// A sink of records.
    #[error("a sink of records cannot be fed")]
    Sink(#[from] FeedError),
    /// The key of a webhook.
    #[error("the key of a webhook, {}, cannot be used", path.display())]
    SinkKey {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Signals cannot be waited for.
    #[error("signals cannot be waited for")]
    Signal(#[source] std::io::Error),
    /// The store failed.
    #[error("the store cannot be written")]
    Store(#[from] StoreError),
    /// The listeners' own certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Validation.
    #[error("challenges cannot be looked at")]
    Validate(#[from] validate::InvalidConfig),
}
