//! `client create`, `list`, `show`, `disable`.

use super::{CommandError, Desk, by_command};
use crate::cli::{ClientCommand, Exit, NewClientArguments};
use crate::inventory::NewClientRequest;
use crate::inventory::view::{ClientView, CreatedClient};
use crate::output::{Output, facts, table};

const LISTED: usize = 500;

pub(super) async fn run(
    desk: &Desk,
    command: &ClientCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        ClientCommand::Create(arguments) => {
            output.print(&create(desk, arguments).await?, created_text)?
        }
        ClientCommand::List => output.print(&list(desk).await?, |clients| list_text(clients))?,
        ClientCommand::Show { client } => output.print(&show(desk, client).await?, client_text)?,
        ClientCommand::Disable { client } => {
            output.print(&disable(desk, client).await?, client_text)?
        }
    }
    Ok(Exit::Done)
}

async fn create(
    desk: &Desk,
    arguments: &NewClientArguments,
) -> Result<CreatedClient, CommandError> {
    let request = NewClientRequest {
        name: arguments.name.clone(),
        allow: arguments.allow.clone(),
        challenges: arguments.challenge.clone(),
        expires: arguments.expires.clone(),
        orders_per_day: arguments.orders_per_day,
        profiles: arguments.profile.clone(),
        quirks: arguments.quirk.clone(),
        reuse_proofs: arguments.reuse_proofs,
        single_use: arguments.single_use,
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory.create_client(&request, &by_command()).await?),
        Desk::Server(server) => Ok(server.post("/clients", &request).await?),
    }
}

async fn list(desk: &Desk) -> Result<Vec<ClientView>, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.clients(None, LISTED).await?),
        Desk::Server(server) => Ok(server.get(&format!("/clients?limit={LISTED}")).await?),
    }
}

async fn show(desk: &Desk, client: &str) -> Result<ClientView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.client(client).await?),
        Desk::Server(server) => Ok(server.get(&format!("/clients/{client}")).await?),
    }
}

async fn disable(desk: &Desk, client: &str) -> Result<ClientView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.disable_client(client, &by_command()).await?),
        Desk::Server(server) => Ok(server
            .post(&format!("/clients/{client}/disable"), &())
            .await?),
    }
}

fn created_text(client: &CreatedClient) -> String {
    let shown = facts(&[
        ("name", client.name.clone()),
        ("directory", client.directory.clone()),
        ("kid", client.kid.clone()),
        ("hmac key", client.hmac_key.clone()),
    ]);
    format!("{shown}\n\nThe key is not shown again.")
}

fn client_text(client: &ClientView) -> String {
    facts(&[
        ("name", client.name.clone()),
        ("kid", client.id.clone()),
        ("may order", client.allow.join(", ")),
        ("challenges", client.challenges.join(", ")),
        ("profiles", client.profiles.join(", ")),
        (
            "orders a day",
            client
                .orders_per_day
                .map(|most| most.to_string())
                .unwrap_or_default(),
        ),
        (
            "accounts",
            if client.single_use {
                "one"
            } else {
                "any number"
            }
            .to_owned(),
        ),
        ("created", client.created.clone()),
        ("expires", client.expires.clone().unwrap_or_default()),
        ("disabled", client.disabled.clone().unwrap_or_default()),
    ])
}

fn list_text(clients: &[ClientView]) -> String {
    let state = |client: &ClientView| match (&client.disabled, &client.expires) {
        (Some(at), _) => format!("disabled {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "active".to_owned(),
    };
    let row = |client: &ClientView| {
        vec![
            client.name.clone(),
            client.id.clone(),
            client.allow.join(", "),
            state(client),
        ]
    };
    table(
        &["name", "kid", "may order", "state"],
        &clients.iter().map(row).collect::<Vec<_>>(),
    )
}
