//! `import plan`, `list`, `show`, `edit`, `apply`, `undo`, `credential`, `credentials`.

mod credential;
mod plan;
mod text;

use std::io::Read;
use std::path::Path;

use certlocker_core::Secret;

use super::{CommandError, Desk, by_command};
use crate::cli::{EditArguments, EditChoice, Exit, ImportCommand};
use crate::config::Settings;
use crate::inventory::InventoryError;
use crate::inventory::import::{AppliedView, EditRequest, SecretText};
use crate::inventory::import_view::{LineView, PlanDetail, PlanView};
use crate::output::Output;

pub(super) async fn run(
    settings: &Settings,
    command: &ImportCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    if let ImportCommand::Credentials { file, kind, secure } = command {
        return credential::look(file, *kind, secure.as_deref(), output);
    }
    let desk = Desk::open(settings).await?;
    match command {
        ImportCommand::Plan(arguments) => {
            output.print(&plan::make(&desk, arguments).await?, text::changing)?;
        }
        ImportCommand::List => output.print(&list(&desk).await?, |plans| text::list(plans))?,
        ImportCommand::Show { plan, all } => {
            let text = if *all { text::whole } else { text::changing };
            output.print(&show(&desk, plan).await?, text)?;
        }
        ImportCommand::Edit(arguments) => {
            output.print(&edit(&desk, arguments).await?, text::line)?;
        }
        ImportCommand::Apply { plan } => {
            output.print(&apply(&desk, plan).await?, |applied| {
                format!("{} hosts made or changed", applied.hosts)
            })?;
        }
        ImportCommand::Undo { plan } => {
            output.print(&undo(&desk, plan).await?, text::changing)?;
        }
        ImportCommand::Credential(command) => credential::run(&desk, command, output).await?,
        ImportCommand::Credentials { .. } => {}
    }
    Ok(Exit::Done)
}

fn invalid(text: String) -> CommandError {
    InventoryError::Invalid(text).into()
}

/// The bytes of a file, or of standard input if it is `-`; they may be secret.
fn read(path: &Path) -> Result<Secret, CommandError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let unreadable = |error| invalid(format!("{}: {error}", path.display()));
    read.map(Secret::new).map_err(unreadable)
}

/// What does not read as UTF-8 cannot be sent: PowerShell writes such files.
fn read_text(path: &Path) -> Result<SecretText, CommandError> {
    let bytes = read(path)?;
    let text = String::from_utf8(bytes.expose().to_vec());
    let text = text.map_err(|_| {
        let detail = "this is no text in UTF-8: save it as such, and try again";
        invalid(format!("{}: {detail}", path.display()))
    });
    text.map(SecretText::new)
}

async fn list(desk: &Desk) -> Result<Vec<PlanView>, CommandError> {
    Ok(match desk {
        Desk::Database(inventory) => inventory.import_plans().await?,
        Desk::Server(server) => server.get("/imports/plans").await?,
    })
}

async fn show(desk: &Desk, plan: &str) -> Result<PlanDetail, CommandError> {
    let server = match desk {
        Desk::Database(inventory) => return Ok(inventory.import_plan(plan).await?),
        Desk::Server(server) => server,
    };
    let heading: PlanView = server.get(&format!("/imports/plans/{plan}")).await?;
    let mut lines: Vec<LineView> = Vec::new();
    loop {
        let after = lines.last().map_or(0, |line| line.number);
        let page = format!("/imports/plans/{plan}/lines?limit=500&cursor={after}");
        let page: Vec<LineView> = server.get(&page).await?;
        if page.is_empty() {
            return Ok(PlanDetail::new(heading, lines));
        }
        lines.extend(page);
    }
}

async fn edit(desk: &Desk, arguments: &EditArguments) -> Result<LineView, CommandError> {
    let (plan, line) = (&arguments.plan, arguments.line);
    let request = request(&arguments.edit);
    Ok(match desk {
        Desk::Database(inventory) => {
            let by = by_command();
            inventory.edit_import(plan, line, &request, &by).await?
        }
        Desk::Server(server) => {
            let path = format!("/imports/plans/{plan}/lines/{line}");
            server.post(&path, &request).await?
        }
    })
}

fn request(choice: &EditChoice) -> EditRequest {
    if let Some(host) = &choice.same {
        EditRequest::Same(host.clone())
    } else if let Some(name) = &choice.rename {
        EditRequest::Name(name.clone())
    } else if let Some(user) = &choice.login {
        EditRequest::Login(user.clone())
    } else if let Some(groups) = &choice.groups {
        let names = groups.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        EditRequest::Groups(names.map(str::to_owned).collect())
    } else if let Some(key) = &choice.key {
        EditRequest::Key(Some(key.clone()))
    } else if choice.new {
        EditRequest::New
    } else if choice.no_key {
        EditRequest::Key(None)
    } else {
        EditRequest::Selected(choice.select)
    }
}

async fn apply(desk: &Desk, plan: &str) -> Result<AppliedView, CommandError> {
    Ok(match desk {
        Desk::Database(inventory) => inventory.apply_import(plan, &by_command()).await?,
        Desk::Server(server) => {
            let path = format!("/imports/plans/{plan}/apply");
            server.post(&path, &()).await?
        }
    })
}

async fn undo(desk: &Desk, plan: &str) -> Result<PlanDetail, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.undo_import(plan, &by_command()).await?),
        Desk::Server(server) => {
            let path = format!("/imports/plans/{plan}/undo");
            let made: PlanView = server.post(&path, &()).await?;
            show(desk, &made.id).await
        }
    }
}
