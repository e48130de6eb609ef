//! Hosts and plans as the commands show them.

use std::collections::BTreeMap;

use certlocker_core::host::{FieldChange, Host, HostAccess, Presence, Through};
use certlocker_core::import::{Line, LineCounts, LineKind, Plan, PlanState};
use certlocker_core::{GroupId, Timestamp};
use certlocker_import::rules::RuleEffect;
use serde::{Deserialize, Serialize};

/// A plan in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanView {
    /// What it would do, by kind.
    pub counts: LineCounts,
    /// When it was made.
    pub created: String,
    /// Where nothing could be found out, and why.
    pub failures: Vec<String>,
    /// Its id.
    pub id: String,
    /// Where the machines were found.
    pub source: String,
    /// drafting, ready, started or applied.
    pub state: String,
    /// The plan that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
}

/// A plan, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanDetail {
    /// Its lines.
    pub lines: Vec<LineView>,
    /// The plan.
    pub plan: PlanView,
    /// What each rule for groups does, when the plan is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleView>,
}

/// A line of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LineView {
    /// create, exists, update, conflict, gone or skip.
    pub action: String,
    /// The host that was made or changed, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// Hosts that it may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// What would be different.
    pub changes: Vec<FieldChange>,
    /// What its cloud calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// The groups that it joins.
    pub groups: Vec<String>,
    /// The key, by its fingerprint, and what shows that it is the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<(String, String)>,
    /// The account, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<(String, String)>,
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// Why.
    pub reason: String,
    /// Whether it is to be done.
    pub selected: bool,
}

/// What a rule for groups does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleView {
    /// How many machines would be in each group.
    pub groups: BTreeMap<String, usize>,
    /// How many would be in none by it.
    pub none: usize,
    /// The rule.
    pub rule: String,
}

/// A host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HostView {
    /// Where it is reached.
    pub addresses: Vec<String>,
    /// What its cloud calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// Since when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its id.
    pub id: String,
    /// The account that is used on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Its name.
    pub name: String,
}

/// Who could use a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HostAccessView {
    /// At this time.
    pub at: String,
    /// Who.
    pub entries: Vec<EntryView>,
    /// The groups it was in.
    pub groups: Vec<String>,
    /// Its id.
    pub host: String,
    /// Its name now.
    pub name: String,
    /// here, gone or unknown.
    pub presence: String,
}

/// A way to use a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntryView {
    /// Its id.
    pub id: String,
    /// The key.
    pub key: String,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// What made it so: manual, import:PLAN:LINE or policy:NAME.
    pub origin: String,
    /// Since when.
    pub since: String,
    /// The group, if it is by being in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who.
    pub who: String,
}

impl PlanView {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            counts: plan.counts(),
            created: plan.id().created().to_rfc3339_seconds(),
            failures: plan.failures().to_vec(),
            id: plan.id().to_string(),
            source: plan.source().to_owned(),
            state: match plan.state() {
                PlanState::Drafting => "drafting",
                PlanState::Ready => "ready",
                PlanState::Started => "started",
                PlanState::Applied(_) => "applied",
            }
            .to_owned(),
            undoes: plan.undoes().map(ToString::to_string),
        }
    }
}

impl PlanDetail {
    pub(crate) fn new(plan: PlanView, lines: Vec<LineView>) -> Self {
        Self {
            lines,
            plan,
            rules: Vec::new(),
        }
    }

    pub(super) fn of(plan: &Plan, lines: &[Line]) -> Self {
        let mut view = PlanView::of(plan);
        view.counts = LineCounts::of(lines);
        Self {
            lines: lines.iter().map(LineView::of).collect(),
            plan: view,
            rules: Vec::new(),
        }
    }
}

impl LineView {
    pub(super) fn of(line: &Line) -> Self {
        let proposal = line.proposal();
        let key = proposal.and_then(|proposal| proposal.key.as_ref());
        let candidates = match line.kind() {
            LineKind::Conflict => line.targets(),
            _ => &[],
        };
        Self {
            action: line.kind().as_str().to_owned(),
            applied: line.applied.map(|applied| applied.host.to_string()),
            candidates: candidates
                .iter()
                .map(|target| format!("{} {}", target.host, target.name))
                .collect(),
            changes: line.changes.clone(),
            cloud: proposal.and_then(|proposal| Some(proposal.cloud.as_ref()?.to_string())),
            groups: proposal
                .map(|proposal| proposal.join.iter().cloned().collect())
                .unwrap_or_default(),
            key: key.map(|key| (key.key.fingerprint().to_string(), key.proof.clone())),
            login: proposal.and_then(|proposal| proposal.login.clone()),
            name: line.name().to_owned(),
            number: line.number,
            reason: line.reason.clone(),
            selected: line.selected,
        }
    }
}

impl RuleView {
    pub(super) fn of(effect: &RuleEffect) -> Self {
        Self {
            groups: effect.groups.clone(),
            none: effect.none,
            rule: effect.rule.clone(),
        }
    }
}

impl HostView {
    pub(super) fn of(host: &Host, groups: &BTreeMap<GroupId, String>) -> Self {
        let name = |id: &GroupId| groups.get(id).cloned();
        Self {
            addresses: host
                .facts()
                .addresses
                .iter()
                .map(|at| at.ip.to_string())
                .collect(),
            cloud: host.cloud().map(ToString::to_string),
            gone: host.gone().map(Timestamp::to_rfc3339_seconds),
            groups: host.groups().keys().filter_map(name).collect(),
            id: host.id().to_string(),
            login: host.login().map(|login| login.user.clone()),
            name: host.name().to_owned(),
        }
    }
}

impl HostAccessView {
    pub(super) fn of(
        host: &Host,
        access: &HostAccess,
        groups: &BTreeMap<GroupId, String>,
        at: Timestamp,
    ) -> Self {
        let entries = access.entries.iter().map(|entry| EntryView {
            id: entry.access_id.to_string(),
            key: entry.line.key.to_string(),
            login: entry.line.login.clone(),
            origin: entry.origin.to_string(),
            since: entry.since.to_rfc3339_seconds(),
            through: match &entry.line.through {
                Through::Direct => None,
                Through::Group(id) => groups.get(id).cloned(),
            },
            until: entry.until.map(Timestamp::to_rfc3339_seconds),
            who: entry.line.who.clone(),
        });
        Self {
            at: at.to_rfc3339_seconds(),
            entries: entries.collect(),
            groups: groups.values().cloned().collect(),
            host: host.id().to_string(),
            name: host.name().to_owned(),
            presence: match access.presence {
                Presence::Here => "here",
                Presence::Gone => "gone",
                Presence::Unknown => "unknown",
            }
            .to_owned(),
        }
    }
}
