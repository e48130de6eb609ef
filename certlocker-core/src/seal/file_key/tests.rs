//! Which files are keys, and how one takes the place of another.

use pollster::block_on;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{FileKey, FileKeyError, KeyFile};
use crate::{KeyWrap, Secret, SecretError};

fn place() -> (TempDir, PathBuf) {
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
    for (mode, accepted, of_manager) in [
        (0o400, true, true),
        (0o440, false, true),
        (0o640, false, true),
        (0o604, false, false),
        (0o660, false, false),
    ] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(FileKey::open(&path).is_ok(), accepted, "{mode:o}");
        let credential = KeyFile::at(&path).of_service_manager().open();
        assert_eq!(credential.is_ok(), of_manager, "{mode:o}");
    }
    let refusal = FileKey::open(&path).unwrap_err().to_string();
    assert!(refusal.contains("mode 660"), "{refusal}");
}

#[test]
fn a_key_file_of_another_length_is_refused() {
    for length in [0, 31, 33, 105, 4096] {
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

fn passphrase(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn protected(path: &Path, text: &str) -> KeyFile {
    KeyFile::at(path).cheap().protected_by(passphrase(text))
}

#[test]
fn a_protected_key_opens_with_its_passphrase_only() {
    let (_directory, path) = place();
    let mut random = |bytes: &mut [u8]| bytes.fill(u8::try_from(bytes.len()).unwrap());
    let made = protected(&path, "correct horse").open_or_create(&mut random);
    let id = made.unwrap().key_id();
    assert!(
        !std::fs::read(&path)
            .unwrap()
            .windows(32)
            .any(|part| part == [32; 32])
    );
    assert_eq!(
        protected(&path, "correct horse").open().unwrap().key_id(),
        id
    );
    let wrong = protected(&path, "battery").open();
    assert!(matches!(wrong, Err(FileKeyError::WrongPassphrase { .. })));
    assert!(matches!(
        FileKey::open(&path),
        Err(FileKeyError::Protected { .. })
    ));
}

#[test]
fn a_passphrase_for_a_key_without_one_is_refused() {
    let (_directory, path) = place();
    FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap();
    let opened = protected(&path, "correct horse").open();
    assert!(matches!(opened, Err(FileKeyError::Unprotected { .. })));
}

fn wrapped(key: &FileKey) -> (String, Vec<u8>) {
    let id = key.key_id();
    let data_key = Secret::new(vec![9; 32]);
    let wrapped = block_on(key.wrap_key(&id, &data_key, b"context")).unwrap();
    (id, wrapped)
}

fn unwraps(key: &FileKey, (id, wrapped): &(String, Vec<u8>)) -> Result<(), SecretError> {
    block_on(key.unwrap_key(id, wrapped, b"context")).map(|data_key| {
        assert_eq!(data_key.expose(), [9; 32]);
    })
}

#[test]
fn a_key_that_another_process_renews_is_used_at_once_and_the_one_before_still_unwraps() {
    let plain = |path: &Path| KeyFile::at(path);
    let with_passphrase = |path: &Path| protected(path, "correct horse");
    for file in [plain as fn(&Path) -> KeyFile, with_passphrase] {
        let (_directory, path) = place();
        let running = file(&path)
            .open_or_create(&mut |bytes| bytes.fill(1))
            .unwrap();
        let before = wrapped(&running);
        let other = file(&path).open().unwrap();
        let id = other.renew(&mut |bytes| bytes.fill(2)).unwrap();
        assert_ne!(id, before.0);
        let after = wrapped(&running);
        assert_eq!(after.0, id);
        let started = file(&path).open().unwrap();
        for key in [&running, &other, &started] {
            assert_eq!(key.key_id(), id);
            unwraps(key, &before).unwrap();
            unwraps(key, &after).unwrap();
        }
        let mut kept: Vec<_> = started.kept().unwrap();
        kept.retain(|(id, path)| *id != before.0 && *id != after.0 || !path.exists());
        assert_eq!(kept, []);
    }
}

#[test]
fn two_who_renew_at_the_same_time_lose_no_key() {
    let (_directory, path) = place();
    let [one, two] =
        [1, 2].map(|_| FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap());
    one.renew(&mut |bytes| bytes.fill(2)).unwrap();
    let by_one = wrapped(&one);
    two.renew(&mut |bytes| bytes.fill(3)).unwrap();
    unwraps(&FileKey::open(&path).unwrap(), &by_one).unwrap();
    assert_eq!(one.kept().unwrap().len(), 3);
}

#[test]
fn a_renewal_that_stops_half_way_leaves_a_key_that_works() {
    let (_directory, path) = place();
    let key = FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap();
    let before = wrapped(&key);
    // What is there when the process ends just before the new key takes its place.
    key.file.keep(&key.current(), &mut |_| {}).unwrap();
    let new = crate::LocalKey::random(&mut |bytes| bytes.fill(2));
    key.file.keep(&new, &mut |_| {}).unwrap();
    std::fs::write(path.with_file_name("key.1.new"), [0; 7]).unwrap();
    let started = FileKey::open(&path).unwrap();
    assert_eq!(started.key_id(), before.0);
    started.renew(&mut |bytes| bytes.fill(3)).unwrap();
    unwraps(&started, &before).unwrap();
}

#[test]
fn an_id_is_no_path() {
    let (directory, path) = place();
    let key = FileKey::open_or_create(&path, &mut |bytes| bytes.fill(1)).unwrap();
    let (id, wrapped) = wrapped(&key);
    std::fs::create_dir(directory.path().join("key.d")).unwrap();
    std::fs::copy(&path, directory.path().join("other.key")).unwrap();
    for other in [
        "local:../other",
        "local:",
        "",
        "file:0000000000000000",
        &id[..21],
    ] {
        let refused = unwraps(&key, &(other.to_owned(), wrapped.clone()));
        assert!(
            matches!(refused, Err(SecretError::UnknownKey(_))),
            "{other}: {refused:?}"
        );
    }
}
