//! A wrapping key in a module: SoftHSM's, with a token of each test's own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use certlocker_core::{
    Actor, Attribution, Component, KeyRing, KeyWrap, Ledger, LocalKey, MemoryStore, Pkcs11Error,
    Pkcs11Key, Pkcs11Place, SealedSecrets, Secret, SecretError, SecretPurpose, SecretStore,
    Timestamp, Trigger,
};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use pollster::block_on;

const PIN: &str = "correct-horse";
const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn module() -> PathBuf {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
    ];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("SoftHSM is not installed (scripts/install-test-tools)")
}

/// Runs the test of this name again in a process whose module keeps its tokens in a folder of its
/// own: SoftHSM is told where by a variable.
fn with_token(name: &str, test: fn()) {
    const CONFIGURATION: &str = "SOFTHSM2_CONF";
    if env::var_os(CONFIGURATION).is_some() {
        make_token();
        return test();
    }
    let folder = tempfile::tempdir().unwrap();
    let (tokens, file) = (folder.path().join("tokens"), folder.path().join("conf"));
    fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\n", tokens.display());
    fs::write(&file, text).unwrap();
    let mut again = Command::new(env::current_exe().unwrap());
    again.args([name, "--exact"]).env(CONFIGURATION, file);
    let output = again.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(
        output.status.success() && said[0].contains("1 passed"),
        "{}",
        said.concat()
    );
}

/// A token with the keys `one` and `twin`, of which the second is there twice.
fn make_token() {
    let context = Pkcs11::new(module()).unwrap();
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    context.initialize(arguments).unwrap();
    let slot = context.get_slots_with_token().unwrap()[0];
    let officer = AuthPin::new("officer".into());
    context.init_token(slot, &officer, "certlocker").unwrap();
    let slot = context.get_slots_with_token().unwrap()[0];
    let session = context.open_rw_session(slot).unwrap();
    let pin = AuthPin::new(PIN.into());
    session.login(UserType::So, Some(&officer)).unwrap();
    session.init_pin(&pin).unwrap();
    session.logout().unwrap();
    session.login(UserType::User, Some(&pin)).unwrap();
    for label in ["one", "twin", "twin"] {
        let template = [
            Attribute::Label(label.into()),
            Attribute::Token(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(32.into()),
        ];
        session
            .generate_key(&Mechanism::AesKeyGen, &template)
            .unwrap();
    }
    session.logout().unwrap();
}

fn place(token: &str, object: &str, pin: &str) -> Pkcs11Place {
    Pkcs11Place {
        module: module(),
        object: object.to_owned(),
        pin: Secret::new(pin.into()),
        token: token.to_owned(),
    }
}

fn key() -> Pkcs11Key {
    Pkcs11Key::open(place("certlocker", "one", PIN)).unwrap()
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

#[test]
fn a_secret_goes_from_a_local_key_to_one_that_never_leaves_its_module() {
    with_token(
        "a_secret_goes_from_a_local_key_to_one_that_never_leaves_its_module",
        || {
            let (store, plain) = (Arc::new(MemoryStore::default()), b"a private key".to_vec());
            let local = || LocalKey::from_bytes(Secret::new(vec![7; LocalKey::LENGTH])).unwrap();
            let secrets = SealedSecrets::new(Arc::clone(&store), local());
            let (secret, purpose) = (Secret::new(plain.clone()), SecretPurpose::CaKey);
            let mut random = |bytes: &mut [u8]| bytes.fill(3);
            let sealed = block_on(secrets.seal(&secret, purpose, &mut random, NOW)).unwrap();
            let id = *sealed.next().id();
            block_on(store.commit(sealed.by(&by()).into())).unwrap();
            let ring = KeyRing::new(Arc::new(key()), vec![Arc::new(local())]);
            let secrets = SealedSecrets::new(Arc::clone(&store), ring);
            let rewrapped = block_on(secrets.rewrap(&id, NOW)).unwrap().unwrap();
            assert_eq!(rewrapped.next().key_id(), "pkcs11:certlocker/one");
            block_on(store.commit(rewrapped.by(&by()).into())).unwrap();
            let secrets = SealedSecrets::new(store, key());
            let opened = block_on(secrets.open(&id, purpose, &by(), NOW)).unwrap();
            assert_eq!(opened.expose(), plain);
        },
    );
}

#[test]
fn what_was_changed_or_wrapped_for_something_else_does_not_unwrap() {
    with_token(
        "what_was_changed_or_wrapped_for_something_else_does_not_unwrap",
        || {
            let (key, data_key) = (key(), Secret::new(vec![9; 32]));
            let id = key.key_id();
            let wrapped = block_on(key.wrap_key(&id, &data_key, b"context")).unwrap();
            let unwrap = |wrapped: &[u8], context: &[u8]| {
                let unwrapped = block_on(key.unwrap_key(&id, wrapped, context));
                unwrapped.map(|key| key.expose().to_vec())
            };
            for place in [0, 11, 12, 40, wrapped.len() - 1] {
                let mut changed = wrapped.clone();
                changed[place] ^= 1;
                let refused = unwrap(&changed, b"context");
                assert!(
                    matches!(refused, Err(SecretError::Unreadable(_))),
                    "{refused:?}"
                );
            }
            let refused = unwrap(&wrapped, b"another");
            assert!(
                matches!(refused, Err(SecretError::Unreadable(_))),
                "{refused:?}"
            );
            let refused = unwrap(&wrapped[..9], b"context");
            assert!(
                matches!(refused, Err(SecretError::Unreadable(_))),
                "{refused:?}"
            );
            assert_eq!(unwrap(&wrapped, b"context").unwrap(), [9; 32]);
            let refused = block_on(key.unwrap_key("pkcs11:certlocker/two", &wrapped, b"context"));
            assert!(matches!(refused, Err(SecretError::UnknownKey(_))));
        },
    );
}

#[test]
fn what_is_wrong_with_a_place_is_said_without_the_pin() {
    with_token("what_is_wrong_with_a_place_is_said_without_the_pin", || {
        for (place, expected) in [
            (
                place("other", "one", PIN),
                "no token with the label `other`",
            ),
            (
                place("certlocker", "none", PIN),
                "has 0 AES keys with the label `none`",
            ),
            (
                place("certlocker", "twin", PIN),
                "has 2 AES keys with the label `twin`",
            ),
            (
                place("certlocker", "one", "hunter2"),
                "refuses to take the PIN",
            ),
            (
                Pkcs11Place {
                    module: "/nonexistent.so".into(),
                    ..place("certlocker", "one", PIN)
                },
                "module /nonexistent.so cannot be loaded",
            ),
        ] {
            let refused: Pkcs11Error = Pkcs11Key::open(place).unwrap_err();
            let shown = format!("{refused} {refused:?}");
            assert!(shown.contains(expected), "{shown}");
            assert!(
                !shown.contains("hunter2") && !shown.contains(PIN),
                "{shown}"
            );
        }
    });
}
