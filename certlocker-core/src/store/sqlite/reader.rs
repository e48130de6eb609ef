//! A few connections that read, shared by all threads.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rusqlite::Connection;

use super::schema;
use super::writer::Closed;
use crate::StoreError;

pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

struct Pool {
    closed: bool,
    idle: Vec<Connection>,
    /// How many more may be opened.
    room: usize,
}

impl Readers {
    pub(super) fn of(path: PathBuf) -> Self {
        // More than there are processors would only wait for each other.
        let room = thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 16));
        let pool = Pool {
            closed: false,
            idle: Vec::new(),
            room,
        };
        Self {
            path,
            pool: Mutex::new(pool),
            returned: Condvar::new(),
        }
    }

    pub(super) fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.connection()?;
        let answer = question(connection.get());
        answer.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }

    pub(super) fn close(&self) {
        let mut pool = self.lock();
        pool.closed = true;
        pool.idle.clear();
        self.returned.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Result<Borrowed<'_>, StoreError> {
        let wait = |pool: &mut Pool| !pool.closed && pool.idle.is_empty() && pool.room == 0;
        let waited = self.returned.wait_while(self.lock(), wait);
        let mut pool = waited.unwrap_or_else(PoisonError::into_inner);
        if pool.closed {
            return Err(StoreError::Unavailable(Box::new(Closed)));
        }
        let mut borrowed = Borrowed {
            connection: pool.idle.pop(),
            readers: self,
        };
        if borrowed.connection.is_none() {
            pool.room -= 1;
            drop(pool);
            let opened = schema::reader(&self.path);
            borrowed.connection =
                Some(opened.map_err(|error| StoreError::Unavailable(Box::new(error)))?);
        }
        Ok(borrowed)
    }
}

/// A connection that goes back when it is dropped; or the room for one, if it was not opened.
struct Borrowed<'a> {
    connection: Option<Connection>,
    readers: &'a Readers,
}

impl Borrowed<'_> {
    fn get(&self) -> &Connection {
        let connection = self.connection.as_ref();
        connection.expect("what was not opened is dropped and not used")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        match self.connection.take() {
            Some(connection) if !pool.closed => pool.idle.push(connection),
            _ => pool.room += 1,
        }
        self.readers.returned.notify_one();
    }
}
