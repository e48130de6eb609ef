//! `secret list` and `secret rotate`.

mod rotate;

use std::collections::BTreeMap;

use certlocker_core::{KeyWrap, Page, Sealed, Store};
use serde::Serialize;

use super::CommandError;
use crate::assemble::Opened;
use crate::cli::{Exit, SecretCommand};
use crate::config::Settings;
use crate::inventory::InventoryError;
use crate::output::{Output, table};

/// How many rows are read at once.
const PAGE: usize = 200;

#[derive(Serialize)]
struct SecretsView {
    secrets: Vec<SecretView>,
    keys: Vec<KeyView>,
}

/// A sealed secret, without its bytes.
#[derive(Serialize)]
struct SecretView {
    id: String,
    purpose: &'static str,
    version: u64,
    key: String,
    sha256: String,
    created: String,
}

/// A key, and how many secrets it wraps.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct KeyView {
    key: String,
    state: KeyState,
    secrets: usize,
    file: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum KeyState {
    /// What is sealed now is sealed under it.
    Current,
    /// Secrets are sealed under it, and it is not here.
    Missing,
    /// It is here, for what was sealed before.
    Retired,
    /// It is here, and nothing is sealed under it.
    Unused,
}

impl KeyState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Current => "in use",
            Self::Missing => "missing: put it back as a retired key",
            Self::Retired => "retired",
            Self::Unused => "may be removed",
        }
    }
}

pub(super) async fn run(
    settings: &Settings,
    command: &SecretCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    if settings.server.is_some() {
        return Err(CommandError::Here("secret"));
    }
    let opened = Opened::open(settings).await?;
    match command {
        SecretCommand::List => {
            let secrets = secrets(opened.store.as_ref()).await?;
            let keys = keys(&opened, &secrets)?;
            output.print(&SecretsView { secrets, keys }, text)?;
            Ok(Exit::Done)
        }
        SecretCommand::Rotate { finish: true } => {
            rotate::finish(&opened, rotate::Key::InUse, output).await
        }
        SecretCommand::Rotate { finish: false } => {
            let key = rotate::begin(&opened).await?;
            rotate::finish(&opened, key, output).await
        }
    }
}

async fn secrets(store: &dyn Store) -> Result<Vec<SecretView>, CommandError> {
    let mut secrets: Vec<SecretView> = Vec::new();
    loop {
        let after = secrets.last().map(|last| last.id.clone());
        let page = store.sealed_secrets(Page::oldest(PAGE).after(after)).await;
        let page = page.map_err(InventoryError::Store)?;
        if page.is_empty() {
            return Ok(secrets);
        }
        secrets.extend(page.iter().map(|sealed| SecretView::from(&sealed.value)));
    }
}

/// Every key that is here or should be, the one in use first.
fn keys(opened: &Opened, secrets: &[SecretView]) -> Result<Vec<KeyView>, CommandError> {
    let mut wrapped: BTreeMap<&str, usize> = BTreeMap::new();
    for secret in secrets {
        *wrapped.entry(&secret.key).or_default() += 1;
    }
    let current = opened.keys.ring.key_id();
    let others = opened.keys.others()?;
    let mut keys = vec![KeyView {
        state: KeyState::Current,
        secrets: wrapped.remove(current.as_str()).unwrap_or(0),
        key: current,
        file: None,
    }];
    for (key, path) in others {
        let secrets = wrapped.remove(key.as_str()).unwrap_or(0);
        let state = match secrets {
            0 => KeyState::Unused,
            _ => KeyState::Retired,
        };
        keys.push(KeyView {
            key,
            state,
            secrets,
            file: path.map(|path| path.display().to_string()),
        });
    }
    keys.extend(wrapped.into_iter().map(|(key, secrets)| KeyView {
        key: key.to_owned(),
        state: KeyState::Missing,
        secrets,
        file: None,
    }));
    Ok(keys)
}

fn text(view: &SecretsView) -> String {
    let secret = |secret: &SecretView| {
        vec![
            secret.id.clone(),
            secret.purpose.to_owned(),
            secret.version.to_string(),
            secret.key.clone(),
            secret.created.clone(),
        ]
    };
    let secrets: Vec<_> = view.secrets.iter().map(secret).collect();
    let secrets = table(
        &["secret", "purpose", "version", "key", "created"],
        &secrets,
    );
    format!("{secrets}\n\n{}", keys_text(&view.keys))
}

fn keys_text(keys: &[KeyView]) -> String {
    let key = |key: &KeyView| {
        vec![
            key.key.clone(),
            key.secrets.to_string(),
            key.state.as_str().to_owned(),
            key.file.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = keys.iter().map(key).collect();
    table(&["key", "secrets", "state", "file"], &rows)
}

impl From<&Sealed> for SecretView {
    fn from(sealed: &Sealed) -> Self {
        Self {
            id: sealed.id().to_string(),
            purpose: sealed.purpose().as_str(),
            version: sealed.version(),
            key: sealed.key_id().to_owned(),
            sha256: sealed.sha256(),
            created: sealed.id().created().to_rfc3339_seconds(),
        }
    }
}
