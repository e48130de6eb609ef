//! What is shown of values that hold secrets, by `{:?}` and so by a panic.

use std::ffi::OsString;

use certlocker_core::{KeyFile, KeyRing, LocalKey, Secret, SessionText};
use certlocker_standalone::cli::Cli;
use certlocker_standalone::config::{ConfigFile, Sources, load};
use certlocker_standalone::inventory::view::CreatedClient;

use serde_json::json;

use crate::Test;
use crate::commands::{CONFIGURATIONS, VARIABLES};

pub(crate) fn sow(test: &mut Test) {
    for template in CONFIGURATIONS {
        let secret = test
            .canaries
            .text(&format!("the configuration {template} in Debug"));
        let content = template.replace("{}", &secret);
        let path = test.private("debug.toml", content.as_bytes());
        let file = ConfigFile::read(&path).unwrap();
        sources(
            test,
            template,
            &Sources {
                file: Some(file),
                ..Sources::default()
            },
        );
    }
    for (name, template) in VARIABLES {
        let secret = test.canaries.text(&format!("the variable {name} in Debug"));
        let environment = vec![(name.into(), OsString::from(template.replace("{}", &secret)))];
        sources(
            test,
            name,
            &Sources {
                environment,
                ..Sources::default()
            },
        );
    }
    let secret = test.canaries.text("a flag in Debug");
    let flag = format!("--database=postgres://user:{secret}@127.0.0.1/x");
    let cli = Cli::parse_line(["certlocker", "secret", "list", &flag]).unwrap();
    test.seen
        .add("the command line in Debug", format!("{cli:?}"));
    keys(test);
}

fn sources(test: &mut Test, of: &str, sources: &Sources) {
    test.seen.add(
        format!("{of}, its sources in Debug"),
        format!("{sources:?}"),
    );
    let loaded = match load(sources) {
        Ok(loaded) => format!("{loaded:?}"),
        Err(error) => format!("{error:?} {error}"),
    };
    test.seen.add(format!("{of} in Debug"), loaded);
}

fn keys(test: &mut Test) {
    let key = test.canaries.key("a local key in Debug");
    let key = LocalKey::from_bytes(Secret::new(key.to_vec())).unwrap();
    test.seen.add("a local key in Debug", format!("{key:?}"));
    let ring = KeyRing::new(std::sync::Arc::new(key), Vec::new());
    test.seen
        .add("a ring of keys in Debug", format!("{ring:?}"));
    let text = test.canaries.text("no key in Debug");
    let error = LocalKey::from_base64(&text).unwrap_err();
    test.seen
        .add("what is wrong with a key in Debug", format!("{error:?}"));
    let key = test.canaries.key("a key file in Debug");
    let passphrase = test.canaries.text("its passphrase in Debug");
    let path = test.private("debug.key", &key);
    let file = KeyFile::at(&path).protected_by(Secret::new(passphrase.into_bytes()));
    test.seen
        .add("a protected key file in Debug", format!("{file:?}"));
    let refused = file.open().unwrap_err();
    test.seen.add(
        "a key file that is refused in Debug",
        format!("{refused:?}"),
    );
    let opened = KeyFile::at(&path).open().unwrap();
    test.seen.add("a key file in Debug", format!("{opened:?}"));
    let session = SessionText::given(&test.canaries.text("a session in Debug"));
    test.seen.add("a session in Debug", format!("{session:?}"));
    let hmac_key = test.canaries.text("a new credential in Debug");
    let created = json!({"directory": "d", "kid": "k", "name": "n", "hmac_key": hmac_key});
    let created: CreatedClient = serde_json::from_value(created).unwrap();
    test.seen
        .add("a new credential in Debug", format!("{created:?}"));
}
