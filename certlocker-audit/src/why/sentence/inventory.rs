//! Records of hosts, of who may use them, and of imports, as sentences.

use std::fmt::Display;

use certlocker_core::host::AccessOrigin;
use certlocker_core::{Actor, Event, GroupId};

/// Hosts, their groups, and what brought them in.
pub(super) fn inventory(event: &Event, by: &Actor) -> Option<String> {
    placing(event, by)
        .or_else(|| letting_in(event, by))
        .or_else(|| importing(event, by))
}

/// What made something so, and who did that.
fn made(origin: &AccessOrigin, by: &Actor) -> String {
    match origin {
        AccessOrigin::Import { line, plan } => {
            format!("line {line} of plan {plan}, which {by} applied")
        }
        AccessOrigin::Policy(name) => format!("policy `{name}`, which {by} applied"),
        _ => by.to_string(),
    }
}

fn placing(event: &Event, by: &Actor) -> Option<String> {
    Some(match event {
        Event::GroupCreated {
            group_id,
            name,
            origin,
            ..
        } => format!(
            "group `{name}` ({group_id}) was made by {}.",
            made(origin, by)
        ),
        Event::GroupLoginChanged { group_id, login } => {
            let login = login.as_deref().unwrap_or("that of each host");
            format!("the account of group {group_id} was set to {login} by {by}.")
        }
        Event::HostAdopted {
            host_id,
            name,
            origin,
            ..
        } => format!(
            "host `{name}` ({host_id}) came under management by {}.",
            made(origin, by)
        ),
        Event::HostGone { host_id, origin } => {
            format!("host {host_id} was found gone by {}.", made(origin, by))
        }
        Event::HostReturned { host_id, origin } => {
            format!("host {host_id} was found again by {}.", made(origin, by))
        }
        Event::HostUpdated {
            groups_joined,
            groups_left,
            host_id,
            origin,
            ..
        } => {
            let groups = moved(groups_joined, groups_left);
            format!(
                "host {host_id} was changed{groups} by {}.",
                made(origin, by)
            )
        }
        _ => return None,
    })
}

fn moved(joined: &[GroupId], left: &[GroupId]) -> String {
    match (joined, left) {
        ([], []) => String::new(),
        (joined, []) => format!(" (put into {})", groups(joined)),
        ([], left) => format!(" (taken out of {})", groups(left)),
        (joined, left) => {
            let (joined, left) = (groups(joined), groups(left));
            format!(" (put into {joined}, taken out of {left})")
        }
    }
}

fn groups(ids: &[GroupId]) -> String {
    let listed: Vec<String> = ids.iter().map(|id| format!("group {id}")).collect();
    listed.join(", ")
}

fn letting_in(event: &Event, by: &Actor) -> Option<String> {
    Some(match event {
        Event::AccessGranted {
            key,
            origin,
            target,
            who,
            ..
        } => {
            let target = target.subject();
            format!(
                "{who} was let into {target} with key {key} by {}.",
                made(origin, by)
            )
        }
        Event::AccessRevoked {
            key,
            origin,
            target,
            who,
            ..
        } => {
            let target = target.subject();
            format!(
                "{who} with key {key} was shut out of {target} by {}.",
                made(origin, by)
            )
        }
        Event::HostAccessChanged {
            gained,
            host_id,
            lost,
            origin,
            unnamed,
        } => {
            let count = gained.len() + lost.len() + unnamed;
            let plural = if count == 1 { "way" } else { "ways" };
            let by = made(origin, by);
            format!("{count} {plural} to use host {host_id} came or went by {by}.")
        }
        _ => return None,
    })
}

fn importing(event: &Event, by: &Actor) -> Option<String> {
    let plan = |id: &dyn Display, what: &str| format!("plan {id} {what} by {by}.");
    Some(match event {
        Event::ImportApplied { plan_id } => plan(plan_id, "was applied to its end"),
        Event::ImportPlanned {
            plan_id, source, ..
        } => plan(plan_id, &format!("of an import ({source}) was made")),
        Event::ImportRefused { plan_id, .. } => plan(plan_id, "did not fit and was not applied"),
        Event::ImportStarted { plan_id } => plan(plan_id, "was begun to be applied"),
        _ => return None,
    })
}
