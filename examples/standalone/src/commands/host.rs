//! `host list`, `host access`.

use super::import::database;
use super::{CommandError, Desk};
use crate::cli::{Exit, HostCommand};
use crate::inventory::import_view::{EntryView, HostAccessView, HostView};
use crate::output::{Output, facts, table};

pub(super) async fn run(
    desk: &Desk,
    command: &HostCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    let inventory = database(desk)?;
    match command {
        HostCommand::List => output.print(&inventory.hosts().await?, |hosts| list(hosts))?,
        HostCommand::Access { host, at } => {
            output.print(&inventory.host_access(host, at.as_deref()).await?, access)?;
        }
    }
    Ok(Exit::Done)
}

fn list(hosts: &[HostView]) -> String {
    let row = |host: &HostView| {
        vec![
            host.name.clone(),
            host.addresses.join(","),
            host.login.clone().unwrap_or_default(),
            host.groups.join(","),
            host.gone
                .clone()
                .map_or_else(|| "here".to_owned(), |at| format!("gone {at}")),
            host.cloud.clone().unwrap_or_default(),
            host.id.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = hosts.iter().map(row).collect();
    table(
        &[
            "name",
            "addresses",
            "login",
            "groups",
            "state",
            "cloud",
            "id",
        ],
        &rows,
    )
}

fn access(view: &HostAccessView) -> String {
    let row = |entry: &EntryView| {
        vec![
            entry.who.clone(),
            entry.login.clone().unwrap_or_default(),
            entry.key.clone(),
            entry
                .through
                .clone()
                .map_or_else(|| "directly".to_owned(), |group| format!("group {group}")),
            entry.origin.clone(),
            entry.since.clone(),
            entry.until.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = view.entries.iter().map(row).collect();
    let head = facts(&[
        ("host", format!("{} {}", view.name, view.host)),
        ("at", view.at.clone()),
        ("was", view.presence.to_owned()),
        ("groups", view.groups.join(", ")),
    ]);
    let entries = table(
        &[
            "who", "login", "key", "through", "made by", "since", "until",
        ],
        &rows,
    );
    format!("{head}\n\n{entries}")
}
