//! What made somebody have access.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ImportPlanId, InvalidAttribution};

/// What made a host, a membership or an entry what it is. The text form is the kind, and `:` and
/// what identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum AccessOrigin {
    /// A line of a plan that was applied.
    Import {
        /// The line.
        line: u32,
        /// The plan.
        plan: ImportPlanId,
    },
    /// A person, by hand. An import does not undo it.
    Manual,
    /// A policy, by name.
    Policy(String),
}

impl AccessOrigin {
    /// The plan, if it was one.
    pub fn plan(&self) -> Option<&ImportPlanId> {
        match self {
            Self::Import { plan, .. } => Some(plan),
            _ => None,
        }
    }
}

impl fmt::Display for AccessOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import { line, plan } => write!(f, "import:{plan}:{line}"),
            Self::Manual => f.write_str("manual"),
            Self::Policy(name) => write!(f, "policy:{name}"),
        }
    }
}

impl From<AccessOrigin> for String {
    fn from(origin: AccessOrigin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for AccessOrigin {
    type Error = InvalidAttribution;

    fn try_from(text: String) -> Result<Self, InvalidAttribution> {
        let import = |rest: &str| {
            let (plan, line) = rest.split_once(':')?;
            let (plan, line) = (plan.parse().ok()?, line.parse().ok()?);
            Some(Self::Import { line, plan })
        };
        let parsed = match (text.as_str(), text.split_once(':')) {
            ("manual", _) => Some(Self::Manual),
            (_, Some(("import", rest))) => import(rest),
            (_, Some(("policy", name))) => Some(Self::Policy(name.to_owned())),
            _ => None,
        };
        parsed.ok_or_else(|| InvalidAttribution::of(text))
    }
}
