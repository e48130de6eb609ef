//! What a person may change about a line before it is applied.

use std::collections::BTreeSet;

use certlocker_core::Versioned;
use certlocker_core::host::{FieldChange, Host};
use certlocker_core::import::{Action, Choice, KeyProposal, Line, Proposal, Target};

/// A change of a line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Edit {
    /// The key with which the host is used, or none.
    Key(Option<KeyProposal>),
    /// The account that is used on it.
    Login(String),
    /// Answers the question of a conflict: it is a new host.
    New,
    /// The groups that it joins.
    Regroup(BTreeSet<String>),
    /// Its name.
    Rename(String),
    /// Answers the question of a conflict: it is this host.
    Same(Box<Versioned<Host>>),
    /// Whether it is to be done.
    Select(bool),
}

/// Why a line cannot become what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The host is none of those that the question is about.
    #[error("this host is none of those that the line asks about")]
    NoCandidate,
    /// It asks nothing.
    #[error("this line asks no question")]
    NoQuestion,
    /// It proposes nothing.
    #[error("this line proposes nothing that could be changed")]
    NoProposal,
    /// Its question was not answered.
    #[error("this line asks a question: answer it first")]
    Unanswered,
}

/// A line after an edit.
///
/// # Errors
/// [`EditError`].
pub fn edited(line: &Line, edit: Edit) -> Result<Line, EditError> {
    let mut next = line.clone();
    match edit {
        Edit::New => answer(&mut next, Action::Create)?,
        Edit::Same(host) => same(&mut next, &host)?,
        Edit::Select(selected) => {
            if selected && matches!(line.action, Action::Conflict { .. }) {
                return Err(EditError::Unanswered);
            }
            next.selected = selected;
        }
        Edit::Key(key) => proposal(&mut next)?.key = key,
        Edit::Login(user) => {
            shows(&mut next, "login", Some(user.clone()));
            let proposal = proposal(&mut next)?;
            proposal.chosen.insert(Choice::Login);
            proposal.login = Some((user, "chosen by hand".to_owned()));
        }
        Edit::Regroup(groups) => {
            let names: Vec<&str> = groups.iter().map(String::as_str).collect();
            let names = (!names.is_empty()).then(|| names.join(", "));
            shows(&mut next, "groups joined", names);
            let proposal = proposal(&mut next)?;
            proposal.chosen.insert(Choice::Groups);
            proposal.join = groups;
        }
        Edit::Rename(name) => {
            shows(&mut next, "name", Some(name.clone()));
            let proposal = proposal(&mut next)?;
            proposal.chosen.insert(Choice::Name);
            proposal.name = name;
        }
    }
    Ok(next)
}

fn answer(line: &mut Line, action: impl FnOnce(Proposal) -> Action) -> Result<(), EditError> {
    let Action::Conflict { proposal, .. } = &line.action else {
        return Err(EditError::NoQuestion);
    };
    line.action = action(proposal.clone());
    line.selected = true;
    Ok(())
}

fn same(line: &mut Line, host: &Versioned<Host>) -> Result<(), EditError> {
    let is_candidate = line
        .targets()
        .iter()
        .any(|target| target.host == *host.value.id());
    let target = Target {
        gone: host.value.gone().is_some(),
        host: *host.value.id(),
        name: host.value.name().to_owned(),
        version: host.version.get(),
    };
    let before = Box::new(host.value.state());
    let mut next = line.clone();
    answer(&mut next, |proposal| Action::Update {
        before,
        proposal,
        target,
    })?;
    if !is_candidate {
        return Err(EditError::NoCandidate);
    }
    *line = next;
    Ok(())
}

fn proposal(line: &mut Line) -> Result<&mut Proposal, EditError> {
    match &mut line.action {
        Action::Conflict { proposal, .. }
        | Action::Create(proposal)
        | Action::Update { proposal, .. } => Ok(proposal),
        _ => Err(EditError::NoProposal),
    }
}

/// Readers of an update see what was chosen in place of what was proposed.
fn shows(line: &mut Line, field: &str, after: Option<String>) {
    let Action::Update { before, .. } = &line.action else {
        return;
    };
    let before = match field {
        "login" => before.login.as_ref().map(|login| login.user.clone()),
        "name" => Some(before.name.clone()),
        _ => None,
    };
    line.changes.retain(|change| change.field != field);
    line.changes.extend(FieldChange::of(field, before, after));
}
