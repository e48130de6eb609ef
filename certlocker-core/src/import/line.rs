//! One host of a plan.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::host::{CloudId, Facts, FieldChange, HostState};
use crate::{HostId, SshKey};

/// What would be done about one host, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "made and edited by the importer")]
pub struct Line {
    /// What would be done.
    pub action: Action,
    /// What was done, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// What would be different, for readers.
    pub changes: Vec<FieldChange>,
    /// Its place in the plan, from 1.
    pub number: u32,
    /// Why.
    pub reason: String,
    /// Whether it is to be done.
    pub selected: bool,
}

/// What would be done about a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(
    clippy::exhaustive_enums,
    reason = "whoever applies a plan has to handle every case"
)]
pub enum Action {
    /// Nothing, until a person has answered a question.
    Conflict {
        /// The hosts that it may be.
        candidates: Vec<Target>,
        /// What was found.
        proposal: Proposal,
    },
    /// It would be taken under management.
    Create(Proposal),
    /// Nothing: it is there, and as it was found.
    Exists(Target),
    /// It would be said to be gone.
    Gone {
        /// What it is now, to take the line back.
        before: Box<HostState>,
        /// The host.
        target: Target,
    },
    /// It would be put back to what it was.
    Restore {
        /// What it is now.
        before: Box<HostState>,
        /// What it was.
        state: Box<HostState>,
        /// The host.
        target: Target,
    },
    /// Nothing.
    Skip {
        /// What a cloud calls it.
        cloud: CloudId,
        /// Its name.
        name: String,
    },
    /// It would be changed.
    Update {
        /// What it is now, to take the line back.
        before: Box<HostState>,
        /// What it would be.
        proposal: Proposal,
        /// The host.
        target: Target,
    },
}

/// A host that is known, as it was when the plan was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a host and its version")]
pub struct Target {
    /// Whether it was known to be gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The host.
    pub host: HostId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u64,
}

/// What a host is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "made and edited by the importer")]
pub struct Proposal {
    /// What a person chose: a later import leaves it as it is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub chosen: BTreeSet<Choice>,
    /// What a cloud calls it.
    pub cloud: Option<CloudId>,
    /// What was seen of it.
    pub facts: Facts,
    /// Groups that it joins, by name; those that are missing are made.
    pub join: BTreeSet<String>,
    /// The key with which it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyProposal>,
    /// Groups that it leaves, by name.
    pub leave: BTreeSet<String>,
    /// The account that is used on it, and why it is thought to be that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<(String, String)>,
    /// Its name.
    pub name: String,
}

/// Something about a host that a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(
    clippy::exhaustive_enums,
    reason = "what can be edited and is imported again"
)]
pub enum Choice {
    /// The groups that it joins.
    Groups,
    /// The account.
    Login,
    /// The name.
    Name,
}

/// A key that is proposed for a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a key, whose, and why")]
pub struct KeyProposal {
    /// The public key.
    pub key: SshKey,
    /// What shows that it is the one.
    pub proof: String,
    /// Whose it is: the name of the key pair.
    pub who: String,
}

/// What a line has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a host and its version")]
pub struct Applied {
    /// The host that was made or changed.
    pub host: HostId,
    /// Its version from then on.
    pub version: u64,
}

/// The kind of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "one for each action")]
pub enum LineKind {
    /// [`Action::Conflict`].
    Conflict,
    /// [`Action::Create`].
    Create,
    /// [`Action::Exists`].
    Exists,
    /// [`Action::Gone`].
    Gone,
    /// [`Action::Skip`].
    Skip,
    /// [`Action::Update`] or [`Action::Restore`].
    Update,
}

impl LineKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Create => "create",
            Self::Exists => "exists",
            Self::Gone => "gone",
            Self::Skip => "skip",
            Self::Update => "update",
        }
    }
}

impl Line {
    /// The kind of its action.
    pub fn kind(&self) -> LineKind {
        match self.action {
            Action::Conflict { .. } => LineKind::Conflict,
            Action::Create(_) => LineKind::Create,
            Action::Exists(_) => LineKind::Exists,
            Action::Gone { .. } => LineKind::Gone,
            Action::Skip { .. } => LineKind::Skip,
            Action::Restore { .. } | Action::Update { .. } => LineKind::Update,
        }
    }

    /// Whether applying the plan does something about it.
    pub fn acts(&self) -> bool {
        let acts = matches!(
            self.kind(),
            LineKind::Create | LineKind::Gone | LineKind::Update
        );
        self.selected && acts
    }

    /// What the host is to be, of a line that has something to say about that.
    pub fn proposal(&self) -> Option<&Proposal> {
        match &self.action {
            Action::Conflict { proposal, .. }
            | Action::Create(proposal)
            | Action::Update { proposal, .. } => Some(proposal),
            _ => None,
        }
    }

    /// The known hosts that it was computed from.
    pub fn targets(&self) -> &[Target] {
        match &self.action {
            Action::Conflict { candidates, .. } => candidates,
            Action::Exists(target)
            | Action::Gone { target, .. }
            | Action::Restore { target, .. }
            | Action::Update { target, .. } => std::slice::from_ref(target),
            Action::Create(_) | Action::Skip { .. } => &[],
        }
    }

    /// What the host is called.
    pub fn name(&self) -> &str {
        match &self.action {
            Action::Skip { name, .. } => name,
            Action::Exists(target)
            | Action::Gone { target, .. }
            | Action::Restore { target, .. } => &target.name,
            Action::Conflict { proposal, .. }
            | Action::Create(proposal)
            | Action::Update { proposal, .. } => &proposal.name,
        }
    }

    /// What an edit made different.
    pub(super) fn edited(&self, next: &Self) -> Vec<FieldChange> {
        let fields = [
            (
                "action",
                Some(self.kind().as_str().to_owned()),
                Some(next.kind().as_str().to_owned()),
            ),
            ("groups joined", self.joined(), next.joined()),
            ("key", self.key(), next.key()),
            ("login", self.login(), next.login()),
            (
                "name",
                Some(self.name().to_owned()),
                Some(next.name().to_owned()),
            ),
            (
                "selected",
                Some(self.selected.to_string()),
                Some(next.selected.to_string()),
            ),
        ];
        fields
            .into_iter()
            .filter_map(|(field, before, after)| FieldChange::of(field, before, after))
            .collect()
    }

    fn joined(&self) -> Option<String> {
        let groups: Vec<&str> = self.proposal()?.join.iter().map(String::as_str).collect();
        Some(groups.join(", "))
    }

    fn key(&self) -> Option<String> {
        let key = self.proposal()?.key.as_ref()?;
        Some(key.key.fingerprint().to_string())
    }

    fn login(&self) -> Option<String> {
        let (user, _) = self.proposal()?.login.as_ref()?;
        Some(user.clone())
    }
}

/// How many lines of each kind a plan has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct LineCounts {
    /// [`LineKind::Conflict`].
    pub conflict: usize,
    /// [`LineKind::Create`].
    pub create: usize,
    /// [`LineKind::Exists`].
    pub exists: usize,
    /// [`LineKind::Gone`].
    pub gone: usize,
    /// [`LineKind::Skip`].
    pub skip: usize,
    /// [`LineKind::Update`].
    pub update: usize,
}

impl LineCounts {
    /// Counts lines.
    pub fn of(lines: &[Line]) -> Self {
        let mut counts = Self::default();
        for line in lines {
            let count = match line.kind() {
                LineKind::Conflict => &mut counts.conflict,
                LineKind::Create => &mut counts.create,
                LineKind::Exists => &mut counts.exists,
                LineKind::Gone => &mut counts.gone,
                LineKind::Skip => &mut counts.skip,
                LineKind::Update => &mut counts.update,
            };
            *count += 1;
        }
        counts
    }
}
