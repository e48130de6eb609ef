//! Databases that earlier releases made.

use pollster::block_on;
use rusqlite::Connection;

use super::super::{SqliteStore, schema};
use super::Place;
use crate::Sequence;
use crate::store::earlier::{is_there, told};

/// As the first release writes; what later ones add to a table is computed, or has a default.
fn fill(connection: &Connection) {
    let mut head = Sequence::START;
    for changes in told() {
        for write in changes.writes() {
            let row = "INSERT INTO row (kind, key, version, snapshot) VALUES (?, ?, 1, ?)";
            let given = (write.kind.as_str(), &write.key, &write.snapshot);
            connection.execute(row, given).unwrap();
            for entry in &write.added {
                let text =
                    "INSERT INTO entry (kind, name, value, key, single) VALUES (?, ?, ?, ?, ?)";
                let (kind, key) = (write.kind.as_str(), &write.key);
                let given = (kind, entry.name, &entry.value, key, entry.unique);
                connection.execute(text, given).unwrap();
            }
        }
        for draft in changes.drafts() {
            head = head.next();
            let place = i64::try_from(head.get()).unwrap();
            let record = "INSERT INTO record (sequence, code, bytes) VALUES (?, ?, ?)";
            let given = (place, draft.code(), draft.at(head));
            connection.execute(record, given).unwrap();
            for subject in draft.subjects() {
                let about = "INSERT INTO record_subject (subject, sequence) VALUES (?, ?)";
                let given = (subject.to_string(), place);
                connection.execute(about, given).unwrap();
            }
        }
    }
}

#[test]
fn a_database_of_each_earlier_release_is_brought_up_to_date_with_all_that_is_in_it() {
    for version in 1..schema::known() {
        let place = Place::new();
        schema::of_version(&place.path(), version);
        fill(&place.raw());
        block_on(is_there(&place.open()));
        block_on(is_there_again(&place));
    }
}

/// A second opening has nothing to do.
async fn is_there_again(place: &Place) {
    let store = SqliteStore::open(place.path()).unwrap();
    store.check().await.unwrap();
}

#[test]
fn a_newer_database_is_refused_with_both_versions_and_what_to_do() {
    let place = Place::new();
    drop(place.open());
    let newer = "INSERT INTO refinery_schema_history SELECT 900, name, applied_on, checksum \
        FROM refinery_schema_history WHERE version = 1";
    place.raw().execute_batch(newer).unwrap();
    let refusal = SqliteStore::open(place.path()).unwrap_err().to_string();
    let known = format!("knows versions up to {}:", schema::known());
    for part in [
        "has schema version 900",
        &known,
        "run the release that wrote it",
    ] {
        assert!(refusal.contains(part), "{refusal}");
    }
}
