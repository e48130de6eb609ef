//! What opens, and everything that must not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pollster::block_on;

use super::{KeyRing, LocalKey, SealedSecrets};
use crate::conformance::{Fault, Flaky};
use crate::{
    Actor, Attribution, Changeset, Component, History, KeyWrap, Ledger, MemoryStore, Page, Record,
    RecordQuery, Sealed, SealedBytes, Secret, SecretError, SecretId, SecretPurpose, SecretRows,
    SecretStore, Sequence, StoreError, StoredRecord, Subject, Timestamp, Transition, Trigger,
    Versioned,
};

const PLAIN: &[u8] = b"a private key in DER";
const PURPOSE: SecretPurpose = SecretPurpose::CaKey;

fn now() -> Timestamp {
    Timestamp::from_seconds(1_700_000_000)
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

fn random() -> impl FnMut(&mut [u8]) + Send {
    let mut next = 0_u8;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_mul(167).wrapping_add(13);
            *byte = next;
        }
    }
}

fn key(seed: u8) -> LocalKey {
    LocalKey::from_bytes(Secret::new(vec![seed; LocalKey::LENGTH])).unwrap()
}

/// What came of opening, without what was opened.
fn outcome(opened: Result<Secret, SecretError>) -> Result<(), SecretError> {
    opened.map(drop)
}

/// A store with one sealed secret in it.
struct Sealing {
    id: SecretId,
    sealed: Sealed,
    store: Arc<MemoryStore>,
}

impl Sealing {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let secrets = SealedSecrets::new(Arc::clone(&store), key(1));
        let sealed = secrets.seal_now();
        let value = sealed.next().clone();
        block_on(store.commit(sealed.by(&by()).into())).unwrap();
        Self {
            id: *value.id(),
            sealed: value,
            store,
        }
    }

    fn open(&self) -> Result<Secret, SecretError> {
        SealedSecrets::new(Arc::clone(&self.store), key(1)).open_now(&self.id)
    }

    fn row(&self) -> Versioned<Sealed> {
        block_on(self.store.sealed(&self.id)).unwrap()
    }

    fn times_opened(&self) -> usize {
        let subject = Subject::Secret(self.id);
        let records = block_on(self.store.records(Some(&subject), Sequence::START, 99)).unwrap();
        let codes = records.iter().map(|record| record.event.name());
        codes.filter(|code| *code == "secret.opened").count()
    }

    /// What comes of these bytes in the place of those that were sealed.
    fn opened_with(&self, blob: Vec<u8>) -> Result<Secret, SecretError> {
        let store = Arc::new(MemoryStore::default());
        let forged = Sealed::store(self.id, PURPOSE, bytes(blob), now());
        block_on(store.commit(forged.by(&by()).into())).unwrap();
        let opened = SealedSecrets::new(Arc::clone(&store), key(1)).open_now(&self.id);
        let recorded = block_on(store.records(None, Sequence::START, 99))
            .unwrap()
            .len();
        assert_eq!(recorded, 1 + usize::from(opened.is_ok()));
        opened
    }
}

fn bytes(blob: Vec<u8>) -> SealedBytes {
    let key_id = key(1).key_id();
    SealedBytes { blob, key_id }
}

impl<S: Ledger + History + SecretRows + ?Sized, K: KeyWrap> SealedSecrets<S, K> {
    fn seal_now(&self) -> Transition<Sealed> {
        let plain = Secret::new(PLAIN.to_vec());
        block_on(self.seal(&plain, PURPOSE, &mut random(), now())).unwrap()
    }

    fn rewrap_now(&self, id: &SecretId) -> Result<Option<Transition<Sealed>>, SecretError> {
        block_on(self.rewrap(id, now()))
    }

    fn open_now(&self, id: &SecretId) -> Result<Secret, SecretError> {
        block_on(self.open(id, PURPOSE, &by(), now()))
    }
}

#[test]
fn a_sealed_secret_opens_and_each_opening_is_a_record() {
    let sealing = Sealing::new();
    for times in 1..=2 {
        assert_eq!(sealing.open().unwrap().expose(), PLAIN);
        assert_eq!(sealing.times_opened(), times);
    }
    let shown = sealing
        .sealed
        .blob()
        .windows(PLAIN.len())
        .any(|part| part == PLAIN);
    assert!(!shown, "the plain bytes stand in the sealed ones");
}

#[test]
fn an_empty_secret_opens() {
    let secrets = SealedSecrets::new(Arc::new(MemoryStore::default()), key(1));
    let plain = Secret::new(Vec::new());
    let sealed = block_on(secrets.seal(&plain, PURPOSE, &mut random(), now())).unwrap();
    let id = *sealed.next().id();
    block_on(secrets.store.commit(sealed.by(&by()).into())).unwrap();
    assert!(secrets.open_now(&id).unwrap().expose().is_empty());
}

#[test]
fn another_wrapping_key_is_refused_by_its_name() {
    let sealing = Sealing::new();
    let other = SealedSecrets::new(Arc::clone(&sealing.store), key(2));
    let refused = outcome(other.open_now(&sealing.id));
    assert!(
        matches!(refused, Err(SecretError::UnknownKey(_))),
        "{refused:?}"
    );
    assert_eq!(sealing.times_opened(), 0);
}

#[test]
fn bytes_moved_to_another_id_do_not_open() {
    let sealing = Sealing::new();
    let other = SecretId::first_at(now());
    let moved = bytes(sealing.sealed.blob().to_vec());
    let moved = Sealed::store(other, PURPOSE, moved, now());
    block_on(sealing.store.commit(moved.by(&by()).into())).unwrap();
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), key(1));
    let refused = outcome(secrets.open_now(&other));
    assert!(
        matches!(refused, Err(SecretError::Unreadable(_))),
        "{refused:?}"
    );
}

#[test]
fn bytes_under_another_purpose_do_not_open() {
    let (sealing, by) = (Sealing::new(), by());
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), key(1));
    let asked = secrets.open(&sealing.id, SecretPurpose::EabMacKey, &by, now());
    let refused = outcome(block_on(asked)).unwrap_err();
    assert!(
        refused.to_string().contains("sealed as ca-key"),
        "{refused}"
    );
    let store = Arc::new(MemoryStore::default());
    let blob = sealing.sealed.blob().to_vec();
    let relabelled = Sealed::store(sealing.id, SecretPurpose::EabMacKey, bytes(blob), now());
    block_on(store.commit(relabelled.by(&by).into())).unwrap();
    let secrets = SealedSecrets::new(store, key(1));
    let asked = secrets.open(&sealing.id, SecretPurpose::EabMacKey, &by, now());
    let refused = outcome(block_on(asked));
    assert!(
        matches!(refused, Err(SecretError::Unreadable(_))),
        "{refused:?}"
    );
    assert_eq!(sealing.times_opened(), 0);
}

#[test]
fn a_byte_changed_anywhere_does_not_open() {
    let sealing = Sealing::new();
    for place in 0..sealing.sealed.blob().len() {
        for flip in [0x01, 0x80] {
            let mut blob = sealing.sealed.blob().to_vec();
            blob[place] ^= flip;
            assert!(sealing.opened_with(blob).is_err(), "byte {place}");
        }
    }
}

#[test]
fn bytes_cut_short_or_drawn_out_do_not_open() {
    let sealing = Sealing::new();
    let blob = sealing.sealed.blob();
    for length in 0..blob.len() {
        assert!(
            sealing.opened_with(blob[..length].to_vec()).is_err(),
            "{length} bytes"
        );
    }
    assert!(sealing.opened_with([blob, b"\0"].concat()).is_err());
    sealing.opened_with(blob.to_vec()).unwrap();
}

#[test]
fn without_a_record_there_is_no_secret() {
    for (fault, recorded) in [(Fault::Before, 0), (Fault::After, 1)] {
        let sealing = Sealing::new();
        let flaky = Flaky::over(Arc::clone(&sealing.store)).at(1, fault);
        let secrets = SealedSecrets::new(Arc::new(flaky), key(1));
        let refused = outcome(secrets.open_now(&sealing.id));
        assert!(matches!(refused, Err(SecretError::Store(_))), "{refused:?}");
        assert_eq!(sealing.times_opened(), recorded);
        assert_eq!(secrets.open_now(&sealing.id).unwrap().expose(), PLAIN);
    }
}

#[test]
fn sealing_twice_gives_other_bytes_under_another_key() {
    let secrets = SealedSecrets::new(Arc::new(MemoryStore::default()), key(1));
    let (plain, mut random) = (Secret::new(PLAIN.to_vec()), random());
    let mut seal = || block_on(secrets.seal(&plain, PURPOSE, &mut random, now())).unwrap();
    let [one, other] = [seal(), seal()].map(|sealed| sealed.next().clone());
    assert_ne!(one.id(), other.id());
    let [one, other] = [one.blob(), other.blob()].map(|blob| super::Envelope::read(blob).unwrap());
    assert_ne!(one.wrapped, other.wrapped);
    assert_ne!(one.nonce, other.nonce);
    assert_ne!(one.ciphertext, other.ciphertext);
}

#[test]
fn a_secret_and_what_needs_it_are_one_write() {
    let store = Arc::new(MemoryStore::default());
    let secrets = SealedSecrets::new(Arc::clone(&store), key(1));
    let sealed = secrets.seal_now();
    let id = *sealed.next().id();
    assert!(
        block_on(store.sealed(&id)).is_err(),
        "sealing writes nothing"
    );
    block_on(store.commit(Changeset::of(sealed.by(&by())))).unwrap();
    block_on(store.sealed(&id)).unwrap();
}

#[test]
fn what_another_tenant_sealed_does_not_open() {
    let sealing = Sealing::new();
    let other = SealedSecrets::new(Arc::clone(&sealing.store), key(1)).for_tenant("other");
    let refused = outcome(other.open_now(&sealing.id));
    assert!(
        matches!(refused, Err(SecretError::Unreadable(_))),
        "{refused:?}"
    );
}

#[test]
fn another_value_is_another_version_under_another_data_key() {
    let sealing = Sealing::new();
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), key(1));
    let other = Secret::new(b"another key".to_vec());
    // The same random bytes as for the first value: the versions alone tell them apart.
    let replaced = block_on(secrets.replace(&sealing.id, &other, &mut random(), now())).unwrap();
    assert_eq!(replaced.next().version(), 2);
    block_on(sealing.store.commit(replaced.by(&by()).into())).unwrap();
    assert_eq!(sealing.open().unwrap().expose(), b"another key");
    let again = block_on(secrets.replace(&sealing.id, &other, &mut random(), now())).unwrap();
    let blobs = [sealing.row().value, again.next().clone()];
    let [one, two] = blobs.map(|sealed| super::Envelope::read(sealed.blob()).unwrap());
    assert_ne!(one.wrapped, two.wrapped);
}

#[test]
fn the_bytes_of_one_version_do_not_open_as_another() {
    let sealing = Sealing::new();
    let relabelled = sealing
        .row()
        .replace(bytes(sealing.sealed.blob().to_vec()), now());
    block_on(sealing.store.commit(relabelled.by(&by()).into())).unwrap();
    let refused = outcome(sealing.open());
    assert!(
        matches!(refused, Err(SecretError::Unreadable(_))),
        "{refused:?}"
    );
}

/// Two keys, of which the second wraps now.
fn ring() -> KeyRing {
    KeyRing::new(Arc::new(key(2)), vec![Arc::new(key(1))])
}

#[test]
fn a_secret_is_wrapped_again_without_being_opened() {
    let sealing = Sealing::new();
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), ring());
    assert_eq!(secrets.open_now(&sealing.id).unwrap().expose(), PLAIN);
    let rewrapped = secrets.rewrap_now(&sealing.id).unwrap().unwrap();
    assert_eq!(rewrapped.next().key_id(), key(2).key_id());
    assert_eq!(rewrapped.next().version(), 1);
    block_on(sealing.store.commit(rewrapped.by(&by()).into())).unwrap();
    assert!(secrets.rewrap_now(&sealing.id).unwrap().is_none());
    assert_eq!(sealing.times_opened(), 1);
    let alone = SealedSecrets::new(Arc::clone(&sealing.store), key(2));
    assert_eq!(alone.open_now(&sealing.id).unwrap().expose(), PLAIN);
    let before = outcome(sealing.open());
    assert!(
        matches!(&before, Err(SecretError::UnknownKey(id)) if *id == key(2).key_id()),
        "{before:?}"
    );
}

#[test]
fn two_who_wrap_again_do_not_overwrite_each_other() {
    let sealing = Sealing::new();
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), ring());
    let [one, other] = [(); 2].map(|()| secrets.rewrap_now(&sealing.id).unwrap().unwrap());
    block_on(sealing.store.commit(one.by(&by()).into())).unwrap();
    let conflict = block_on(sealing.store.commit(other.by(&by()).into()));
    assert!(matches!(conflict, Err(StoreError::Conflict)));
}

#[test]
fn a_row_put_back_to_older_bytes_is_refused_whatever_is_asked() {
    let sealing = Sealing::new();
    let store = Older::new(&sealing);
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), ring());
    let rewrapped = secrets.rewrap_now(&sealing.id).unwrap().unwrap();
    block_on(sealing.store.commit(rewrapped.by(&by()).into())).unwrap();
    let secrets = SealedSecrets::new(Arc::new(store), ring());
    let (other, mut random) = (Secret::new(vec![1]), random());
    let replacing = secrets.replace(&sealing.id, &other, &mut random, now());
    let replaced = block_on(replacing).map(drop);
    let refusals = [
        secrets.open_now(&sealing.id).map(drop),
        secrets.rewrap_now(&sealing.id).map(drop),
        replaced,
    ];
    for refused in refusals {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, SecretError::RolledBack { .. }),
            "{refused}"
        );
        let expected = format!("SHA-256 {} is there", sealing.sealed.sha256());
        assert!(refused.to_string().contains(&expected), "{refused}");
    }
    assert_eq!(sealing.times_opened(), 0);
}

#[test]
fn a_key_that_does_not_give_back_what_it_wrapped_seals_nothing() {
    struct Forgetful;

    #[async_trait]
    impl KeyWrap for Forgetful {
        fn key_id(&self) -> String {
            "forgetful".to_owned()
        }

        async fn wrap_key(&self, _: &str, _: &Secret, _: &[u8]) -> Result<Vec<u8>, SecretError> {
            Ok(vec![1])
        }

        async fn unwrap_key(&self, _: &str, _: &[u8], _: &[u8]) -> Result<Secret, SecretError> {
            Ok(Secret::new(vec![1; LocalKey::LENGTH]))
        }
    }

    let secrets = SealedSecrets::new(Arc::new(MemoryStore::default()), Forgetful);
    let plain = Secret::new(PLAIN.to_vec());
    let sealed = block_on(secrets.seal(&plain, PURPOSE, &mut random(), now()));
    assert!(matches!(sealed, Err(SecretError::Wrap(_))));
}

#[test]
fn a_key_in_base64_is_the_same_key_and_nothing_else_is_shown() {
    let text = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let read = LocalKey::from_base64(&format!(" {text}\n")).unwrap();
    assert_eq!(read.key_id(), key(1).key_id());
    for wrong in [&text[1..], "AQEB", "", "hunter2!"] {
        let refused = LocalKey::from_base64(wrong).unwrap_err().to_string();
        assert!(refused.starts_with("this is no key: 32 bytes"), "{refused}");
        assert!(wrong.is_empty() || !refused.contains(wrong), "{refused}");
    }
}

#[test]
fn a_row_that_another_process_writes_meanwhile_is_read_again() {
    let sealing = Sealing::new();
    let store = Older {
        times: AtomicUsize::new(1),
        ..Older::new(&sealing)
    };
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), ring());
    let rewrapped = secrets.rewrap_now(&sealing.id).unwrap().unwrap();
    block_on(sealing.store.commit(rewrapped.by(&by()).into())).unwrap();
    let secrets = SealedSecrets::new(Arc::new(store), ring());
    assert_eq!(secrets.open_now(&sealing.id).unwrap().expose(), PLAIN);
}

/// A store whose row of one secret is what it was before, for the next so many looks.
struct Older {
    row: Versioned<Sealed>,
    store: Arc<MemoryStore>,
    times: AtomicUsize,
}

impl Older {
    fn new(sealing: &Sealing) -> Self {
        Self {
            row: sealing.row(),
            store: Arc::clone(&sealing.store),
            times: AtomicUsize::new(usize::MAX),
        }
    }
}

#[async_trait]
impl SecretRows for Older {
    async fn sealed(&self, id: &SecretId) -> Result<Versioned<Sealed>, StoreError> {
        let left = self.times.load(Ordering::Relaxed);
        if left == 0 {
            return self.store.sealed(id).await;
        }
        self.times.store(left - 1, Ordering::Relaxed);
        Ok(self.row.clone())
    }

    async fn sealed_secrets(&self, page: Page) -> Result<Vec<Versioned<Sealed>>, StoreError> {
        self.store.sealed_secrets(page).await
    }

    async fn sealed_for(
        &self,
        purpose: SecretPurpose,
        page: Page,
    ) -> Result<Vec<Versioned<Sealed>>, StoreError> {
        self.store.sealed_for(purpose, page).await
    }
}

#[async_trait]
impl Ledger for Older {
    async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
        self.store.commit(changes).await
    }

    async fn records(
        &self,
        about: Option<&Subject>,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.records(about, after, limit).await
    }
}

#[async_trait]
impl History for Older {
    async fn find_records(&self, query: &RecordQuery) -> Result<Vec<Record>, StoreError> {
        self.store.find_records(query).await
    }

    async fn stored_records(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.store.stored_records(after, limit).await
    }
}
