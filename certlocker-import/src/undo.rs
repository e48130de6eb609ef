//! A plan that takes another back.

use std::collections::{BTreeMap, HashMap};

use certlocker_core::host::{FieldChange, Host, HostState};
use certlocker_core::import::{Action, Applied, Line, Target};
use certlocker_core::{GroupId, HostId, Versioned};

use crate::reconcile::Known;

/// The lines that take back what `lines` have done. A host that something else has changed since is
/// left as it is, and its line says so.
///
/// Groups that were made stay: they are empty, or others use them.
pub fn undo(lines: &[Line], known: &Known) -> Vec<Line> {
    let hosts: HashMap<&HostId, &Versioned<Host>> = known
        .hosts
        .iter()
        .map(|known| (known.host.value.id(), &known.host))
        .collect();
    let done = lines.iter().filter_map(|line| Some((line, line.applied?)));
    let taken_back = done.filter_map(|(line, applied)| {
        let host = hosts.get(&applied.host)?;
        Some((line.number, taken_back(line, applied, host)))
    });
    taken_back
        .enumerate()
        .map(|(at, (of, (action, what)))| Line {
            changes: changes(&action, &known.groups),
            action,
            applied: None,
            number: u32::try_from(at + 1).unwrap_or(u32::MAX),
            reason: format!("line {of}: {what}"),
            selected: true,
        })
        .collect()
}

fn taken_back(line: &Line, applied: Applied, host: &Versioned<Host>) -> (Action, &'static str) {
    let before = Box::new(host.value.state());
    let target = Target {
        gone: host.value.gone().is_some(),
        host: applied.host,
        name: host.value.name().to_owned(),
        version: host.version.get(),
    };
    if host.version.get() != applied.version {
        let what = "something else has changed the host since; it is left as it is";
        return (Action::Exists(target), what);
    }
    match &line.action {
        Action::Gone { before: was, .. } => {
            let state = was.clone();
            let back = Action::Restore {
                before,
                state,
                target,
            };
            (back, "it was said to be gone")
        }
        Action::Update { target: was, .. } if was.gone => {
            (Action::Gone { before, target }, "it was gone")
        }
        Action::Restore { before: was, .. } | Action::Update { before: was, .. } => {
            let state = was.clone();
            let back = Action::Restore {
                before,
                state,
                target,
            };
            (back, "it was changed")
        }
        _ => (
            Action::Gone { before, target },
            "it was taken under management",
        ),
    }
}

fn changes(action: &Action, groups: &BTreeMap<GroupId, String>) -> Vec<FieldChange> {
    let Action::Restore { before, state, .. } = action else {
        return Vec::new();
    };
    let names = |host: &HostState| {
        let names: Vec<&str> = host
            .groups
            .keys()
            .filter_map(|id| groups.get(id).map(String::as_str))
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let mut changes = before.changes(state);
    changes.extend(FieldChange::of("groups", names(before), names(state)));
    changes
}
