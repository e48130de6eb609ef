//! `import credential add`, `list`, `remove`; and `import credentials`, which keeps nothing.

use std::path::Path;

use certlocker_core::Secret;
use certlocker_import::credentials::{
    OpenStackFiles, Reading, aws, openstack_clouds, openstack_rc,
};
use serde::Serialize;

use super::super::{CommandError, Desk, by_command};
use super::{read, read_text};
use crate::cli::{CredentialCommand, CredentialKind, Exit, NewCredentialArguments};
use crate::inventory::import::{CredentialView, NewCredentialRequest, SecretText};
use crate::output::{Output, facts, table};

pub(super) async fn run(
    desk: &Desk,
    command: &CredentialCommand,
    output: Output,
) -> Result<(), CommandError> {
    match command {
        CredentialCommand::Add(arguments) => output.print(&add(desk, arguments).await?, shown)?,
        CredentialCommand::List => output.print(&list(desk).await?, |kept| listed(kept))?,
        CredentialCommand::Remove { name } => {
            output.print(&remove(desk, name).await?, |removed| {
                format!("{} was removed", removed.name)
            })?;
        }
    }
    Ok(())
}

async fn add(
    desk: &Desk,
    arguments: &NewCredentialArguments,
) -> Result<CredentialView, CommandError> {
    let text = match &arguments.file {
        Some(file) => read_text(file)?,
        None => SecretText::default(),
    };
    let request = NewCredentialRequest {
        identity: arguments.identity.clone(),
        kind: arguments.kind.as_str().to_owned(),
        name: arguments.name.clone(),
        secure: arguments.secure.as_deref().map(read_text).transpose()?,
        text,
    };
    Ok(match desk {
        Desk::Database(inventory) => inventory.keep_credential(&request, &by_command()).await?,
        Desk::Server(server) => server.post("/imports/credentials", &request).await?,
    })
}

async fn list(desk: &Desk) -> Result<Vec<CredentialView>, CommandError> {
    Ok(match desk {
        Desk::Database(inventory) => inventory.kept_credentials().await?,
        Desk::Server(server) => server.get("/imports/credentials").await?,
    })
}

async fn remove(desk: &Desk, name: &str) -> Result<CredentialView, CommandError> {
    Ok(match desk {
        Desk::Database(inventory) => inventory.remove_credential(name, &by_command()).await?,
        Desk::Server(server) => {
            let path = format!("/imports/credentials/{name}/remove");
            server.post(&path, &()).await?
        }
    })
}

fn shown(credential: &CredentialView) -> String {
    let mut rows = vec![
        ("name", credential.name.clone()),
        ("kind", credential.kind.clone()),
        ("id", credential.id.clone()),
    ];
    rows.extend(credential.identity.clone().map(|name| ("identity", name)));
    rows.extend(credential.public.clone().map(|key| ("public key", key)));
    let paragraphs = [facts(&rows)]
        .into_iter()
        .chain([credential.fingerprints.join("\n")])
        .chain([credential.notes.join("\n")]);
    let paragraphs: Vec<String> = paragraphs.filter(|text| !text.is_empty()).collect();
    paragraphs.join("\n\n")
}

fn listed(kept: &[CredentialView]) -> String {
    let row = |credential: &CredentialView| {
        vec![
            credential.name.clone(),
            credential.kind.clone(),
            credential.identity.clone().unwrap_or_default(),
            credential.created.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = kept.iter().map(row).collect();
    table(&["name", "kind", "identity", "added"], &rows)
}

/// What a file of credentials holds, without what is secret.
#[derive(Serialize)]
struct CredentialsView {
    found: Vec<FoundView>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct FoundView {
    line: usize,
    name: String,
    read_as: &'static str,
}

/// `import credentials`: says what a file holds, and keeps nothing.
pub(super) fn look(
    file: &Path,
    kind: CredentialKind,
    secure: Option<&Path>,
    output: Output,
) -> Result<Exit, CommandError> {
    let bytes = read(file)?;
    let secure = secure.map(read).transpose()?;
    let (view, usable) = match kind {
        CredentialKind::Aws => view(&aws(bytes.expose())),
        CredentialKind::Openrc => view(&openstack_rc(bytes.expose())),
        CredentialKind::Clouds => view(&openstack_clouds(OpenStackFiles {
            clouds: bytes.expose(),
            public: None,
            secure: secure.as_ref().map(Secret::expose),
        })),
    };
    output.print(&view, |view| {
        let row = |found: &FoundView| {
            vec![
                found.line.to_string(),
                found.name.clone(),
                found.read_as.to_owned(),
            ]
        };
        let rows: Vec<Vec<String>> = view.found.iter().map(row).collect();
        format!(
            "{}\n\n{}",
            table(&["line", "name", "read as"], &rows),
            view.notes.join("\n")
        )
    })?;
    Ok(if usable { Exit::Done } else { Exit::No })
}

fn view<T>(reading: &Reading<T>) -> (CredentialsView, bool) {
    let found = reading.found.iter().map(|found| FoundView {
        line: found.line,
        name: found.name.clone(),
        read_as: found.read_as,
    });
    let view = CredentialsView {
        found: found.collect(),
        notes: reading.notes.iter().map(ToString::to_string).collect(),
    };
    (view, !reading.found.is_empty() && !reading.has_problems())
}
