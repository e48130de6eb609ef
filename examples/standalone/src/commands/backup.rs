//! `backup` and `restore`: a copy that can be put back, and the drill that shows it.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use certlocker_acme::{Clock, LocalCa, SystemClock};
use certlocker_core::{CopyError, KeyFile, PostgresStore, Sequence};
use serde::{Deserialize, Serialize};

use super::CommandError;
use crate::assemble::{Opened, Opening};
use crate::cli::{BackupCommand, Exit, RestoreCommand};
use crate::config::{Database, KeySource, Settings};
use crate::home::Home;
use crate::keys::file_of;
use crate::output::{Output, facts};
use crate::serve::ca_settings;

/// What a copy contains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    created: String,
    database_sha256: String,
    version: String,
}

const DATABASE: &str = "certlocker.sqlite";
const KEY: &str = "master.key";
const OTHER_KEYS: &str = "master.key.d";
const MANIFEST: &str = "manifest.json";
const TOKEN: &str = "admin.token";

pub(super) async fn backup(
    settings: &Settings,
    command: &BackupCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    let home = Home::at(&settings.data_dir)?;
    let opened = Opened::open(settings).await?;
    let to = &command.to;
    fs::create_dir(to).map_err(|error| {
        failed(
            format!(
                "{} cannot be made; a backup goes into a new directory",
                to.display()
            ),
            error,
        )
    })?;
    let database = to.join(DATABASE);
    match &opened.database {
        Opening::Postgres(store) => store.backup(&database).await,
        Opening::Sqlite(store) => store.backup(&database).await.map_err(CopyError::from),
    }
    .map_err(|error| failed("the database was not copied", error))?;
    let keys = copy_keys(&opened, settings, to)?;
    copy(&home.admin_token_file(), &to.join(TOKEN))?;
    let manifest = Manifest {
        created: SystemClock::default().now().to_rfc3339_seconds(),
        database_sha256: digest(&database)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| failed("the manifest was not written", error))?;
    fs::write(to.join(MANIFEST), text)
        .map_err(|error| failed("the manifest was not written", error))?;
    output.print(&manifest, |manifest| {
        let shown = facts(&[("copied to", to.display().to_string()), ("database sha256", manifest.database_sha256.clone())]);
        let about = match keys {
            0 => "The copy does not have the key that opens its secrets: keep that elsewhere, with whatever provides it.",
            _ => "The copy has the key that opens every secret: keep it where the server's own directory could be kept.",
        };
        format!("{shown}\n\n{about}")
    })?;
    Ok(Exit::Done)
}

/// Copies the keys that are files, after the secrets that they wrap; how many.
fn copy_keys(opened: &Opened, settings: &Settings, to: &Path) -> Result<usize, CommandError> {
    let Some(current) = file_of(settings) else {
        return Ok(0);
    };
    let others = opened.keys.others()?;
    let others: Vec<PathBuf> = others.into_iter().filter_map(|(_, path)| path).collect();
    copy(current, &to.join(KEY))?;
    if !others.is_empty() {
        make_private(&to.join(OTHER_KEYS))?;
    }
    for path in &others {
        let name = path.file_name().unwrap_or_default();
        copy(path, &to.join(OTHER_KEYS).join(name))?;
    }
    Ok(1 + others.len())
}

/// Puts copied keys where the settings say.
fn put_keys(settings: &Settings, from: &Path) -> Result<(), CommandError> {
    let (Some(key), true) = (file_of(settings), from.join(KEY).exists()) else {
        return Ok(());
    };
    copy(&from.join(KEY), key)?;
    let (others, directory) = (from.join(OTHER_KEYS), KeyFile::at(key).directory());
    if !others.exists() {
        return Ok(());
    }
    make_private(&directory)?;
    let unreadable = |error| failed(format!("{} cannot be read", others.display()), error);
    for entry in fs::read_dir(&others).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        copy(&entry.path(), &directory.join(entry.file_name()))?;
    }
    Ok(())
}

fn make_private(directory: &Path) -> Result<(), CommandError> {
    let made = fs::DirBuilder::new().mode(0o700).create(directory);
    made.map_err(|error| failed(format!("{} cannot be made", directory.display()), error))
}

/// Whether there is a key already, or a file that is a database. One in PostgreSQL tells by itself.
fn is_occupied(settings: &Settings) -> bool {
    let database = match &settings.database {
        Database::Postgres(_) => None,
        Database::Sqlite(path) => Some(path.as_path()),
    };
    database
        .into_iter()
        .chain(file_of(settings))
        .any(Path::exists)
}

pub(super) async fn restore(
    settings: &Settings,
    command: &RestoreCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    let manifest = check(&command.from)?;
    if command.drill {
        let scratch =
            tempfile::tempdir().map_err(|error| failed("no room for the drill", error))?;
        let records = put(
            &within(settings, &scratch.path().join("data")),
            &command.from,
        )
        .await?;
        output.print(&manifest, |manifest| {
            format!(
                "The backup of {} can be restored: {records}.",
                manifest.created
            )
        })?;
        return Ok(Exit::Done);
    }
    let records = put(settings, &command.from).await?;
    output.print(&manifest, |manifest| {
        format!("Restored the backup of {}: {records}.", manifest.created)
    })?;
    Ok(Exit::Done)
}

/// The settings with everything in one directory.
fn within(settings: &Settings, directory: &Path) -> Settings {
    let mut settings = Settings {
        data_dir: directory.to_owned(),
        database: Database::Sqlite(directory.join(DATABASE)),
        ..settings.clone()
    };
    settings.master_key_file = directory.join(KEY);
    if let Some(KeySource::File { path, .. }) = &mut settings.master_key_from {
        path.clone_from(&settings.master_key_file);
    }
    settings
}

fn check(from: &Path) -> Result<Manifest, CommandError> {
    let path = from.join(MANIFEST);
    let text = fs::read(&path)
        .map_err(|error| failed(format!("{} cannot be read", path.display()), error))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| failed(format!("{} is not a manifest", path.display()), error))?;
    let seen = digest(&from.join(DATABASE))?;
    if seen != manifest.database_sha256 {
        let detail = format!(
            "the backup is damaged: its database has SHA-256 {seen}, and the manifest says {}",
            manifest.database_sha256
        );
        return Err(CommandError::Copy(detail, None));
    }
    Ok(manifest)
}

/// Puts a copy where the settings say and nothing is yet, and opens everything in it once.
async fn put(settings: &Settings, from: &Path) -> Result<String, CommandError> {
    let home = Home::prepare(&settings.data_dir)?;
    if is_occupied(settings) {
        let detail = format!(
            "{} has a database or a key already; restore into an empty data directory",
            settings.data_dir.display()
        );
        return Err(CommandError::Copy(detail, None));
    }
    match &settings.database {
        Database::Postgres(url) => fill(url, &from.join(DATABASE)).await?,
        Database::Sqlite(database) => copy(&from.join(DATABASE), database)?,
    }
    put_keys(settings, from)?;
    copy(&from.join(TOKEN), &home.admin_token_file())?;
    let opened = Opened::open(settings).await?;
    let now = SystemClock::default().now();
    let ca = LocalCa::open_or_create(
        opened.store.as_ref(),
        opened.secrets.as_ref(),
        ca_settings(settings),
        now,
    )
    .await;
    ca.map_err(|error| failed("the authority's key does not open", error))?;
    let mut count = Sequence::START;
    while let Some(last) = records_after(&opened, count).await? {
        count = last;
    }
    Ok(format!("{count} records read, the authority's key opens"))
}

/// Puts a copy into a PostgreSQL database in which nothing is yet.
async fn fill(url: &str, from: &Path) -> Result<(), CommandError> {
    let store = PostgresStore::open(url).await;
    let store = store.map_err(|error| failed("the database cannot be opened", error))?;
    let restored = store.restore(from).await;
    store.close().await;
    restored.map_err(|error| failed("the backup was not restored", error))?;
    Ok(())
}

async fn records_after(opened: &Opened, after: Sequence) -> Result<Option<Sequence>, CommandError> {
    let records = opened.store.records(None, after, 1_000).await;
    let records = records.map_err(|error| failed("the records do not read", error))?;
    Ok(records.last().map(|record| record.sequence))
}

fn digest(path: &Path) -> Result<String, CommandError> {
    let content = fs::read(path)
        .map_err(|error| failed(format!("{} cannot be read", path.display()), error))?;
    Ok(certlocker_acme::x509::sha256_hex(&content))
}

fn copy(from: &Path, to: &Path) -> Result<(), CommandError> {
    let copied = fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all());
    copied.map_err(|error| {
        failed(
            format!("{} was not copied to {}", from.display(), to.display()),
            error,
        )
    })
}

fn failed(
    what: impl Into<String>,
    error: impl std::error::Error + Send + Sync + 'static,
) -> CommandError {
    CommandError::Copy(what.into(), Some(Box::new(error)))
}
