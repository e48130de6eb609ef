//! Uploaded keys against what OpenSSL and OpenSSH say of them (`known.sh`).

use certlocker_core::{SshKey, Timestamp};
use certlocker_import::keys::{
    Form, KeyFile, KeyFileError, KeyMatch, KeyPair, KeyQuestion, Proof, match_key, read_key,
};

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn key(name: &str) -> KeyFile {
    read_key(name, &bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// File, form and fingerprint.
fn known() -> Vec<(&'static str, Form, &'static str)> {
    let lines = include_str!("known.txt").lines();
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let form = match words[1] {
                "md5-ssh" => Form::Md5OfSsh,
                "md5-der" => Form::Md5OfDer,
                "sha1-pkcs8" => Form::Sha1OfPkcs8,
                "sha256-ssh" => Form::Sha256OfSsh,
                other => panic!("{other}"),
            };
            (words[0], form, words[2])
        })
        .collect()
}

fn pair(name: &str, fingerprint: &str) -> KeyPair {
    KeyPair {
        fingerprint: Some(fingerprint.parse().unwrap()),
        name: name.to_owned(),
        ..KeyPair::default()
    }
}

fn question(matched: KeyMatch) -> KeyQuestion {
    match matched {
        KeyMatch::Question(question) => question,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_form_of_a_file_has_the_fingerprints_that_openssl_and_openssh_compute() {
    let known = known();
    assert_eq!(
        known
            .iter()
            .filter(|(_, form, _)| *form == Form::Sha1OfPkcs8)
            .count(),
        4
    );
    for (file, form, fingerprint) in known {
        let key = key(file);
        assert_eq!(
            key.form_of(&fingerprint.parse().unwrap()),
            Some(form),
            "{file}"
        );
        if form == Form::Sha256OfSsh {
            assert_eq!(
                key.public().fingerprint().to_string(),
                fingerprint,
                "{file}"
            );
        }
    }
}

#[test]
fn what_is_no_usable_key_is_named_as_what_it_is() {
    let public = key("rsa_pkcs1.pem").public().to_string();
    let ppk = "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n";
    for (text, error) in [
        (bytes("encrypted_openssh.pem"), KeyFileError::Encrypted),
        (bytes("encrypted_pkcs1.pem"), KeyFileError::Encrypted),
        (bytes("encrypted_pkcs8.pem"), KeyFileError::Encrypted),
        (ppk.into(), KeyFileError::Ppk),
        (
            ppk.replace("none", "aes256-cbc").into(),
            KeyFileError::PpkEncrypted,
        ),
        (public.into(), KeyFileError::Public),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----".into(),
            KeyFileError::Public,
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into(),
            KeyFileError::Certificate,
        ),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----".into(),
            KeyFileError::Malformed,
        ),
        (
            b"-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----".into(),
            KeyFileError::Unsupported,
        ),
        (b"hello".into(), KeyFileError::NoKey),
        (vec![0xff, 0xfe], KeyFileError::NoKey),
    ] {
        let seen = read_key("x", &text).map(|key| key.public().clone());
        assert_eq!(seen, Err(error), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn a_key_pair_is_found_by_each_fingerprint_that_a_cloud_may_give() {
    let files = [
        key("rsa_pkcs1.pem"),
        key("rsa_openssh.pem"),
        key("ed25519_openssh.pem"),
        key("ecdsa_sec1.pem"),
    ];
    for (file, form, fingerprint) in known() {
        if !files.iter().any(|key| key.name() == file) {
            continue;
        }
        let KeyMatch::Found {
            file: found, proof, ..
        } = match_key(&pair("any", fingerprint), &files)
        else {
            panic!("{file} {form}");
        };
        assert_eq!((found.as_str(), proof), (file, Proof::Fingerprint(form)));
    }
}

#[test]
fn a_public_key_decides_before_a_fingerprint() {
    let files = [key("rsa_pkcs1.pem"), key("ed25519_openssh.pem")];
    let ed25519: SshKey = files[1].public().clone();
    let of_rsa = known()[0].2;
    let pair = KeyPair {
        created: Some(Timestamp::from_seconds(0)),
        public: Some(ed25519),
        ..pair("rsa_pkcs1", of_rsa)
    };
    let KeyMatch::Found { file, proof, .. } = match_key(&pair, &files) else {
        panic!();
    };
    assert_eq!(
        (file.as_str(), proof),
        ("ed25519_openssh.pem", Proof::PublicKey)
    );
}

#[test]
fn a_name_is_enough_only_where_nothing_else_is_known() {
    let files = [key("rsa_pkcs1.pem")];
    let named = KeyPair {
        name: "rsa_pkcs1".to_owned(),
        ..KeyPair::default()
    };
    assert!(matches!(
        match_key(&named, &files),
        KeyMatch::Found {
            proof: Proof::Name,
            ..
        }
    ));
    let other = known()
        .into_iter()
        .find(|known| known.0 == "ed25519_openssh.pem")
        .unwrap()
        .2;
    let contradicted = question(match_key(&pair("rsa_pkcs1", other), &files));
    assert_eq!(
        contradicted,
        KeyQuestion::Contradicted("rsa_pkcs1.pem".to_owned())
    );
    let nothing = question(match_key(&pair("other", other), &files));
    assert_eq!(nothing, KeyQuestion::Nothing("other".to_owned()));
}

#[test]
fn two_keys_of_one_name_are_a_question_and_one_key_of_two_names_is_not() {
    let renamed = |file: &str, name: &str| read_key(name, &bytes(file)).unwrap();
    let pair = KeyPair {
        name: "web".to_owned(),
        ..KeyPair::default()
    };
    let two = [
        renamed("rsa_pkcs1.pem", "a/web.pem"),
        renamed("ed25519_openssh.pem", "b/web.pem"),
    ];
    let expected = KeyQuestion::Several(vec!["a/web.pem".to_owned(), "b/web.pem".to_owned()]);
    assert_eq!(question(match_key(&pair, &two)), expected);
    let one = [
        renamed("rsa_pkcs1.pem", "a/web.pem"),
        renamed("rsa_pkcs8.pem", "b/web.pem"),
    ];
    assert!(matches!(match_key(&pair, &one), KeyMatch::Found { .. }));
}
