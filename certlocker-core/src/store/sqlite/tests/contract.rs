//! Every case of the conformance suite; here, because a full disk is made on the writing thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::super::SqliteStore;
use super::Place;
use crate::conformance::{Broken, Fresh};

fn fresh() -> Fresh {
    let place = Place::new();
    let path = place.path();
    let open = move || SqliteStore::open(&path).unwrap();
    let store = open();
    let newest = Mutex::new(place.path());
    let crash = move || {
        let mut newest = newest.lock().unwrap();
        *newest = left(&newest);
        SqliteStore::open(&*newest).unwrap()
    };
    // A handle of its own would keep the store from being closed.
    let inner = Arc::downgrade(&store.0);
    let breaks = move |_, step| without_room(SqliteStore(inner.upgrade().unwrap()), step);
    Fresh::new(store)
        .reopening(open)
        .crashing(crash)
        .breaking(breaks)
        .keeping(place)
}

/// The files as a process leaves them that dies now, in another folder: the write-ahead log is
/// where it is, and what is shared in memory is gone.
fn left(database: &Path) -> PathBuf {
    let folder = database.with_file_name("left");
    fs::create_dir(&folder).unwrap();
    for name in ["certlocker.sqlite", "certlocker.sqlite-wal"] {
        fs::copy(database.with_file_name(name), folder.join(name)).unwrap();
    }
    folder.join("certlocker.sqlite")
}

/// The database may grow by less than `step` pages.
fn without_room(store: SqliteStore, step: u32) -> Broken {
    store.0.writer.disturb(move |work| {
        let connection = work.connection.as_ref().unwrap();
        let pages = "PRAGMA page_count";
        let pages: u32 = connection.query_row(pages, [], |row| row.get(0)).unwrap();
        let limited = format!("PRAGMA max_page_count = {}", pages + step - 1);
        connection.execute_batch(&limited).unwrap();
    });
    let mended = store.clone();
    let struck = move || {
        let (answer, answered) = channel();
        // A connection that failed is not used again.
        store.0.writer.disturb(move |work| {
            answer.send(work.connection.is_none()).unwrap();
        });
        answered.recv().unwrap()
    };
    let mend = move || {
        mended.0.writer.disturb(|work| {
            let Some(connection) = work.connection.as_ref() else {
                return;
            };
            connection
                .execute_batch("PRAGMA max_page_count = 1073741823")
                .unwrap();
        });
    };
    Broken::new(struck, mend)
}

crate::conformance!(fresh, durable, crash, disk_full);
