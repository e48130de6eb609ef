//! What opens, and everything that must not.

use std::sync::Arc;

use pollster::block_on;
use tempfile::TempDir;

use super::{FileKey, FileKeyError, SealedSecrets};
use crate::conformance::{Fault, Flaky};
use crate::{
    Actor, Attribution, Changeset, Component, KeyWrap, Ledger, MemoryStore, Sealed, Secret,
    SecretError, SecretId, SecretPurpose, SecretRows, SecretStore, Sequence, Subject, Timestamp,
    Trigger,
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

fn key(seed: u8) -> FileKey {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    FileKey::open_or_create(path, &mut |bytes| bytes.fill(seed)).unwrap()
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

    fn times_opened(&self) -> usize {
        let subject = Subject::Secret(self.id);
        let records = block_on(self.store.records(Some(&subject), Sequence::START, 99)).unwrap();
        let codes = records.iter().map(|record| record.event.name());
        codes.filter(|code| *code == "secret.opened").count()
    }

    /// What comes of these bytes in the place of those that were sealed.
    fn opened_with(&self, blob: Vec<u8>) -> Result<Secret, SecretError> {
        let store = Arc::new(MemoryStore::default());
        let forged = Sealed::store(self.id, PURPOSE, blob, now());
        block_on(store.commit(forged.by(&by()).into())).unwrap();
        let opened = SealedSecrets::new(Arc::clone(&store), key(1)).open_now(&self.id);
        let recorded = block_on(store.records(None, Sequence::START, 99))
            .unwrap()
            .len();
        assert_eq!(recorded, 1 + usize::from(opened.is_ok()));
        opened
    }
}

impl<S: Ledger + SecretRows + ?Sized> SealedSecrets<S, FileKey> {
    fn seal_now(&self) -> crate::Transition<Sealed> {
        let plain = Secret::new(PLAIN.to_vec());
        block_on(self.seal(&plain, PURPOSE, &mut random(), now())).unwrap()
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
    let refused = other.open_now(&sealing.id);
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
    let moved = Sealed::store(other, PURPOSE, sealing.sealed.blob().to_vec(), now());
    block_on(sealing.store.commit(moved.by(&by()).into())).unwrap();
    let secrets = SealedSecrets::new(Arc::clone(&sealing.store), key(1));
    let refused = secrets.open_now(&other);
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
    let refused = block_on(asked).unwrap_err();
    assert!(
        refused.to_string().contains("sealed as ca-key"),
        "{refused}"
    );
    let store = Arc::new(MemoryStore::default());
    let blob = sealing.sealed.blob().to_vec();
    let relabelled = Sealed::store(sealing.id, SecretPurpose::EabMacKey, blob, now());
    block_on(store.commit(relabelled.by(&by).into())).unwrap();
    let secrets = SealedSecrets::new(store, key(1));
    let asked = secrets.open(&sealing.id, SecretPurpose::EabMacKey, &by, now());
    let refused = block_on(asked);
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
        let refused = secrets.open_now(&sealing.id);
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

fn place() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    (directory, path)
}

#[test]
fn a_key_file_is_made_once_and_read_afterwards() {
    let (directory, path) = place();
    assert!(matches!(
        FileKey::open(&path),
        Err(FileKeyError::Unusable { .. })
    ));
    let made = FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap();
    let read = FileKey::open_or_create(&path, &mut |bytes| bytes.fill(2)).unwrap();
    assert_eq!(made.key_id(), read.key_id());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    assert_eq!(format!("{made:?}"), format!("FileKey({:?})", made.key_id()));
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let (_directory, path) = place();
    FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap();
    assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for (mode, accepted) in [(0o400, true), (0o640, true), (0o644, false), (0o660, false)] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(FileKey::open(&path).is_ok(), accepted, "{mode:o}");
    }
    let refusal = FileKey::open(&path).unwrap_err().to_string();
    assert!(refusal.contains("mode 660"), "{refusal}");
}

#[test]
fn a_key_file_of_another_length_is_refused() {
    for length in [0, 31, 33, 4096] {
        let (_directory, path) = place();
        FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap();
        std::fs::write(&path, vec![0; length]).unwrap();
        let refusal = FileKey::open(&path);
        assert!(
            matches!(refusal, Err(FileKeyError::Length { .. })),
            "{length}"
        );
    }
}
