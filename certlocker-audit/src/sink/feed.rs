//! Feeds one sink from the ledger: in order, at least once, the cursor saved last.

use std::io;
use std::sync::Arc;

use certlocker_core::{History, RecordQuery, Sequence, StoreError, Timestamp};

use super::{AuditSink, Class, SinkError};
use crate::encoding::decimal;
use crate::files::{Files, Source, write_whole};

/// How many records are delivered together at most.
const BATCH: usize = 256;

/// Feeds one sink.
pub struct Feed<F> {
    class: Class,
    cursor: Sequence,
    files: F,
    history: Arc<dyn History>,
    path: String,
    sink: Arc<dyn AuditSink>,
}

/// How a sink stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "made by whatever follows a ledger"
)]
pub struct Standing {
    /// The last record that it has for certain.
    pub delivered: Sequence,
    /// How many records came with the last step.
    pub taken: usize,
    /// If more records may be waiting, a time before which the oldest of them was not written.
    pub waiting: Option<Timestamp>,
}

/// Why a sink was not fed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The place that was reached cannot be read or kept.
    #[error("{path} cannot be used")]
    Cursor {
        /// The file of the cursor.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The sink did not take them.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
}

impl<F: Files> Feed<F> {
    /// Feeds `sink`, from where the cursor with this name is in `files`; a new one starts with the
    /// first record.
    ///
    /// # Errors
    /// [`FeedError::Cursor`].
    pub fn open(
        name: &str,
        class: Class,
        history: Arc<dyn History>,
        sink: Arc<dyn AuditSink>,
        files: F,
    ) -> Result<Self, FeedError> {
        Ok(Self {
            class,
            cursor: reached(name, &files)?,
            files,
            history,
            path: cursor_of(name),
            sink,
        })
    }

    /// What it means when the sink does not take records.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The last record that the sink has for certain.
    pub fn delivered(&self) -> Sequence {
        self.cursor
    }

    /// Delivers the next records, if there are any.
    ///
    /// # Errors
    /// [`FeedError`]; the same records are delivered again by the next step.
    pub async fn step(&mut self) -> Result<Standing, FeedError> {
        let mut query = RecordQuery::oldest(BATCH);
        query.after = Some(self.cursor);
        let records = self.history.find_records(&query).await?;
        if let Some(last) = records.last() {
            self.sink.deliver(&records).await?;
            let text = format!("{}\n", last.sequence);
            let kept = write_whole(&self.files, &self.path, text.as_bytes());
            kept.map_err(|source| FeedError::Cursor {
                path: self.path.clone(),
                source,
            })?;
            self.cursor = last.sequence;
        }
        let newest = records.last().filter(|_| records.len() == BATCH);
        Ok(Standing {
            delivered: self.cursor,
            taken: records.len(),
            waiting: newest.map(|record| record.time),
        })
    }
}

/// The last record that a sink has for certain, by the cursor with this name in `files`.
///
/// # Errors
/// [`FeedError::Cursor`].
pub fn reached(name: &str, files: &impl Source) -> Result<Sequence, FeedError> {
    let path = cursor_of(name);
    let invalid = io::ErrorKind::InvalidData;
    let read = match files.read(&path) {
        Ok(bytes) => number(&bytes).ok_or_else(|| invalid.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    };
    match read {
        Ok(number) => Ok(Sequence::new(number)),
        Err(source) => Err(FeedError::Cursor { path, source }),
    }
}

fn cursor_of(name: &str) -> String {
    format!("{name}.cursor")
}

fn number(bytes: &[u8]) -> Option<u64> {
    decimal(std::str::from_utf8(bytes).ok()?.trim_end())
}

impl<F> std::fmt::Debug for Feed<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("class", &self.class)
            .field("cursor", &self.cursor)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
