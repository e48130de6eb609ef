//! The private key of the authority that signs certificates of SSH, on a data directory of its own.

use std::process::Command;
use std::sync::Arc;

use certlocker_core::{
    Actor, Attribution, AuthorityStore, FileKey, SealedSecrets, Secret, SecretPurpose, SecretStore,
    SqliteStore, Timestamp, Trigger,
};

use crate::Test;
use crate::harness::server::certlocker;

const COMMANDS: [&str; 7] = [
    "host ssh-ca create --json",
    "host ssh-ca create",
    "host ssh-ca show --json",
    "host export --format ansible-json",
    "host ssh-certificate nobody --login a --key /nothing",
    "secret list --json",
    "audit list --json",
];

/// Uses the authority in every way, then looks up what its key is.
pub(crate) fn sow(test: &mut Test) {
    std::fs::create_dir_all(test.scene.path("ssh")).unwrap();
    for words in COMMANDS {
        let mut command: Command = certlocker(words, &test.scene.path("ssh"));
        command.env("CERTLOCKER_LOG_LEVEL", "trace");
        test.seen.run(&format!("`{words}`"), &mut command);
    }
    let key = key(test);
    test.canaries
        .keep("the key of the authority of SSH", key.expose());
    // Of PKCS #8 for Ed25519, this is the seed (RFC 8410 section 7).
    let seed = &key.expose()[16..48];
    test.canaries.keep("the seed of the authority of SSH", seed);
}

fn key(test: &Test) -> Secret {
    let data = test.scene.path("ssh");
    let store = Arc::new(SqliteStore::open(data.join("certlocker.sqlite")).unwrap());
    let wrapping =
        FileKey::open_or_create(data.join("master.key"), &mut |_| panic!("the key is there"));
    let secrets = SealedSecrets::new(Arc::clone(&store), wrapping.unwrap());
    let by = Attribution::new(Actor::Command("test".to_owned()), Trigger::Command);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let authority = store.ssh_authority().await.unwrap().unwrap();
        let (id, now) = (authority.value.key(), Timestamp::from_seconds(0));
        let opened = secrets.open(id, SecretPurpose::SshCaKey, &by, now);
        opened.await.unwrap()
    })
}
