//! What people paste and upload to import hosts.

use certlocker_core::{Secret, SshKey};
use certlocker_import::credentials::{
    AwsSecretSource, Note, OpenStackAuth, OpenStackFiles, Reading, RoleBase, aws, openstack_clouds,
    openstack_rc,
};
use certlocker_import::keys::read_key;
use certlocker_import::source::{Defaults, Recording};

/// Shorter secrets may be a part of a word that has every right to be shown.
const SHORTEST: usize = 12;

/// A key of AWS shows itself nowhere, and is of characters that keys have.
pub(crate) fn aws_credentials(data: &[u8]) {
    let reading = aws(data);
    for found in &reading.found {
        let (AwsSecretSource::Keys(key)
        | AwsSecretSource::Role {
            base: RoleBase::Keys(key),
            ..
        }) = &found.value.source
        else {
            continue;
        };
        assert!(key.secret.expose().is_ascii() && !key.secret.expose().contains(&b' '));
        assert!(key.id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        hidden(&key.secret, &reading.notes);
        key.session_token
            .iter()
            .for_each(|token| hidden(token, &reading.notes));
    }
    bounded(&reading);
}

/// The same for clouds.yaml; a NUL ends it and begins secure.yaml.
pub(crate) fn openstack_clouds_yaml(data: &[u8]) {
    let mut files = data.split(|byte| *byte == 0);
    let reading = openstack_clouds(OpenStackFiles {
        clouds: files.next().unwrap_or_default(),
        public: None,
        secure: files.next(),
    });
    openstack(&reading);
}

/// The same for an openrc file.
pub(crate) fn openstack_openrc(data: &[u8]) {
    openstack(&openstack_rc(data));
}

fn openstack(reading: &Reading<certlocker_import::credentials::OpenStackCredential>) {
    for found in &reading.found {
        assert!(found.value.auth_url.starts_with("http"));
        match &found.value.auth {
            OpenStackAuth::ApplicationCredential { secret, .. } | OpenStackAuth::Token(secret) => {
                hidden(secret, &reading.notes);
            }
            OpenStackAuth::Password {
                password: Some(password),
                ..
            } => hidden(password, &reading.notes),
            _ => {}
        }
    }
    bounded(reading);
}

fn hidden(secret: &Secret, notes: &[Note]) {
    if secret.expose().len() < SHORTEST {
        return;
    }
    // What notes say of themselves, with every name that they may name.
    let words = notes.iter().map(|note| note.text.as_bytes());
    for text in words {
        assert!(!crate::is_inside(secret.expose(), text) || is_word(secret.expose()));
    }
}

/// A secret of English words is one of ours only by chance.
fn is_word(secret: &[u8]) -> bool {
    secret
        .iter()
        .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b' ' | b'_' | b'`' | b',' | b'\''))
}

fn bounded<T>(reading: &Reading<T>) {
    for note in &reading.notes {
        crate::assert_shown(&note.to_string());
    }
    for found in &reading.found {
        crate::assert_shown(&found.name);
    }
}

/// A key that is read has a public key that reads back, and a fingerprint that is its own.
pub(crate) fn private_key(data: &[u8]) {
    match read_key("key", data) {
        Ok(key) => {
            let public = key.public();
            assert_eq!(public.to_string().parse().as_ref(), Ok(public));
            let fingerprint = public.fingerprint().to_string().parse().expect("it is one");
            assert!(key.form_of(&fingerprint).is_some());
        }
        Err(error) => crate::assert_shown(&error.to_string()),
    }
}

/// Answers of clouds, recorded or asked for, are read or refused with a sentence.
pub(crate) fn recorded_answers(data: &[u8]) {
    let defaults = Defaults {
        account: Some("account".to_owned()),
        region: Some("region".to_owned()),
    };
    if let Err(error) = Recording::default().add(data, &defaults) {
        crate::assert_shown(&error.to_string());
    }
}

/// A public key written out is the same key.
pub(crate) fn ssh_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(key) = text.parse::<SshKey>() {
        assert_eq!(key.to_string().parse().as_ref(), Ok(&key));
        assert!(key.to_string().len() <= text.len());
    }
}
