//! `person add`, `list`, `disable`, `reset`.

use super::{CommandError, Desk, by_command};
use crate::cli::{Exit, PersonCommand};
use crate::inventory::{IssuedPerson, NewPersonRequest, PersonView};
use crate::output::{Output, facts, table};

const LISTED: usize = 500;

pub(super) async fn run(
    desk: &Desk,
    command: &PersonCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        PersonCommand::Add { name, role } => {
            output.print(&add(desk, name, role).await?, issued_text)?
        }
        PersonCommand::List => output.print(&list(desk).await?, |people| list_text(people))?,
        PersonCommand::Disable { person } => {
            output.print(&disable(desk, person).await?, person_text)?
        }
        PersonCommand::Reset { person } => {
            output.print(&reset(desk, person).await?, issued_text)?
        }
    }
    Ok(Exit::Done)
}

async fn add(desk: &Desk, name: &str, roles: &[String]) -> Result<IssuedPerson, CommandError> {
    let request = NewPersonRequest {
        name: name.to_owned(),
        roles: roles.to_vec(),
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory.add_person(&request, &by_command()).await?),
        Desk::Server(server) => Ok(server.post("/people", &request).await?),
    }
}

async fn list(desk: &Desk) -> Result<Vec<PersonView>, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.people(None, LISTED).await?),
        Desk::Server(server) => Ok(server.get(&format!("/people?limit={LISTED}")).await?),
    }
}

async fn disable(desk: &Desk, person: &str) -> Result<PersonView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.disable_person(person, &by_command()).await?),
        Desk::Server(server) => Ok(server
            .post(&format!("/people/{person}/disable"), &())
            .await?),
    }
}

async fn reset(desk: &Desk, person: &str) -> Result<IssuedPerson, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.reset_person(person, &by_command()).await?),
        Desk::Server(server) => Ok(server.post(&format!("/people/{person}/reset"), &()).await?),
    }
}

fn issued_text(person: &IssuedPerson) -> String {
    let shown = facts(&[
        ("password", person.password.clone()),
        ("code url", person.code_url.clone()),
    ]);
    format!(
        "{}\n\n{shown}\n\nNeither is shown again. The URL is for an app that shows codes: give it as it is, or as a QR code.",
        person_text(&person.view)
    )
}

fn person_text(person: &PersonView) -> String {
    facts(&[
        ("name", person.name.clone()),
        ("id", person.id.clone()),
        ("roles", person.roles.join(", ")),
        ("created", person.created.clone()),
        ("disabled", person.disabled.clone().unwrap_or_default()),
    ])
}

fn list_text(people: &[PersonView]) -> String {
    let row = |person: &PersonView| {
        let disabled = person.disabled.as_ref();
        vec![
            person.name.clone(),
            person.id.clone(),
            person.roles.join(", "),
            disabled.map_or_else(|| "active".to_owned(), |at| format!("disabled {at}")),
        ]
    };
    table(
        &["name", "person", "roles", "state"],
        &people.iter().map(row).collect::<Vec<_>>(),
    )
}
