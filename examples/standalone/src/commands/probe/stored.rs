//! `probe run` over the endpoints of the store, `probe watch`, `probe explain`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::super::{CommandError, Desk, by_command, endpoint};
use crate::cli::{Exit, ProbeWatch};
use crate::inventory::EndpointView;
use crate::output::{Output, say};

/// How many endpoints are looked at together.
const AT_ONCE: usize = 64;
/// How long between two looks of a watch.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks once at these, and prints each answer as soon as it is there.
pub(super) async fn run(
    desk: &Desk,
    endpoints: Vec<EndpointView>,
    output: Output,
) -> Result<Exit, CommandError> {
    let all = endpoints.len();
    let mut worst = Exit::Done;
    let mut seen = 0;
    let ids = endpoints.into_iter().map(|one| one.id).collect();
    look(desk, ids, |view| {
        seen += 1;
        if std::io::stderr().is_terminal() {
            eprint!("\r{seen} of {all} looked at");
        }
        if view.level.as_deref() == Some("failure") {
            worst = Exit::No;
        }
        print(output, view)
    })
    .await?;
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    Ok(worst)
}

/// Looks at each of these now.
async fn look(
    desk: &Desk,
    ids: Vec<String>,
    mut each: impl FnMut(&EndpointView) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut ids = ids.into_iter();
    let mut looks = JoinSet::new();
    loop {
        while looks.len() < AT_ONCE
            && let Some(id) = ids.next()
        {
            let desk = desk.clone();
            looks.spawn(async move { one(&desk, &id).await });
        }
        match looks.join_next().await {
            None => return Ok(()),
            Some(Ok(view)) => each(&view?)?,
            Some(Err(broken)) => return Err(std::io::Error::other(broken).into()),
        }
    }
}

async fn one(desk: &Desk, id: &str) -> Result<EndpointView, CommandError> {
    match desk {
        Desk::Database(inventory) => Ok(inventory.probe_endpoint(id, &by_command()).await?),
        Desk::Server(server) => Ok(server.post(&format!("/endpoints/{id}/probe"), &()).await?),
    }
}

fn print(output: Output, view: &EndpointView) -> Result<(), CommandError> {
    let line = match output {
        Output::Json => serde_json::to_string(view).map_err(std::io::Error::other)?,
        Output::Text => format!(
            "{}  {}\n  {}",
            view.name,
            endpoint::standing(view),
            view.explanation
        ),
    };
    Ok(say(&line)?)
}

/// Looks until all serve what is expected, if that is wanted, or the time is up.
pub(super) async fn watch(
    desk: &Desk,
    arguments: &ProbeWatch,
    output: Output,
) -> Result<Exit, CommandError> {
    let mut ids = Vec::new();
    for text in &arguments.endpoints {
        ids.push(endpoint::find(desk, text).await?.id);
    }
    if ids.is_empty() {
        ids = endpoint::all(desk)
            .await?
            .into_iter()
            .map(|one| one.id)
            .collect();
    }
    if ids.is_empty() {
        let detail = "there is no endpoint to watch: `certlocker endpoint add` adds one";
        return Err(crate::inventory::InventoryError::Invalid(detail.to_owned()).into());
    }
    let span = arguments.timeout.map(Duration::from_secs);
    let end = span.and_then(|span| Instant::now().checked_add(span));
    let mut told: BTreeMap<String, Vec<(String, Option<String>)>> = BTreeMap::new();
    loop {
        let mut agreeing = 0;
        let round = look(desk, ids.clone(), |view| {
            agreeing += usize::from(view.agrees);
            let now = answers(view);
            match told.insert(view.id.clone(), now.clone()) {
                Some(before) if before == now => Ok(()),
                _ => print(output, view),
            }
        });
        let up = async {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = round => done?,
            () = up => return Ok(ended(arguments)),
        }
        if std::io::stderr().is_terminal() {
            eprint!(
                "\r{agreeing} of {} endpoints serve what is expected",
                ids.len()
            );
        }
        if arguments.until_converged && agreeing == ids.len() {
            return Ok(Exit::Done);
        }
        if end.is_some_and(|end| end <= Instant::now() + PAUSE) {
            return Ok(ended(arguments));
        }
        sleep(PAUSE).await;
    }
}

fn ended(arguments: &ProbeWatch) -> Exit {
    match arguments.until_converged {
        true => Exit::No,
        false => Exit::Done,
    }
}

fn answers(view: &EndpointView) -> Vec<(String, Option<String>)> {
    let places = view.places.iter();
    places
        .map(|place| (place.verdict.clone(), place.leaf_sha256.clone()))
        .collect()
}

pub(super) async fn explain(desk: &Desk, text: &str, output: Output) -> Result<Exit, CommandError> {
    let view = endpoint::find(desk, text).await?;
    output.print(&view, endpoint::text)?;
    Ok(match view.level.as_deref() {
        Some("failure") => Exit::No,
        _ => Exit::Done,
    })
}
