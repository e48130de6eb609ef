//! `import plan`, `list`, `show`, `edit`, `apply`, `undo`, `credentials`.

use std::io::Read;
use std::path::Path;

use certlocker_import::credentials::{
    OpenStackFiles, Reading, aws, openstack_clouds, openstack_rc,
};
use certlocker_import::edit::Edit;
use certlocker_import::found::Discovery;
use certlocker_import::keys::{KeyFile, read_key};
use certlocker_import::rules::Rules;
use certlocker_import::source::{Defaults, Progress, Recording, discover};
use serde::Serialize;

use super::{CommandError, Desk, by_command};
use crate::cli::{CredentialKind, EditArguments, Exit, ImportCommand, PlanArguments};
use crate::config::Settings;
use crate::inventory::import_view::{LineView, PlanDetail, PlanView};
use crate::inventory::{Inventory, InventoryError};
use crate::output::{Output, table};

pub(super) async fn run(
    settings: &Settings,
    command: &ImportCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    if let ImportCommand::Credentials { file, kind, secure } = command {
        return credentials(file, *kind, secure.as_deref(), output);
    }
    let desk = Desk::open(settings).await?;
    let inventory = database(&desk)?;
    match command {
        ImportCommand::Plan(arguments) => {
            output.print(&plan(inventory, arguments).await?, changing)?;
        }
        ImportCommand::List => {
            output.print(&inventory.import_plans().await?, |plans| list(plans))?
        }
        ImportCommand::Show { plan, all } => {
            let text = if *all { whole } else { changing };
            output.print(&inventory.import_plan(plan).await?, text)?;
        }
        ImportCommand::Edit(arguments) => {
            output.print(&edit(inventory, arguments).await?, changing)?;
        }
        ImportCommand::Apply { plan } => {
            let hosts = inventory.apply_import(plan, &by_command()).await?;
            output.print(&Applied { hosts }, |applied| {
                format!("{} hosts made or changed", applied.hosts)
            })?;
        }
        ImportCommand::Undo { plan } => {
            output.print(&inventory.undo_import(plan, &by_command()).await?, changing)?;
        }
        ImportCommand::Credentials { .. } => {}
    }
    Ok(Exit::Done)
}

/// Plans are made where the database is, for now.
pub(super) fn database(desk: &Desk) -> Result<&Inventory, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory),
        Desk::Server(_) => Err(invalid(
            "this command works on the database: run it where that is, without --server".to_owned(),
        )),
    }
}

#[derive(Serialize)]
struct Applied {
    hosts: usize,
}

fn invalid(text: String) -> CommandError {
    InventoryError::Invalid(text).into()
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| invalid(format!("{}: {error}", path.display())))
}

async fn plan(
    inventory: &Inventory,
    arguments: &PlanArguments,
) -> Result<PlanDetail, CommandError> {
    let rules = rules(arguments)?;
    let keys = keys(arguments)?;
    let (source, discovery) = recorded(arguments).await?;
    let by = by_command();
    Ok(inventory
        .plan_import(source, discovery, &rules, &keys, &by)
        .await?)
}

fn rules(arguments: &PlanArguments) -> Result<Rules, CommandError> {
    let mut rules = Rules::default();
    for rule in &arguments.groups {
        rules
            .groups
            .push(rule.parse().map_err(|error| invalid(format!("{error}")))?);
    }
    for login in &arguments.logins {
        let expected = || invalid(format!("--login {login}: GROUP=USER was expected"));
        let (group, user) = login.split_once('=').ok_or_else(expected)?;
        rules.logins.insert(group.to_owned(), user.to_owned());
    }
    Ok(rules)
}

fn keys(arguments: &PlanArguments) -> Result<Vec<KeyFile>, CommandError> {
    let key = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let bytes = certlocker_core::Secret::new(read(path)?);
        read_key(&name, bytes.expose()).map_err(|error| invalid(format!("{name}: {error}")))
    };
    arguments.keys.iter().map(key).collect()
}

async fn recorded(arguments: &PlanArguments) -> Result<(String, Discovery), CommandError> {
    let defaults = Defaults {
        account: arguments.account.clone(),
        region: arguments.region.clone(),
    };
    let mut recording = Recording::default();
    let mut names = Vec::new();
    for path in &arguments.files {
        let added = recording.add(&read(path)?, &defaults);
        added.map_err(|error| invalid(format!("{}: {error}", path.display())))?;
        names.push(path.display().to_string());
    }
    let mut progress = Progress::default();
    let found = discover(&recording.into_source(), &mut progress, &|_| true).await;
    found.map_err(|error| invalid(error.to_string()))?;
    Ok((names.join(", "), progress.into_discovery()))
}

async fn edit(
    inventory: &Inventory,
    arguments: &EditArguments,
) -> Result<PlanDetail, CommandError> {
    let choice = &arguments.edit;
    let edit = if let Some(host) = &choice.same {
        Edit::Same(Box::new(inventory.host(host).await?))
    } else if let Some(name) = &choice.rename {
        Edit::Rename(name.clone())
    } else if let Some(user) = &choice.login {
        Edit::Login(user.clone())
    } else if let Some(groups) = &choice.groups {
        let groups = groups
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Edit::Regroup(groups.map(str::to_owned).collect())
    } else if choice.new {
        Edit::New
    } else if choice.no_key {
        Edit::Key(None)
    } else {
        Edit::Select(choice.select)
    };
    let by = by_command();
    Ok(inventory
        .edit_import(&arguments.plan, arguments.line, edit, &by)
        .await?)
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

fn credentials(
    file: &Path,
    kind: CredentialKind,
    secure: Option<&Path>,
    output: Output,
) -> Result<Exit, CommandError> {
    let bytes = certlocker_core::Secret::new(read(file)?);
    let secure = secure
        .map(read)
        .transpose()?
        .map(certlocker_core::Secret::new);
    let (view, usable) = match kind {
        CredentialKind::Aws => credentials_view(&aws(bytes.expose())),
        CredentialKind::Openrc => credentials_view(&openstack_rc(bytes.expose())),
        CredentialKind::Clouds => credentials_view(&openstack_clouds(OpenStackFiles {
            clouds: bytes.expose(),
            public: None,
            secure: secure.as_ref().map(certlocker_core::Secret::expose),
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

fn credentials_view<T>(reading: &Reading<T>) -> (CredentialsView, bool) {
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

fn list(plans: &[PlanView]) -> String {
    let row = |plan: &PlanView| {
        vec![
            plan.id.clone(),
            plan.created.clone(),
            plan.state.to_owned(),
            counts(plan),
            plan.source.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = plans.iter().map(row).collect();
    table(&["plan", "created", "state", "lines", "source"], &rows)
}

fn counts(plan: &PlanView) -> String {
    let counts = plan.counts;
    let all = [
        (counts.create, "create"),
        (counts.update, "update"),
        (counts.gone, "gone"),
        (counts.conflict, "conflict"),
        (counts.exists, "exist"),
        (counts.skip, "skip"),
    ];
    let some: Vec<String> = all
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    if some.is_empty() {
        "nothing".to_owned()
    } else {
        some.join(", ")
    }
}

/// Lines that would do something, or ask something.
fn changing(detail: &PlanDetail) -> String {
    text(detail, |line| !matches!(line.action, "exists" | "skip"))
}

fn whole(detail: &PlanDetail) -> String {
    text(detail, |_| true)
}

fn text(detail: &PlanDetail, is_shown: impl Fn(&LineView) -> bool) -> String {
    let plan = &detail.plan;
    let mut paragraphs = vec![format!(
        "plan {} ({}): {}",
        plan.id,
        plan.state,
        counts(plan)
    )];
    let shown: Vec<&LineView> = detail.lines.iter().filter(|line| is_shown(line)).collect();
    if !shown.is_empty() {
        let rows: Vec<Vec<String>> = shown.iter().map(|line| row(line)).collect();
        paragraphs.push(table(
            &[
                "line",
                "do",
                "action",
                "name",
                "groups",
                "login",
                "key",
                "what and why",
            ],
            &rows,
        ));
    }
    for rule in &detail.rules {
        let groups = rule
            .groups
            .iter()
            .map(|(name, count)| format!("{name}: {count}"));
        let groups: Vec<String> = groups.chain([format!("in none: {}", rule.none)]).collect();
        paragraphs.push(format!("rule {}\n  {}", rule.rule, groups.join(", ")));
    }
    paragraphs.extend(
        plan.failures
            .iter()
            .map(|failure| format!("not seen: {failure}")),
    );
    paragraphs.join("\n\n")
}

fn row(line: &LineView) -> Vec<String> {
    let changes = line.changes.iter().map(|change| {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "{}: {} -> {}",
            change.field,
            value(&change.before),
            value(&change.after)
        )
    });
    let what: Vec<String> = changes.chain([line.reason.clone()]).collect();
    vec![
        line.number.to_string(),
        if line.selected { "yes" } else { "no" }.to_owned(),
        line.action.to_owned(),
        line.name.clone(),
        line.groups.join(","),
        line.login
            .as_ref()
            .map(|login| login.0.clone())
            .unwrap_or_default(),
        line.key
            .as_ref()
            .map(|key| key.0.clone())
            .unwrap_or_default(),
        what.join("; "),
    ]
}
