//! A store in a PostgreSQL database.

#[cfg(feature = "sqlite")]
mod copy;
mod history;
mod leases;
mod nonces;
mod plan;
mod schema;
mod sql;
mod text;
mod tls;
mod url;
mod writer;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Ledger, Query, Row, Rows, StoreError};
use crate::{By, Changeset, Kind, Record, Sequence, Subject};
use url::Address;
use writer::{Failed, Writer};

/// A store in a PostgreSQL database, which many processes may share; as durable as the server.
///
/// One task for each process writes: it takes what is queued and sends it as one transaction, so
/// that many callers share one write to the disk and a few journeys to the server. Reads and
/// claims go over a pool of connections. Futures have to run on a tokio runtime with time and
/// network; the store is opened on one, and writes as long as that one lives.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    address: Address,
    pool: Pool,
    writer: Writer,
}

/// What a statement is given.
type Given<'a> = &'a [&'a (dyn ToSql + Sync)];

/// More than there are workers that would ask at the same moment.
const CONNECTIONS: usize = 12;
const PATIENCE: Duration = Duration::from_secs(10);

impl PostgresStore {
    /// Opens the database at a `postgres://` URL; makes its tables in the first schema of its
    /// search path if that is empty, and brings older ones up to date.
    ///
    /// The URL may name several hosts, of which the one that takes writes is used, and `sslmode`
    /// and `sslrootcert` as libpq understands them.
    ///
    /// # Errors
    /// [`PostgresError`]: the URL does not read, or what is there is not ours, or is from a newer
    /// release, or cannot be reached.
    pub async fn open(url: &str) -> Result<Self, PostgresError> {
        let address = Address::parse(url)?;
        let tls = tls::connector(&address.trust)?;
        let connected = schema::connect(&address, &tls).await;
        let mut client = connected.map_err(|error| PostgresError::unusable(&address, error))?;
        schema::prepare(&mut client, &address).await?;
        let pool = pool(&address, tls.clone());
        let pool = pool.map_err(|error| PostgresError::unusable(&address, error))?;
        let writer = Writer::start(address.clone(), tls);
        Ok(Self(Arc::new(Inner {
            address,
            pool,
            writer,
        })))
    }

    /// Whether [`open`](Self::open) would take this URL; nothing is connected to.
    ///
    /// # Errors
    /// [`PostgresError::Url`].
    pub fn accepts(url: &str) -> Result<(), PostgresError> {
        Address::parse(url).map(drop)
    }

    /// Writes what is queued and lets the database go; whatever is asked of the store afterwards
    /// is answered with [`StoreError::Unavailable`]. Dropping the last handle does the same, and
    /// does not wait.
    pub async fn close(&self) {
        self.0.writer.close().await;
        self.0.pool.close();
    }

    /// Whether the database takes writes now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the cause.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.0.writer.check().await
    }

    /// Reads, a second time over another connection if the first breaks off.
    async fn ask(&self, question: &str, given: Given<'_>) -> Result<Vec<Found>, StoreError> {
        match self.try_once(question, given).await {
            Err(failed) if failed.is_lost() => self.try_once(question, given).await,
            answered => answered,
        }
        .map_err(Failed::unavailable)
    }

    /// Changes operational rows; what broke off is not done again, because it may have been done.
    async fn operate(&self, statement: &str, given: Given<'_>) -> Result<Vec<Found>, StoreError> {
        for _ in 0..RETRIES {
            match self.try_once(statement, given).await {
                Err(failed) if failed.is_transient() => {}
                answered => return answered.map_err(Failed::unavailable),
            }
        }
        let last = self.try_once(statement, given).await;
        last.map_err(Failed::unavailable)
    }

    async fn try_once(&self, statement: &str, given: Given<'_>) -> Result<Vec<Found>, Failed> {
        let client = self.0.pool.get().await?;
        let statement = client.prepare_cached(statement).await?;
        Ok(client.query(&statement, given).await?)
    }
}

/// How often what the server took back, to end a deadlock perhaps, is tried again.
const RETRIES: usize = 8;

fn pool(address: &Address, tls: MakeRustlsConnect) -> Result<Pool, deadpool_postgres::BuildError> {
    let recycling_method = RecyclingMethod::Fast;
    let settings = ManagerConfig { recycling_method };
    let manager = Manager::from_config(address.config.clone(), tls, settings);
    let session = Hook::async_fn(|client, _| {
        Box::pin(async move {
            let session = format!("{}; {}", schema::SESSION, schema::OPERATIONAL);
            let prepared = client.batch_execute(&session).await;
            prepared.map_err(HookError::Backend)
        })
    });
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(PATIENCE))
        .wait_timeout(Some(PATIENCE))
        .post_create(session)
        .build()
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore")
            .field(&self.0.address)
            .finish()
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The schema belongs to another program.
    #[error(
        "the schema of {database} has tables of another program, `{table}` for one: give the server a database or a schema of its own (options=-csearch_path%3DNAME)"
    )]
    Foreign {
        /// Where.
        database: String,
        /// A table that is not ours.
        table: String,
    },
    /// A newer release was here.
    #[error(
        "{database} has schema version {found}, and this release knows versions up to {known}: run the release that wrote it, or restore the backup from before the update"
    )]
    Newer {
        /// Where.
        database: String,
        /// The version that is there.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// TLS cannot be used.
    #[error("TLS to the database cannot be set up")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot be reached, read or written.
    #[error("{database} cannot be used as a database")]
    Unusable {
        /// Where.
        database: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The URL does not read.
    #[error("this is no address of a PostgreSQL database: {0}")]
    Url(String),
}

impl PostgresError {
    fn unusable(address: &Address, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unusable {
            database: address.to_string(),
            source: source.into(),
        }
    }
}

#[async_trait]
impl Ledger for PostgresStore {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        self.0.writer.commit(changes).await
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let after = i64::try_from(after.get()).unwrap_or(i64::MAX);
        let limit = sql::number(limit);
        let found = match about {
            None => self.ask(sql::RECORDS, &[&after, &limit]).await?,
            Some(subject) => {
                let subject = subject.to_string();
                let given: Given<'_> = &[&after, &limit, &subject];
                self.ask(sql::RECORDS_ABOUT, given).await?
            }
        };
        let records = found.iter().map(|row| Record::from_canonical(row.get(0)));
        Ok(records.collect::<Result<_, _>>()?)
    }
}

#[async_trait]
impl Rows for PostgresStore {
    async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
        let place = text::stored(key);
        let found = self.ask(sql::ROW, &[&kind.as_str(), &place]).await?;
        found.first().map(sql::row).ok_or(StoreError::NotFound)
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let found = self.page(sql::rows(query), query).await?;
        Ok(found.iter().map(sql::row).collect())
    }

    async fn count(&self, query: &Query) -> Result<usize, StoreError> {
        let found = self.page(sql::count(query), query).await?;
        let counted = found.first().map_or(0, |row| row.get::<_, i64>(0));
        Ok(usize::try_from(counted).unwrap_or(usize::MAX))
    }
}

impl PostgresStore {
    async fn page(&self, question: &str, query: &Query) -> Result<Vec<Found>, StoreError> {
        let (kind, after) = (query.kind.as_str(), sql::bound(query));
        let limit = sql::number(query.limit);
        match &query.by {
            By::Key => self.ask(question, &[&kind, &after, &limit]).await,
            By::Entry { name, value } => {
                let value = text::stored(value);
                let given: Given<'_> = &[&kind, &after, &limit, name, &value];
                self.ask(question, given).await
            }
        }
    }
}
