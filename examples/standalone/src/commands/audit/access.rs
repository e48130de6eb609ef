//! `audit access`.

use super::super::{CommandError, Desk};
use super::line;
use crate::cli::AccessFilter;
use crate::inventory::access::{AccessChangeView, AccessRequest, WayView};
use crate::inventory::audit::WhyStep;

pub(super) async fn changes(
    desk: &Desk,
    filter: &AccessFilter,
) -> Result<Vec<AccessChangeView>, CommandError> {
    let request = AccessRequest {
        key: filter.key.clone(),
        limit: Some(filter.limit),
        login: filter.login.clone(),
    };
    match desk {
        Desk::Database(inventory) => Ok(inventory.access_changes(&filter.host, &request).await?),
        Desk::Server(server) => {
            let (host, query) = (&filter.host, request.to_query());
            Ok(server.get(&format!("/audit/access/{host}?{query}")).await?)
        }
    }
}

pub(super) fn text(changes: &[AccessChangeView]) -> String {
    if changes.is_empty() {
        return "Nothing changed who may use it.".to_owned();
    }
    let told: Vec<String> = changes.iter().map(change).collect();
    told.join("\n\n")
}

fn change(view: &AccessChangeView) -> String {
    let mut lines = vec![format!("{}:", view.at)];
    let came = view.gained.iter().map(|way| way_text("+", way));
    lines.extend(came.chain(view.lost.iter().map(|way| way_text("-", way))));
    if view.timed_out {
        lines.push("The time ended for which it was granted.".to_owned());
    }
    lines.push(line(&view.record));
    lines.extend(path("The plan: ", &view.planned));
    lines.extend(path("Who did it: ", &view.way));
    lines.push(view.root.clone());
    lines.join("\n")
}

fn way_text(sign: &str, way: &WayView) -> String {
    let login = way.login.as_deref().unwrap_or("any account");
    let through = way.through.as_ref();
    let through = through.map_or_else(String::new, |group| format!(" through group {group}"));
    format!(
        "{sign} {} as {login} with key {}{through}",
        way.who, way.key
    )
}

fn path(heading: &str, steps: &[WhyStep]) -> Option<String> {
    let lines: Vec<String> = steps.iter().map(line).collect();
    (!lines.is_empty()).then(|| format!("{heading}{}", lines.join("\nbecause ")))
}
