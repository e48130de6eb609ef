//! The connection that writes, with its statements prepared.

use std::pin::Pin;

use futures_util::future::{join_all, try_join_all};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::schema;
use super::super::url::Address;
use super::Failed;

macro_rules! statements {
    ($($name:ident = $text:expr;)+) => {
        /// What the writing connection says.
        #[derive(Clone, Copy, Debug)]
        #[allow(clippy::upper_case_acronyms, reason = "SQL's own words")]
        pub(in super::super) enum Say { $($name),+ }

        const TEXTS: &[&str] = &[$($text),+];

        /// Every statement with its name.
        #[cfg(test)]
        pub(in super::super) const NAMED: &[(&str, &str)] = &[$((stringify!($name), $text)),+];
    };
}

// What is looked up in a table that is nearly empty most of the time is looked up one by one: the
// planner would read all of it, and go on when it is not empty any more. What is given is in order,
// and so are the locks.
statements! {
    Begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
    Commit = "COMMIT";
    Rollback = "ROLLBACK";
    LockRows = "SELECT r.kind, r.key, r.version FROM unnest($1::text[], $2::text[]) AS w (kind, key) \
        JOIN row AS r ON r.kind = w.kind AND r.key = w.key ORDER BY r.kind, r.key FOR UPDATE OF r";
    LockLeases = "SELECT lease.kind, lease.key, lease.fence \
        FROM unnest($1::text[], $2::text[]) AS w (kind, key) CROSS JOIN LATERAL \
        (SELECT * FROM lease WHERE lease.kind = w.kind AND lease.key = w.key FOR UPDATE) AS lease";
    InsertRows = "INSERT INTO row (kind, key, version, snapshot) \
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) \
        ON CONFLICT DO NOTHING RETURNING kind, key";
    UpdateRows = "UPDATE row AS r SET version = w.version, snapshot = w.snapshot \
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) \
        AS w (kind, key, version, snapshot) WHERE r.kind = w.kind AND r.key = w.key";
    DeleteRows = "DELETE FROM row AS r USING unnest($1::text[], $2::text[]) AS w (kind, key) \
        WHERE r.kind = w.kind AND r.key = w.key";
    DeleteEntries = "DELETE FROM entry \
        USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w (kind, name, value, key) \
        WHERE entry.kind = w.kind AND entry.name = w.name \
        AND entry.value = w.value AND entry.key = w.key";
    InsertEntries = "INSERT INTO entry (kind, name, value, key, single) SELECT w.*, false \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w \
        ON CONFLICT DO NOTHING";
    InsertSingles = "INSERT INTO entry (kind, name, value, key, single) SELECT w.*, true \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w \
        ON CONFLICT DO NOTHING RETURNING kind, name, value, key";
    DeleteLeases = "DELETE FROM lease WHERE ctid = ANY (ARRAY (SELECT lease.place \
        FROM unnest($1::text[], $2::text[]) AS w (kind, key) CROSS JOIN LATERAL \
        (SELECT ctid AS place FROM lease WHERE lease.kind = w.kind AND lease.key = w.key OFFSET 0) \
        AS lease))";
    Head = "SELECT sequence FROM ledger_head FOR UPDATE";
    Append = "WITH appended AS (INSERT INTO record (sequence, code, bytes) \
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])), \
        about AS (INSERT INTO record_subject (subject, sequence) \
        SELECT * FROM unnest($4::text[], $5::bigint[]) ON CONFLICT DO NOTHING) \
        UPDATE ledger_head SET sequence = $6";
    Note = super::super::history::NOTE;
    Touch = "UPDATE ledger_head SET sequence = sequence";
    Grow = "INSERT INTO row (kind, key, version, snapshot) \
        SELECT 'check', n::text, 1, convert_to(repeat('x', 1900), 'UTF8') \
        FROM generate_series(1, 16) AS n";
}

/// A connection with its statements.
pub(super) struct Session {
    client: Client,
    prepared: Vec<Statement>,
}

type Answer = Result<Vec<Row>, tokio_postgres::Error>;

/// Statements that are sent together; each is sent before the answer to the one before it is read.
#[derive(Default)]
pub(super) struct Pipeline<'a>(Vec<Pin<Box<dyn Future<Output = Answer> + Send + 'a>>>);

impl Session {
    pub(super) async fn open(address: &Address, tls: &MakeRustlsConnect) -> Result<Self, Failed> {
        let client = schema::connect(address, tls).await?;
        client.batch_execute(schema::DURABLE).await?;
        let prepared = TEXTS.iter().map(|text| client.prepare(text));
        let prepared = try_join_all(prepared).await?;
        Ok(Self { client, prepared })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    pub(super) fn say<'a>(
        &'a self,
        say: Say,
        given: &'a [&'a (dyn ToSql + Sync)],
    ) -> impl Future<Output = Answer> + Send + 'a {
        self.client.query(&self.prepared[say as usize], given)
    }

    /// Writes what is there already, under the lock that every commit needs.
    pub(super) async fn check(&self) -> Result<(), Failed> {
        self.all(&[Say::Begin, Say::Touch, Say::Commit]).await
    }

    /// Writes as much as takes new room on the disk, and takes it back.
    pub(super) async fn check_growth(&self) -> Result<(), Failed> {
        let grown = self.all(&[Say::Begin, Say::Grow]).await;
        self.all(&[Say::Rollback]).await?;
        grown
    }

    async fn all(&self, statements: &[Say]) -> Result<(), Failed> {
        let mut pipeline = Pipeline::default();
        for say in statements {
            pipeline.push(self.say(*say, &[]));
        }
        pipeline.answers().await.into_iter().try_for_each(|answer| {
            answer?;
            Ok(())
        })
    }
}

impl<'a> Pipeline<'a> {
    pub(super) fn push(&mut self, statement: impl Future<Output = Answer> + Send + 'a) {
        self.0.push(Box::pin(statement));
    }

    pub(super) async fn answers(self) -> Vec<Answer> {
        join_all(self.0).await
    }
}
