//! The commands besides `serve`: against the database, or against a running server.

mod audit;
mod backup;
mod certificate;
mod client;
mod host;
mod import;
mod order;
mod person;
mod probe;
mod remote;
mod secret;
mod token;

use std::io;
use std::sync::Arc;

use certlocker_acme::{Links, SystemClock};
use certlocker_audit::prune::PruneError;
use certlocker_audit::sink::FeedError;
use certlocker_core::{Actor, Attribution, Trigger};

use crate::assemble::{AssembleError, Opened, base_url};
use crate::audit::{AuditError, AuditHome};
use crate::cli::{
    AuditCommand, BackupCommand, CertificateCommand, ClientCommand, Exit, HostCommand,
    ImportCommand, OrderCommand, PersonCommand, ProbeCommand, RestoreCommand, SecretCommand,
    TokenCommand,
};
use crate::config::Settings;
use crate::home::{Home, HomeError};
use crate::inventory::{Inventory, InventoryError};
use crate::keys::KeyError;
use crate::output::Output;
use crate::serve::sinks::heed;

pub use remote::{Remote, RemoteError};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The database or its keys cannot be opened.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The audit log or its key cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A copy could not be made or put back.
    #[error("{0}")]
    Copy(
        String,
        #[source] Option<Box<dyn std::error::Error + Send + Sync>>,
    ),
    /// It works on the database itself, and a running server was named.
    #[error("`{0}` works on the database and its keys, beside the server: leave out --server")]
    Here(&'static str),
    /// The data directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The question has no answer.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The keys that wrap secrets.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is not known how far the sinks of records are.
    #[error("it is not known how far the sinks of records are")]
    Sinks(#[from] FeedError),
    /// The output cannot be written.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// Entries of the audit log are not removed.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// The running server did not do it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl CommandError {
    /// How the program ends with it: "no" when the thing asked for does not exist or is not allowed.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Inventory(InventoryError::NotFound(_) | InventoryError::Refused(_)) => Exit::No,
            Self::Prune(PruneError::Changed { .. } | PruneError::TooYoung { .. }) => Exit::No,
            Self::Remote(RemoteError::Refused {
                status: 403 | 404 | 409,
                ..
            }) => Exit::No,
            _ => Exit::Unusable,
        }
    }
}

/// Who answers a command.
#[derive(Debug)]
enum Desk {
    Database(Inventory),
    Server(Remote),
}

impl Desk {
    /// The running server that is named, or else the database.
    async fn open(settings: &Settings) -> Result<Self, CommandError> {
        if let Some(server) = &settings.server {
            return Ok(Self::Server(Remote::new(server, settings)?));
        }
        let home = Home::at(&settings.data_dir)?;
        let opened = Opened::open(settings).await?;
        heed(&opened, &home, &settings.audit_sink).await?;
        let base = home
            .base_url()
            .unwrap_or_else(|| base_url(&settings.public_url));
        Ok(Self::Database(Inventory {
            audit: AuditHome::of(&home),
            clock: Arc::new(SystemClock::default()),
            links: Links::new(base),
            secrets: opened.secrets.clone(),
            store: opened.store.clone(),
        }))
    }
}

/// Runs `audit`.
///
/// # Errors
/// [`CommandError`].
pub async fn audit(settings: &Settings, command: &AuditCommand) -> Result<Exit, CommandError> {
    audit::run(settings, command, output(settings)).await
}

/// Runs `client`.
///
/// # Errors
/// [`CommandError`].
pub async fn client(settings: &Settings, command: &ClientCommand) -> Result<Exit, CommandError> {
    client::run(&Desk::open(settings).await?, command, output(settings)).await
}

/// Runs `host`.
///
/// # Errors
/// [`CommandError`].
pub async fn host(settings: &Settings, command: &HostCommand) -> Result<Exit, CommandError> {
    host::run(&Desk::open(settings).await?, command, output(settings)).await
}

/// Runs `import`.
///
/// # Errors
/// [`CommandError`].
pub async fn import(settings: &Settings, command: &ImportCommand) -> Result<Exit, CommandError> {
    import::run(settings, command, output(settings)).await
}

/// Runs `order`.
///
/// # Errors
/// [`CommandError`].
pub async fn order(settings: &Settings, command: &OrderCommand) -> Result<Exit, CommandError> {
    order::run(&Desk::open(settings).await?, command, output(settings)).await
}

/// Runs `certificate`.
///
/// # Errors
/// [`CommandError`].
pub async fn certificate(
    settings: &Settings,
    command: &CertificateCommand,
) -> Result<Exit, CommandError> {
    certificate::run(&Desk::open(settings).await?, command, output(settings)).await
}

/// Runs `probe`.
///
/// # Errors
/// [`CommandError`].
pub async fn probe(settings: &Settings, command: &ProbeCommand) -> Result<Exit, CommandError> {
    probe::run(settings, command, output(settings)).await
}

/// Runs `backup`.
///
/// # Errors
/// [`CommandError`].
pub async fn backup(settings: &Settings, command: &BackupCommand) -> Result<Exit, CommandError> {
    backup::backup(settings, command, output(settings)).await
}

/// Runs `restore`.
///
/// # Errors
/// [`CommandError`].
pub async fn restore(settings: &Settings, command: &RestoreCommand) -> Result<Exit, CommandError> {
    backup::restore(settings, command, output(settings)).await
}

/// Runs `person`.
///
/// # Errors
/// [`CommandError`].
pub async fn person(settings: &Settings, command: &PersonCommand) -> Result<Exit, CommandError> {
    person::run(&Desk::open(settings).await?, command, output(settings)).await
}

/// Runs `token`.
///
/// # Errors
/// [`CommandError`].
pub async fn token(settings: &Settings, command: &TokenCommand) -> Result<Exit, CommandError> {
    token::run(settings, command, output(settings)).await
}

/// Runs `secret`.
///
/// # Errors
/// [`CommandError`].
pub async fn secret(settings: &Settings, command: &SecretCommand) -> Result<Exit, CommandError> {
    secret::run(settings, command, output(settings)).await
}

fn output(settings: &Settings) -> Output {
    if settings.json {
        Output::Json
    } else {
        Output::Text
    }
}

/// Whoever typed the command.
fn by_command() -> Attribution {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "unknown".to_owned());
    let user: String = user
        .chars()
        .filter(|c| c.is_ascii_graphic())
        .take(64)
        .collect();
    Attribution::new(Actor::Command(user), Trigger::Command)
}
