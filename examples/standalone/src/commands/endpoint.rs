//! `endpoint add`, `derive`, `list`, `show`, `remove`.

use super::{CommandError, Desk, by_command};
use crate::cli::{EndpointCommand, Exit, NewEndpointArguments};
use crate::inventory::{
    ApplyEndpointPlan, EndpointPlan, EndpointPlanLine, EndpointView, InventoryError,
    NewEndpointRequest, PlaceView,
};
use crate::output::{Output, facts, table};

pub(super) async fn run(
    desk: &Desk,
    command: &EndpointCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        EndpointCommand::Add(arguments) => output.print(&add(desk, arguments).await?, text)?,
        EndpointCommand::Derive { apply } => {
            output.print(&derive(desk, apply.as_deref()).await?, plan_text)?
        }
        EndpointCommand::List { limit } => {
            output.print(&list(desk, *limit).await?, |found| list_text(found))?
        }
        EndpointCommand::Show { endpoint } => output.print(&find(desk, endpoint).await?, text)?,
        EndpointCommand::Remove { endpoint } => {
            let id = find(desk, endpoint).await?.id;
            output.print(&remove(desk, &id).await?, text)?
        }
    }
    Ok(Exit::Done)
}

async fn add(desk: &Desk, arguments: &NewEndpointArguments) -> Result<EndpointView, CommandError> {
    let request = NewEndpointRequest {
        target: arguments.target.clone(),
        connect_to: arguments.connect_to.clone(),
        disk: arguments.disk.clone(),
        expect: arguments.expect.clone(),
        grace: arguments.grace,
        interval: arguments.interval,
        name: arguments.name.clone(),
        protocol: arguments.protocol.clone(),
        without_name: arguments.without_name,
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory.add_endpoint(&request, &by_command()).await?),
        Desk::Server(server) => Ok(server.post("/endpoints", &request).await?),
    }
}

async fn derive(desk: &Desk, apply: Option<&str>) -> Result<EndpointPlan, CommandError> {
    let request = apply.map(|fingerprint| ApplyEndpointPlan {
        fingerprint: fingerprint.to_owned(),
    });
    match (desk, request) {
        (Desk::Database(inventory), None) => Ok(inventory.endpoint_plan().await?),
        (Desk::Database(inventory), Some(request)) => {
            let by = by_command();
            Ok(inventory.apply_endpoint_plan(&request, &by).await?)
        }
        (Desk::Server(server), None) => Ok(server.get("/endpoint-plan").await?),
        (Desk::Server(server), Some(request)) => {
            Ok(server.post("/endpoint-plan", &request).await?)
        }
    }
}

fn plan_text(plan: &EndpointPlan) -> String {
    let row = |line: &EndpointPlanLine| {
        vec![
            line.place.clone(),
            line.expected.join(", "),
            line.host.clone().unwrap_or_default(),
        ]
    };
    let lines = table(
        &["endpoint", "expected", "host"],
        &plan.lines.iter().map(row).collect::<Vec<_>>(),
    );
    format!("{lines}\nfingerprint {}", plan.fingerprint)
}

async fn list(desk: &Desk, limit: usize) -> Result<Vec<EndpointView>, CommandError> {
    page(desk, None, limit).await
}

async fn page(
    desk: &Desk,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<EndpointView>, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.endpoints(after, limit).await?),
        Desk::Server(server) => {
            let cursor = after.map_or_else(String::new, |after| format!("&cursor={after}"));
            let path = format!("/endpoints?limit={limit}{cursor}");
            Ok(server.get(&path).await?)
        }
    }
}

const AT_ONCE: usize = 500;

/// Every endpoint.
pub(super) async fn all(desk: &Desk) -> Result<Vec<EndpointView>, CommandError> {
    let mut all: Vec<EndpointView> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id.clone());
        let part = page(desk, after, AT_ONCE).await?;
        if part.is_empty() {
            return Ok(all);
        }
        all.extend(part);
    }
}

/// An endpoint by its id, or by its host and port if there is one there.
pub(super) async fn find(desk: &Desk, text: &str) -> Result<EndpointView, CommandError> {
    let is_id = text.parse::<certlocker_core::EndpointId>().is_ok();
    if is_id {
        return match desk {
            Desk::Database(inventory) => Ok(inventory.endpoint(text).await?),
            Desk::Server(server) => Ok(server.get(&format!("/endpoints/{text}")).await?),
        };
    }
    let all = all(desk).await?;
    let mut found = all.into_iter().filter(|one| one.name == text);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(InventoryError::NotFound(format!("endpoint {text}")).into()),
        (Some(_), Some(_)) => {
            let detail = format!("there are several endpoints at {text}: name one by its id");
            Err(InventoryError::Invalid(detail).into())
        }
    }
}

async fn remove(desk: &Desk, id: &str) -> Result<EndpointView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.remove_endpoint(id, &by_command()).await?),
        Desk::Server(server) => Ok(server.post(&format!("/endpoints/{id}/remove"), &()).await?),
    }
}

/// What is the same of all places, or the worst of them.
pub(super) fn standing(endpoint: &EndpointView) -> String {
    let rank = |place: &&PlaceView| match place.level.as_str() {
        "failure" => 3,
        "warning" => 2,
        "notice" => 1,
        _ => 0,
    };
    let worst = endpoint.places.iter().max_by_key(rank);
    worst.map_or_else(|| "not looked at".to_owned(), |worst| worst.verdict.clone())
}

fn list_text(endpoints: &[EndpointView]) -> String {
    let row = |one: &EndpointView| {
        vec![
            one.name.clone(),
            one.protocol.clone(),
            standing(one),
            one.expected.join(", "),
            one.id.clone(),
        ]
    };
    table(
        &["endpoint", "protocol", "verdict", "expected", "id"],
        &endpoints.iter().map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn text(one: &EndpointView) -> String {
    let rotation = one.rotation.as_ref();
    let glimpse = |at: Option<&String>, address: Option<&String>| match (at, address) {
        (Some(at), Some(address)) => format!("{at} at {address}"),
        (Some(at), None) => at.clone(),
        _ => String::new(),
    };
    let head = facts(&[
        ("endpoint", one.name.clone()),
        ("id", one.id.clone()),
        ("protocol", one.protocol.clone()),
        ("connect to", one.connect_to.join(", ")),
        ("expected", one.expected.join(", ")),
        (
            "certificate",
            rotation.map_or_else(String::new, |one| one.certificate.clone()),
        ),
        ("verdict", standing(one)),
        ("who acts", one.waiting_for.clone().unwrap_or_default()),
        (
            "first new",
            rotation.map_or_else(String::new, |one| {
                glimpse(one.first_new_at.as_ref(), one.first_new.as_ref())
            }),
        ),
        (
            "last old",
            rotation.map_or_else(String::new, |one| {
                glimpse(one.last_old_at.as_ref(), one.last_old.as_ref())
            }),
        ),
        (
            "converged",
            rotation
                .and_then(|one| one.converged.clone())
                .unwrap_or_default(),
        ),
        ("next look", one.due.clone()),
    ]);
    let places: Vec<String> = one
        .places
        .iter()
        .map(|place| format!("  {}", place.explanation))
        .collect();
    format!("{}\n{head}\n{}", one.explanation, places.join("\n"))
}
