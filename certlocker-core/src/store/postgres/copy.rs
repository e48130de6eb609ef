//! A copy of the database in the form of a SQLite one, and back.

use std::path::Path;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row as Found};

use super::history::{NOTE, STORED, stored as record};
use super::text::{read, stored};
use super::{Given, PostgresError, PostgresStore, schema, tls};
use crate::Sequence;
use crate::store::copy::{CopiedEntry, CopiedRow, CopyError, PIECE, PIECES, Piece};
use crate::store::{SqliteError, StoredRecord, sqlite};

/// What is copied is all of one moment, however long it takes.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

const RESTORE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
    SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = 0";

pub(super) const ROWS: &str = "SELECT kind, key, version, snapshot FROM row AS r \
    WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3";
pub(super) const ENTRIES: &str = "SELECT kind, name, value, key, single FROM entry \
    WHERE (kind, name, value, key) > ($1, $2, $3, $4) ORDER BY kind, name, value, key LIMIT $5";

/// How many records there are; whoever restores holds the head until all is there.
pub(super) const HEAD: &str = "SELECT sequence FROM ledger_head FOR UPDATE";
pub(super) const USED: &str = "SELECT EXISTS (SELECT FROM row) OR EXISTS (SELECT FROM record)";

pub(super) const PUT: &str = "INSERT INTO row (kind, key, version, snapshot) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])";
pub(super) const ENTER: &str = "INSERT INTO entry (kind, name, value, key, single) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])";
pub(super) const APPEND: &str = "INSERT INTO record (sequence, code, bytes) \
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])";
pub(super) const ABOUT: &str = "INSERT INTO record_subject (subject, sequence) \
    SELECT * FROM unnest($1::text[], $2::bigint[])";
pub(super) const ADVANCE: &str = "UPDATE ledger_head SET sequence = $1";

impl PostgresStore {
    /// Copies the database, as it is at one moment, to a SQLite database that does not exist yet;
    /// writers do not wait for it. [`SqliteStore`](crate::SqliteStore) opens the copy, and
    /// [`restore`](Self::restore) puts it back.
    ///
    /// # Errors
    /// [`CopyError`]: the file exists, or one of the two databases fails. Nothing is left behind
    /// then.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<(), CopyError> {
        let client = self.copying().await?;
        let (send, mut pieces) = channel(PIECES);
        let (to, place) = (to.as_ref().to_path_buf(), to.as_ref().to_path_buf());
        let making = spawn_blocking(move || sqlite::make(&to, || pieces.blocking_recv()));
        let taken = self.told(take_apart(&client, send).await);
        let made = making.await;
        let made = made.unwrap_or_else(|error| Err(SqliteError::unusable(&place, error)));
        taken?;
        Ok(made?)
    }

    /// Fills the database, which has to be empty, with what a copy has: all of it or nothing. The
    /// answer is the place of the last record.
    ///
    /// # Errors
    /// [`CopyError`]: the database is in use, or the copy is damaged, or from a newer release, or
    /// one of the two databases fails.
    pub async fn restore(&self, from: impl AsRef<Path>) -> Result<Sequence, CopyError> {
        let client = self.copying().await?;
        self.told(client.batch_execute(schema::DURABLE).await)?;
        self.told(client.batch_execute(RESTORE).await)?;
        self.is_empty(&client).await?;
        let (send, pieces) = channel(PIECES);
        let (from, place) = (from.as_ref().to_path_buf(), from.as_ref().to_path_buf());
        let taking = spawn_blocking(move || {
            sqlite::take_apart(&from, |piece| send.blocking_send(piece).is_ok())
        });
        let filled = self.fill(&client, pieces).await;
        let taken = taking.await;
        let taken = taken.unwrap_or_else(|error| Err(SqliteError::unusable(&place, error)));
        let last = filled?;
        taken?;
        self.told(client.batch_execute("COMMIT").await)?;
        Ok(last)
    }

    async fn copying(&self) -> Result<Client, PostgresError> {
        let address = &self.0.address;
        let tls = tls::connector(&address.trust)?;
        self.told(schema::connect(address, &tls).await)
    }

    fn told<T>(&self, answer: Result<T, tokio_postgres::Error>) -> Result<T, PostgresError> {
        answer.map_err(|error| PostgresError::unusable(&self.0.address, error))
    }

    async fn is_empty(&self, client: &Client) -> Result<(), CopyError> {
        let head = self.told(client.query_one(HEAD, &[]).await)?;
        let used = self.told(client.query_one(USED, &[]).await)?;
        if !used.get::<_, bool>(0) {
            return Ok(());
        }
        Err(CopyError::NotEmpty {
            database: self.0.address.to_string(),
            records: head.get::<_, i64>(0).unsigned_abs(),
        })
    }

    /// Takes pieces until they end or break off; of what broke off the other side knows why.
    async fn fill(
        &self,
        client: &Client,
        mut pieces: Receiver<Piece>,
    ) -> Result<Sequence, CopyError> {
        let mut last = Sequence::START;
        while let Some(piece) = pieces.recv().await {
            let filled = match piece {
                Piece::Rows(rows) => put(client, &rows).await,
                Piece::Entries(entries) => enter(client, &entries).await,
                Piece::Records(records) => {
                    last = follow(last, &records)?;
                    append(client, &records).await
                }
                Piece::End => end(client, last).await,
            };
            self.told(filled)?;
        }
        Ok(last)
    }
}

/// Sends everything, as long as somebody takes it.
async fn take_apart(client: &Client, send: Sender<Piece>) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(SNAPSHOT).await?;
    let (mut kind, mut key) = (String::new(), String::new());
    loop {
        let found = client.query(ROWS, &[&kind, &key, &limit()]).await?;
        let Some(last) = found.last() else { break };
        (kind, key) = (last.get(0), last.get(1));
        let rows = found.iter().map(row).collect();
        if send.send(Piece::Rows(rows)).await.is_err() {
            return Ok(());
        }
    }
    let mut place: [String; 4] = Default::default();
    loop {
        let [kind, name, value, key] = &place;
        let given: Given<'_> = &[kind, name, value, key, &limit()];
        let found = client.query(ENTRIES, given).await?;
        let Some(last) = found.last() else { break };
        place = [0, 1, 2, 3].map(|column| last.get(column));
        let entries = found.iter().map(entry).collect();
        if send.send(Piece::Entries(entries)).await.is_err() {
            return Ok(());
        }
    }
    let mut after = 0_i64;
    loop {
        let found = client.query(STORED, &[&after, &limit()]).await?;
        let Some(last) = found.last() else { break };
        after = last.get(0);
        let records = found.iter().map(record).collect();
        if send.send(Piece::Records(records)).await.is_err() {
            return Ok(());
        }
    }
    // Whoever does not take it any more has failed, and says so.
    let _ = send.send(Piece::End).await;
    Ok(())
}

fn limit() -> i64 {
    super::sql::number(PIECE)
}

fn row(found: &Found) -> CopiedRow {
    CopiedRow {
        kind: found.get(0),
        key: read(found.get(1)),
        version: found.get(2),
        snapshot: found.get(3),
    }
}

fn entry(found: &Found) -> CopiedEntry {
    CopiedEntry {
        kind: found.get(0),
        name: found.get(1),
        value: read(found.get(2)),
        key: read(found.get(3)),
        single: found.get(4),
    }
}

/// The last of the records, each of which has to follow the one before.
fn follow(mut last: Sequence, records: &[StoredRecord]) -> Result<Sequence, CopyError> {
    for record in records {
        let (expected, found) = (last.next(), record.sequence);
        if found != expected {
            return Err(CopyError::Gap { expected, found });
        }
        last = found;
    }
    Ok(last)
}

fn place(sequence: Sequence) -> i64 {
    i64::try_from(sequence.get()).unwrap_or(i64::MAX)
}

type Done = Result<(), tokio_postgres::Error>;

/// A column of a piece.
fn column<'a, T, V: ToSql + Sync>(all: &'a [T], of: impl Fn(&'a T) -> V) -> Vec<V> {
    all.iter().map(of).collect()
}

async fn put(client: &Client, rows: &[CopiedRow]) -> Done {
    let kinds = column(rows, |row| row.kind.as_str());
    let keys = column(rows, |row| stored(&row.key).into_owned());
    let versions = column(rows, |row| row.version);
    let snapshots = column(rows, |row| row.snapshot.as_slice());
    let given: Given<'_> = &[&kinds, &keys, &versions, &snapshots];
    client.execute(PUT, given).await.map(drop)
}

async fn enter(client: &Client, entries: &[CopiedEntry]) -> Done {
    let kinds = column(entries, |entry| entry.kind.as_str());
    let names = column(entries, |entry| entry.name.as_str());
    let values = column(entries, |entry| stored(&entry.value).into_owned());
    let keys = column(entries, |entry| stored(&entry.key).into_owned());
    let singles = column(entries, |entry| entry.single);
    let given: Given<'_> = &[&kinds, &names, &values, &keys, &singles];
    client.execute(ENTER, given).await.map(drop)
}

async fn append(client: &Client, records: &[StoredRecord]) -> Done {
    let sequences = column(records, |record| place(record.sequence));
    let codes = column(records, |record| record.code.as_str());
    let bytes = column(records, |record| record.bytes.as_slice());
    client
        .execute(APPEND, &[&sequences, &codes, &bytes])
        .await?;
    let about = records.iter().flat_map(|record| {
        let subjects = record.subjects.iter();
        subjects.map(|subject| (subject.as_str(), place(record.sequence)))
    });
    let (subjects, places): (Vec<_>, Vec<_>) = about.unzip();
    client.execute(ABOUT, &[&subjects, &places]).await.map(drop)
}

/// The head, and what is noted of whole blocks of records.
async fn end(client: &Client, last: Sequence) -> Done {
    client.execute(NOTE, &[&place(last)]).await?;
    client.execute(ADVANCE, &[&place(last)]).await.map(drop)
}
