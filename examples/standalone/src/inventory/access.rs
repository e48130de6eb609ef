//! What changed who may use a host.

use std::collections::BTreeSet;

use certlocker_audit::why::{AccessAnswer, AccessQuestion, Step, access};
use certlocker_core::host::{AccessLine, Became, Through};
use certlocker_core::{HostId, Subject};
use serde::{Deserialize, Serialize};

use super::audit::{WhyStep, root};
use super::{Inventory, InventoryError};

/// Which changes of who may use a host are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "built from arguments")]
pub struct AccessRequest {
    /// With this key only, by its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// At most so many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// To this account of the host only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

/// A change of who may use a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccessChangeView {
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: String,
    /// Who may use the host since, and could not before.
    pub gained: Vec<WayView>,
    /// Who could before, and may not since.
    pub lost: Vec<WayView>,
    /// What made it so: `import:PLAN:LINE`, `manual` or `policy:NAME`.
    pub origin: Option<String>,
    /// How the plan came about, if one was applied.
    pub planned: Vec<WhyStep>,
    /// The record that made it so.
    pub record: WhyStep,
    /// What set it off in the end.
    pub root: String,
    /// Whether the time ended that the record granted.
    pub timed_out: bool,
    /// How whoever did it came to be able to.
    pub way: Vec<WhyStep>,
}

/// A way to use a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_core::host::AccessLine")]
#[non_exhaustive]
pub struct WayView {
    pub key: String,
    pub login: Option<String>,
    /// The id of the group; nothing if it is direct.
    pub through: Option<String>,
    pub who: String,
}

const USUAL: usize = 50;
const MOST: usize = 1_000;

impl AccessRequest {
    /// The request as the query of a URL.
    pub fn to_query(&self) -> String {
        super::audit::to_query(self)
    }

    fn question(
        &self,
        inventory: &Inventory,
        host: HostId,
    ) -> Result<AccessQuestion, InventoryError> {
        let key = self.key.clone().map(TryInto::try_into).transpose();
        let invalid = |_| {
            InventoryError::Invalid("a key is named by its fingerprint, SHA256:base64".to_owned())
        };
        Ok(AccessQuestion {
            host,
            key: key.map_err(invalid)?,
            limit: self.limit.unwrap_or(USUAL).clamp(1, MOST),
            login: self.login.clone(),
            until: inventory.clock.now(),
        })
    }
}

impl Inventory {
    /// Each change of who may use a host, the newest first, with what made it so.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn access_changes(
        &self,
        host: &str,
        request: &AccessRequest,
    ) -> Result<Vec<AccessChangeView>, InventoryError> {
        let host = self.host(host).await?;
        let question = request.question(self, *host.value.id())?;
        let answers = access(&*self.store, &question).await?;
        let about = Subject::Host(question.host);
        let answers = answers.iter();
        Ok(answers
            .map(|answer| AccessChangeView::of(&about, answer))
            .collect())
    }
}

impl AccessChangeView {
    fn of(host: &Subject, answer: &AccessAnswer) -> Self {
        let (change, record) = (&answer.change, &answer.change.record);
        let steps = |steps: &[Step]| steps.iter().map(WhyStep::from).collect();
        Self {
            actor: record.actor.to_string(),
            at: change.at.to_rfc3339_seconds(),
            gained: ways(&change.difference.gained),
            lost: ways(&change.difference.lost),
            origin: answer.origin.as_ref().map(ToString::to_string),
            planned: steps(&answer.planned),
            record: WhyStep::of(host, record),
            root: root(answer.way.last().map_or(record, |step| &step.record)),
            timed_out: change.became == Became::ByTime,
            way: steps(&answer.way),
        }
    }
}

fn ways(lines: &BTreeSet<AccessLine>) -> Vec<WayView> {
    let view = |line: &AccessLine| WayView {
        key: line.key.to_string(),
        login: line.login.clone(),
        through: match line.through {
            Through::Direct => None,
            Through::Group(id) => Some(id.to_string()),
        },
        who: line.who.clone(),
    };
    lines.iter().map(view).collect()
}
