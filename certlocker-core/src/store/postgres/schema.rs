//! How a database is connected to, recognised and brought up to date.

use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresError;
use super::url::Address;

#[allow(unreachable_pub, missing_docs, reason = "written by the macro")]
mod embedded {
    refinery::embed_migrations!("src/store/postgres/migrations");
}

/// What tells a schema of ours from those of other programs.
const MIGRATIONS: &str = "certlocker_migrations";

/// Every question is answered from an index, so that the planner is not left to guess from
/// statistics that are missing or old. What it was told not to do counts as dear, and what is dear
/// is compiled first, for tens of milliseconds: it is told not to do that either. A transaction whose process has stopped gives its locks back.
pub(super) const SESSION: &str = "\
    SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan; SET jit = off; \
    SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '5s'";

/// For what need not outlive a crash of the server: nobody waits for the disk.
pub(super) const OPERATIONAL: &str = "SET synchronous_commit = off";

/// What was acknowledged is on the disk, also where the server's settings would not wait for it.
pub(super) const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

/// A connection of its own, served by a task until it is dropped.
pub(super) async fn connect(
    address: &Address,
    tls: &MakeRustlsConnect,
) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = address.config.connect(tls.clone()).await?;
    tokio::spawn(async move {
        // Whoever uses the client learns of it there.
        let _ = connection.await;
    });
    client.batch_execute(SESSION).await?;
    Ok(client)
}

/// Makes an empty schema ours, or brings an older one up to date.
pub(super) async fn prepare(client: &mut Client, address: &Address) -> Result<(), PostgresError> {
    let unusable = |error: tokio_postgres::Error| PostgresError::unusable(address, error);
    check_encoding(client, address).await?;
    if recognised(client, address).await? == known() {
        return Ok(());
    }
    // Several processes may start at the same moment; the lock ends with the connection.
    client
        .batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")
        .await
        .map_err(unusable)?;
    let lock = "SELECT pg_advisory_lock(1129073490, hashtext(current_schema()))";
    client.execute(lock, &[]).await.map_err(unusable)?;
    if recognised(client, address).await? < known() {
        let mut runner = embedded::migrations::runner();
        runner.set_migration_table_name(MIGRATIONS);
        let migrated = runner.run_async(client).await;
        migrated.map_err(|error| PostgresError::unusable(address, error))?;
    }
    let lock = "SELECT pg_advisory_unlock(1129073490, hashtext(current_schema()))";
    client.execute(lock, &[]).await.map_err(unusable)?;
    client.batch_execute(SESSION).await.map_err(unusable)
}

async fn check_encoding(client: &Client, address: &Address) -> Result<(), PostgresError> {
    let read = client.query_one("SHOW server_encoding", &[]).await;
    let row = read.map_err(|error| PostgresError::unusable(address, error))?;
    let found: String = row.get(0);
    if ["UTF8", "SQL_ASCII"].contains(&found.as_str()) {
        return Ok(());
    }
    let text = format!("its encoding is {found}, and has to be UTF8");
    Err(PostgresError::unusable(address, text))
}

/// Tables of the schema that things are made in, without those that extensions brought.
const TABLES: &str = "SELECT relname::text FROM pg_class \
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) \
    AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (SELECT FROM pg_depend \
    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e') \
    ORDER BY relname";

/// The version of what is there; 0 if that is nothing.
async fn recognised(client: &Client, address: &Address) -> Result<i64, PostgresError> {
    let unusable = |error: tokio_postgres::Error| PostgresError::unusable(address, error);
    let tables = client.query(TABLES, &[]).await.map_err(unusable)?;
    let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    let Some(first) = tables.first() else {
        return Ok(0);
    };
    if !tables.iter().any(|table| table == MIGRATIONS) {
        return Err(PostgresError::Foreign {
            database: address.to_string(),
            table: first.clone(),
        });
    }
    let newest = format!("SELECT coalesce(max(version), 0)::bigint FROM {MIGRATIONS}");
    let row = client.query_one(&newest, &[]).await.map_err(unusable)?;
    let found: i64 = row.get(0);
    if found > known() {
        return Err(PostgresError::Newer {
            database: address.to_string(),
            found: found.unsigned_abs(),
            known: known().unsigned_abs(),
        });
    }
    Ok(found)
}

/// The newest version that this release knows.
pub(super) fn known() -> i64 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter();
    let newest = versions.map(|migration| i64::from(migration.version()));
    newest.max().unwrap_or(0)
}

/// An empty schema as a release with this version made it.
#[cfg(test)]
pub(super) async fn of_version(client: &mut Client, version: u32) {
    let target = refinery::Target::Version(version.try_into().unwrap());
    let mut runner = embedded::migrations::runner().set_target(target);
    runner.set_migration_table_name(MIGRATIONS);
    runner.run_async(client).await.unwrap();
}
