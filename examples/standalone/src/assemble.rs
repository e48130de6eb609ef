//! The store and its keys, as the settings name them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use certlocker_acme::{Clock, Nonces, ProcessNonces, SharedNonces, SystemClock};
use certlocker_audit::gate::{Gate, Gated};
use certlocker_core::{
    KeyRing, Page, PostgresError, PostgresStore, SealedSecrets, SecretRows, SqliteError,
    SqliteStore, Store, StoreError,
};

use crate::config::{BaseUrl, Database, Settings};
use crate::keys::{KeyError, Keys, file_of};
use crate::serve::ServeError;

/// The path below the public URL that both planes share.
pub const PREFIX: &str = "/rest/acme";

/// The URL under which the gateway's resources are, for a public URL.
pub fn base_url(public: &BaseUrl) -> String {
    format!("{}{PREFIX}", public.as_str())
}

/// An open store, and what seals secrets in it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Opened {
    /// Where everything is kept.
    pub database: Opening,
    /// Closes when records do not get where they have to.
    pub gate: Arc<Gate>,
    /// The keys that wrap secrets.
    pub keys: Keys,
    /// Seals and opens secrets.
    pub secrets: Arc<Secrets>,
    /// Keeps everything, behind the gate.
    pub store: Arc<dyn Store>,
}

/// Secrets as they are kept here.
pub type Secrets = SealedSecrets<dyn Store, Arc<KeyRing>>;

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opened").field(&self.database).finish()
    }
}

/// An open database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Opening {
    /// Shared with other processes.
    Postgres(PostgresStore),
    /// A file.
    Sqlite(SqliteStore),
}

/// Why the store or its keys cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The key that wraps secrets.
    #[error("the key that wraps every secret cannot be used")]
    Key(#[from] KeyError),
    /// Secrets were sealed under a key that is not here.
    #[error(
        "the database has secrets under the key {key_id}, and {} is missing: put that key back, copy it from another server of this database, or name it with --master-key-file",
        path.display()
    )]
    KeyMissing {
        /// The key.
        key_id: String,
        /// Where one should be.
        path: PathBuf,
    },
    /// The PostgreSQL database.
    #[error("the database cannot be opened")]
    Postgres(#[from] PostgresError),
    /// The store.
    #[error("the database cannot be read")]
    Read(#[from] StoreError),
    /// The SQLite database.
    #[error("the database cannot be opened")]
    Store(#[from] SqliteError),
}

impl Opened {
    /// Opens the store; a database or a key that is missing is made.
    ///
    /// # Errors
    /// [`AssembleError`].
    pub async fn open(settings: &Settings) -> Result<Self, AssembleError> {
        let database = match &settings.database {
            Database::Postgres(url) => Opening::Postgres(PostgresStore::open(url).await?),
            Database::Sqlite(path) => Opening::Sqlite(SqliteStore::open(path)?),
        };
        let clock = SystemClock::default();
        let gate = Arc::new(Gate::new(move || clock.now()));
        let store: Arc<dyn Store> = match &database {
            Opening::Postgres(store) => Arc::new(Gated::new(store.clone(), gate.clone())),
            Opening::Sqlite(store) => Arc::new(Gated::new(store.clone(), gate.clone())),
        };
        refuse_another_key(settings, store.as_ref()).await?;
        let keys = Keys::open(settings)?;
        let secrets = SealedSecrets::new(Arc::clone(&store), Arc::clone(&keys.ring));
        Ok(Self {
            database,
            gate,
            keys,
            secrets: Arc::new(secrets),
            store,
        })
    }

    /// Nonces of this process, or of all that share the database.
    pub(crate) async fn nonces(&self) -> Result<Redeemers, ServeError> {
        let Opening::Postgres(spent) = &self.database else {
            return Ok(Redeemers {
                nonces: Arc::new(ProcessNonces::new()?),
                shared: None,
            });
        };
        let clock = Arc::new(SystemClock::default());
        let (store, secrets) = (self.store.as_ref(), self.secrets.as_ref());
        let shared = SharedNonces::open(store, secrets, Arc::new(spent.clone()), clock).await?;
        let shared = Arc::new(shared);
        Ok(Redeemers {
            nonces: shared.clone(),
            shared: Some(shared),
        })
    }
}

/// A new key in the place of one that is missing would open nothing, and hide what is wrong.
async fn refuse_another_key(
    settings: &Settings,
    store: &dyn SecretRows,
) -> Result<(), AssembleError> {
    let Some(path) = file_of(settings).filter(|path| !path.exists()) else {
        return Ok(());
    };
    match store.sealed_secrets(Page::newest(1)).await?.first() {
        None => Ok(()),
        Some(sealed) => Err(AssembleError::KeyMissing {
            key_id: sealed.value.key_id().to_owned(),
            path: path.to_owned(),
        }),
    }
}

/// What issues and redeems nonces, and what has to be cleaned up after it.
pub(crate) struct Redeemers {
    pub(crate) nonces: Arc<dyn Nonces>,
    pub(crate) shared: Option<Arc<SharedNonces>>,
}

impl Opening {
    /// Whether it takes writes now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the cause.
    pub async fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.check().await,
            Self::Sqlite(store) => store.check().await,
        }
    }

    /// Writes what is queued and lets the database go.
    pub async fn close(&self) {
        match self {
            Self::Postgres(store) => store.close().await,
            Self::Sqlite(store) => store.close(),
        }
    }
}
