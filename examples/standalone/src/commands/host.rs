//! `host list`, `access`, `grant`, `revoke`; `host export` and certificates of SSH in files of their own.

mod export;
#[cfg(feature = "ssh-ca")]
mod ssh_ca;

use super::{CommandError, Desk, by_command};
use crate::cli::{Exit, GrantArguments, HostCommand};
use crate::inventory::InventoryError;
use crate::inventory::host::{GrantRequest, GrantView};
use crate::inventory::import_view::{EntryView, HostAccessView, HostView};
use crate::output::{Output, facts, table};

pub(super) async fn run(
    desk: &Desk,
    command: &HostCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        HostCommand::List => output.print(&hosts(desk).await?, |hosts| list(hosts))?,
        HostCommand::Access { host, at } => {
            output.print(&access_of(desk, host, at.as_deref()).await?, access)?;
        }
        HostCommand::Grant(arguments) => {
            output.print(&grant(desk, arguments).await?, |granted| {
                format!(
                    "{} lets {} in with {}",
                    granted.id, granted.who, granted.key
                )
            })?;
        }
        HostCommand::Revoke { access } => {
            output.print(&revoke(desk, access).await?, |revoked| {
                format!("{} lets {} in no more", revoked.id, revoked.who)
            })?;
        }
        HostCommand::Export(arguments) => return export::run(desk, arguments, output).await,
        #[cfg(feature = "ssh-ca")]
        HostCommand::SshCa(command) => return ssh_ca::run(desk, command, output).await,
        #[cfg(feature = "ssh-ca")]
        HostCommand::SshCertificate(arguments) => {
            return ssh_ca::certificate(desk, arguments, output).await;
        }
    }
    Ok(Exit::Done)
}

async fn hosts(desk: &Desk) -> Result<Vec<HostView>, CommandError> {
    const PAGE: usize = 500;
    let mut hosts: Vec<HostView> = Vec::new();
    loop {
        let after = hosts.last().map(|last| last.id.clone());
        let page: Vec<HostView> = match desk {
            Desk::Database(inventory) => inventory.hosts_page(after, PAGE).await?,
            Desk::Server(server) => {
                let cursor = after.map(|after| format!("&cursor={after}"));
                let path = format!("/hosts?limit={PAGE}{}", cursor.unwrap_or_default());
                server.get(&path).await?
            }
        };
        if page.is_empty() {
            return Ok(hosts);
        }
        hosts.extend(page);
    }
}

async fn access_of(
    desk: &Desk,
    host: &str,
    at: Option<&str>,
) -> Result<HostAccessView, CommandError> {
    Ok(match desk {
        Desk::Database(inventory) => inventory.host_access(host, at).await?,
        Desk::Server(server) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(at.map(|at| ("at", at)));
            let path = format!("/hosts/{}/access?{}", segment(host), query.finish());
            server.get(&path).await?
        }
    })
}

/// A name as a part of a path.
fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

async fn grant(desk: &Desk, arguments: &GrantArguments) -> Result<GrantView, CommandError> {
    let key = std::fs::read_to_string(&arguments.key).map_err(|error| {
        let file = arguments.key.display();
        InventoryError::Invalid(format!("{file}: {error}"))
    })?;
    let request = GrantRequest {
        expires: arguments.expires.clone(),
        key: key.trim().to_owned(),
        login: arguments.login.clone(),
        who: arguments.who.clone(),
    };
    let host = &arguments.host;
    Ok(match desk {
        Desk::Database(inventory) => {
            inventory
                .grant_access(host, &request, &by_command())
                .await?
        }
        Desk::Server(server) => {
            let path = format!("/hosts/{}/access", segment(host));
            server.post(&path, &request).await?
        }
    })
}

async fn revoke(desk: &Desk, access: &str) -> Result<GrantView, CommandError> {
    Ok(match desk {
        Desk::Database(inventory) => inventory.revoke_access(access, &by_command()).await?,
        Desk::Server(server) => {
            let path = format!("/access/{}/revoke", segment(access));
            server.post(&path, &()).await?
        }
    })
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
            entry.id.clone(),
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
        ("was", view.presence.clone()),
        ("groups", view.groups.join(", ")),
    ]);
    let entries = table(
        &[
            "entry", "who", "login", "key", "through", "made by", "since", "until",
        ],
        &rows,
    );
    format!("{head}\n\n{entries}")
}
