//! The store and its keys, as the settings name them.

use std::sync::Arc;

use certlocker_core::{FileKey, FileKeyError, SealedSecrets, SqliteError, SqliteStore};

use crate::config::{BaseUrl, Database, Settings};
use crate::home::Home;

/// The path below the public URL that both planes share.
pub const PREFIX: &str = "/rest/acme";

/// The URL under which the gateway's resources are, for a public URL.
pub fn base_url(public: &BaseUrl) -> String {
    format!("{}{PREFIX}", public.as_str())
}

/// An open store, and what seals secrets in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// Seals and opens secrets.
    pub secrets: Arc<SealedSecrets<SqliteStore, FileKey>>,
    /// Keeps everything.
    pub store: Arc<SqliteStore>,
}

/// Why the store or its keys cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The key that wraps secrets.
    #[error("the key that wraps every secret cannot be used")]
    Key(#[from] FileKeyError),
    /// The database.
    #[error("the database cannot be opened")]
    Store(#[from] SqliteError),
}

impl Opened {
    /// Opens the store; a database or a key that is missing is made.
    ///
    /// # Errors
    /// [`AssembleError`].
    pub fn open(home: &Home, settings: &Settings) -> Result<Self, AssembleError> {
        let Database::Sqlite(path) = &settings.database;
        let store = Arc::new(SqliteStore::open(path)?);
        let key = FileKey::open_or_create(home.master_key(), &mut crate::random::fill)?;
        let secrets = Arc::new(SealedSecrets::new(Arc::clone(&store), key));
        Ok(Self { secrets, store })
    }
}
