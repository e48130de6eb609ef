//! A sealed secret that is not the one which was stored last is named.

use std::sync::Arc;

use async_trait::async_trait;
use certlocker_audit::log::Log;
use certlocker_audit::pump::Pump;
use certlocker_audit::verify::{Finding, Kind, Known, verify_store};
use certlocker_core::{
    Actor, Attribution, Component, Ledger, MemoryStore, Page, Sealed, SealedBytes, SecretId,
    SecretPurpose, SecretRows, StoreError, Timestamp, Trigger, Versioned,
};
use pollster::block_on;

use crate::support::{Ram, key};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

fn bytes(blob: &[u8]) -> SealedBytes {
    SealedBytes {
        blob: blob.to_vec(),
        key_id: "k".to_owned(),
    }
}

/// A secret with three versions of its bytes, of which record 3 stored the last; and the log.
struct Story {
    files: Ram,
    id: SecretId,
    rows: Vec<Versioned<Sealed>>,
    store: Arc<MemoryStore>,
}

impl Story {
    fn new() -> Self {
        let (store, files) = (Arc::new(MemoryStore::default()), Ram::default());
        let id = SecretId::first_at(NOW);
        let stored = Sealed::store(id, SecretPurpose::EabMacKey, bytes(b"one"), NOW);
        block_on(store.commit(stored.by(&by()).into())).unwrap();
        let mut rows = vec![block_on(store.sealed(&id)).unwrap()];
        let rewrapped = rows[0].rewrap(bytes(b"two"), NOW);
        block_on(store.commit(rewrapped.by(&by()).into())).unwrap();
        rows.push(block_on(store.sealed(&id)).unwrap());
        let replaced = rows[1].replace(bytes(b"three"), NOW);
        block_on(store.commit(replaced.by(&by()).into())).unwrap();
        rows.push(block_on(store.sealed(&id)).unwrap());
        let mut pump = Pump::new(store.clone(), Log::open(files.clone(), key()).unwrap());
        while block_on(pump.step()).unwrap().taken > 0 {}
        Self {
            files,
            id,
            rows,
            store,
        }
    }

    fn findings(&self, rows: &[Versioned<Sealed>]) -> Vec<Finding> {
        let (verifier, known) = (key(), Known::default());
        let rows = Rows(rows.to_vec());
        let report = verify_store(
            &*self.store,
            &rows,
            &self.files,
            verifier.verifier(),
            &known,
        );
        block_on(report).unwrap().findings
    }
}

struct Rows(Vec<Versioned<Sealed>>);

#[async_trait]
impl SecretRows for Rows {
    async fn sealed(&self, id: &SecretId) -> Result<Versioned<Sealed>, StoreError> {
        let found = self.0.iter().find(|row| row.value.id() == id);
        found.cloned().ok_or(StoreError::NotFound)
    }

    async fn sealed_secrets(&self, page: Page) -> Result<Vec<Versioned<Sealed>>, StoreError> {
        let after = |row: &&Versioned<Sealed>| page.after < Some(row.value.id().to_string());
        Ok(self.0.iter().filter(after).cloned().collect())
    }

    async fn sealed_for(
        &self,
        _: SecretPurpose,
        _: Page,
    ) -> Result<Vec<Versioned<Sealed>>, StoreError> {
        Ok(Vec::new())
    }
}

#[test]
fn the_bytes_that_were_stored_last_are_good() {
    let story = Story::new();
    assert_eq!(story.findings(&story.rows[2..]), []);
}

#[test]
fn older_bytes_in_their_place_are_named_with_the_record_that_stored_the_last() {
    let story = Story::new();
    for older in 0..2 {
        let findings = story.findings(&story.rows[older..=older]);
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!((finding.kind, finding.index), (Kind::Secret, Some(2)));
        assert_eq!(finding.place, format!("secret {}", story.id));
        assert!(finding.expected.starts_with("version 2"), "{finding}");
        let seen = story.rows[older].value.sha256();
        assert_eq!(finding.seen, format!("version 1 with SHA-256 {seen}"));
    }
}

#[test]
fn a_secret_that_is_gone_and_one_that_no_record_stored_are_named() {
    let story = Story::new();
    let gone = story.findings(&[]);
    assert_eq!((gone.len(), gone[0].seen.as_str()), (1, "nothing"));
    let id = SecretId::first_at(NOW.after(std::time::Duration::from_secs(1)));
    let forged = Sealed::store(id, SecretPurpose::CaKey, bytes(b"four"), NOW);
    let mut rows = story.rows[2..].to_vec();
    rows.push(forged.by(&by()).after());
    let findings = story.findings(&rows);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].place, format!("secret {id}"));
    assert_eq!(findings[0].index, None);
}
