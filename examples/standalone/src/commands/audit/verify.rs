//! `audit verify`: the log's files, and the database against them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certlocker_audit::checkpoint::SignedCheckpoint;
use certlocker_audit::files::{Disk, Source};
use certlocker_audit::note::{Note, VerifierKey};
use certlocker_audit::policy::Policy;
use certlocker_audit::prune::recorded;
use certlocker_audit::tile::CHECKPOINT;
use certlocker_audit::verify::{Known, Report, verify_store, verify_tiles};
use certlocker_core::{Sequence, StoreError};
use serde::Serialize;
use tokio::runtime::Handle;

use super::super::{CommandError, Remote, RemoteError};
use crate::assemble::Opened;
use crate::audit::{AuditError, AuditHome, WITNESSED, read, verifier};
use crate::cli::{Exit, VerifyArguments};
use crate::config::Settings;
use crate::home::Home;
use crate::inventory::InventoryError;
use crate::output::Output;

/// What was found, as it is printed.
#[derive(Serialize)]
struct View {
    ok: bool,
    log: String,
    size: Option<u64>,
    root: Option<String>,
    looked_at: u64,
    first: Option<u64>,
    pruned_by: Option<u64>,
    findings: Vec<FindingView>,
    more: u64,
}

#[derive(Serialize)]
struct FindingView {
    kind: &'static str,
    index: Option<u64>,
    place: String,
    expected: String,
    seen: String,
    sentence: String,
}

pub(super) async fn run(
    settings: &Settings,
    arguments: &VerifyArguments,
    output: Output,
) -> Result<Exit, CommandError> {
    let key = key(settings, arguments)?;
    let mut known = Known::anchors(anchors(&arguments.anchor, &key)?);
    known.minimum = arguments.minimum;
    let source = source(settings, arguments)?;
    let opened = match settings.server.is_none() && arguments.tiles.is_none() {
        true => Some(Opened::open(settings).await?),
        false => None,
    };
    let pruned = pruned(opened.as_ref()).await?;
    known.minimum = known.minimum.max(pruned.map_or(0, |(minimum, _)| minimum));
    let files = Arc::clone(&source);
    let (of_files, with) = (known.clone(), key.clone());
    let work = tokio::task::spawn_blocking(move || verify_tiles(files.as_ref(), &with, &of_files));
    let mut report = work.await.map_err(io::Error::other)?;
    if let Some(opened) = &opened {
        report.merge(store(opened, source.as_ref(), &key, &known).await?);
    }
    let witnessed = policy(arguments, source.as_ref())?;
    let view = View::of(&report, &key, witnessed, pruned);
    output.print(&view, text)?;
    Ok(if view.ok { Exit::Done } else { Exit::No })
}

fn key(settings: &Settings, arguments: &VerifyArguments) -> Result<VerifierKey, CommandError> {
    let Some(given) = &arguments.key else {
        let home = Home::at(&settings.data_dir)?;
        return Ok(AuditHome::of(&home).verifier()?);
    };
    match given.parse() {
        Ok(key) => Ok(key),
        Err(_) => Ok(verifier(&read(&PathBuf::from(given))?)?),
    }
}

fn anchors(files: &[PathBuf], key: &VerifierKey) -> Result<Vec<SignedCheckpoint>, CommandError> {
    let open = |path: &PathBuf| {
        let opened = SignedCheckpoint::open(read(path)?.as_bytes(), key);
        opened.map_err(|error| AuditError::Invalid {
            what: format!("the anchor {}", path.display()),
            why: error.to_string(),
        })
    };
    Ok(files.iter().map(open).collect::<Result<_, _>>()?)
}

fn source(
    settings: &Settings,
    arguments: &VerifyArguments,
) -> Result<Arc<dyn Source>, CommandError> {
    if let Some(directory) = &arguments.tiles {
        return Ok(Arc::new(Disk::at(directory)));
    }
    if let Some(server) = &settings.server {
        let server = Remote::new(server, settings)?;
        let runtime = Handle::current();
        return Ok(Arc::new(OverHttp { runtime, server }));
    }
    let home = Home::at(&settings.data_dir)?;
    Ok(Arc::new(AuditHome::of(&home).files().clone()))
}

/// What the database says to have been removed, and by which record.
async fn pruned(opened: Option<&Opened>) -> Result<Option<(u64, Sequence)>, CommandError> {
    let Some(opened) = opened else {
        return Ok(None);
    };
    let recorded = recorded(opened.store.as_ref()).await;
    Ok(recorded.map_err(InventoryError::from)?)
}

async fn store(
    opened: &Opened,
    source: &dyn Source,
    key: &VerifierKey,
    known: &Known,
) -> Result<Report, CommandError> {
    let store = opened.store.as_ref();
    let report = verify_store(store, store, source, key, known).await;
    Ok(report.map_err(|error: StoreError| InventoryError::from(error))?)
}

/// What a policy of witnesses has against the checkpoint, if there is one.
fn policy(
    arguments: &VerifyArguments,
    source: &dyn Source,
) -> Result<Option<String>, CommandError> {
    let Some(path) = &arguments.policy else {
        return Ok(None);
    };
    let policy: Policy = read(path)?.parse().map_err(|error| invalid(path, &error))?;
    let newest = |path: &str| source.read(path);
    let cosigned = || newest(WITNESSED).or_else(|_| newest(CHECKPOINT));
    let Ok(bytes) = tokio::task::block_in_place(cosigned) else {
        return Ok(None);
    };
    let note = Note::parse(&bytes).map_err(|error| error.to_string());
    let verified = note.and_then(|note| policy.verify(&note).map_err(|error| error.to_string()));
    Ok(verified.err())
}

fn invalid(path: &Path, error: &dyn std::error::Error) -> AuditError {
    AuditError::Invalid {
        what: path.display().to_string(),
        why: error.to_string(),
    }
}

/// The log's files, from a running server; not to be read where nothing may block.
struct OverHttp {
    runtime: Handle,
    server: Remote,
}

impl Source for OverHttp {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = format!("/audit/{path}");
        let answer = self.runtime.block_on(self.server.file(&path));
        answer.map_err(|error| match error {
            RemoteError::Refused { status: 404, .. } => io::ErrorKind::NotFound.into(),
            error => io::Error::other(error),
        })
    }
}

impl View {
    fn of(
        report: &Report,
        key: &VerifierKey,
        witnessed: Option<String>,
        pruned: Option<(u64, Sequence)>,
    ) -> Self {
        let finding = |finding: &certlocker_audit::verify::Finding| FindingView {
            kind: finding.kind.as_str(),
            index: finding.index,
            place: finding.place.clone(),
            expected: finding.expected.clone(),
            seen: finding.seen.clone(),
            sentence: finding.to_string(),
        };
        let witnesses = witnessed.map(|seen| FindingView {
            kind: "witnesses",
            index: None,
            place: CHECKPOINT.to_owned(),
            expected: "the cosignatures that the policy asks for".to_owned(),
            sentence: format!("witnesses: {seen}"),
            seen,
        });
        let findings = report.findings.iter().map(finding).chain(witnesses);
        let findings: Vec<_> = findings.collect();
        Self {
            ok: findings.is_empty(),
            log: key.to_string(),
            size: report.size,
            root: report.root.map(|root| root.to_string()),
            looked_at: report.looked_at,
            first: report.first,
            pruned_by: pruned.map(|(_, record)| record.get()),
            findings,
            more: report.more,
        }
    }
}

fn text(view: &View) -> String {
    let size = view.size.unwrap_or(0);
    let root = view.root.as_deref().unwrap_or("none");
    if view.ok {
        let ahead = match view.looked_at.saturating_sub(size) {
            0 => String::new(),
            count => format!(" {count} records of the database are not in it yet."),
        };
        let log = &view.log;
        let gone = removed(view);
        return format!(
            "The log {log} is as it was signed: {size} entries under the root {root}.{ahead}{gone}"
        );
    }
    let sentences: Vec<_> = view
        .findings
        .iter()
        .map(|one| one.sentence.clone())
        .collect();
    let more = if view.more > 0 {
        format!("\nand {} more", view.more)
    } else {
        String::new()
    };
    format!(
        "The log {} is not as it was signed.\n\n{}{more}",
        view.log,
        sentences.join("\n")
    )
}

/// From which entry on there was anything to be looked at.
fn removed(view: &View) -> String {
    let Some(first) = view.first.filter(|first| *first > 0) else {
        return String::new();
    };
    let by = view
        .pruned_by
        .map(|record| format!(", as record {record} says"));
    let by = by.unwrap_or_default();
    format!(" Entries below {first} were removed{by}; those from {first} on were looked at.")
}
