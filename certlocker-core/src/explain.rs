//! Where an order stands, why, and who must act next: one pure function over its history.

mod absent;
mod lanes;
mod rail;
mod serving;
mod verdict;

use std::time::Duration;

use crate::{Order, Record, Timestamp};

pub use absent::explain_absent;
pub use lanes::{Lane, LaneStatus};
pub use rail::{Step, StepStatus};

/// An order, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The code of the record that decided where it stands.
    pub code: Option<&'static str>,
    /// What would have been right.
    pub expected: Option<String>,
    /// What has to be proven, one lane for each identifier.
    pub lanes: Vec<Lane>,
    /// What happens next by itself, and when.
    pub next: Option<Next>,
    /// What was there.
    pub observed: Option<String>,
    /// The stages, each with how far it came.
    pub rail: Vec<Step>,
    /// The stage at which it stands, or stopped.
    pub stage: Stage,
    /// One sentence for whoever has to act.
    pub verdict: String,
    /// Who must act; nobody when nothing is left to do.
    pub waiting_for: Option<Party>,
}

/// The stages of a workflow, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// The client has an account.
    Account,
    /// The order was placed.
    Order,
    /// What has to be proven is known.
    Authorizations,
    /// The client said that its answers are in place.
    Challenge,
    /// The server looked at them.
    Validation,
    /// The client handed in its certificate request.
    Finalize,
    /// The issuer signed.
    Issue,
    /// The client fetched the chain.
    Download,
    /// Every endpoint serves it.
    Served,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::Order,
        Self::Authorizations,
        Self::Challenge,
        Self::Validation,
        Self::Finalize,
        Self::Issue,
        Self::Download,
        Self::Served,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Order => "order",
            Self::Authorizations => "authorizations",
            Self::Challenge => "challenge",
            Self::Validation => "validation",
            Self::Finalize => "finalize",
            Self::Issue => "issue",
            Self::Download => "download",
            Self::Served => "served",
        }
    }
}

/// Who can move an order on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Party {
    /// Whoever runs the ACME client, or the host that it proves.
    Client,
    /// Whoever runs the DNS zone.
    DnsOwner,
    /// Whoever runs this server.
    Operator,
    /// This server, by itself.
    Server,
    /// The authority that signs.
    Issuer,
}

impl Party {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::DnsOwner => "DNS owner",
            Self::Operator => "operator",
            Self::Server => "server",
            Self::Issuer => "issuer",
        }
    }
}

/// What happens next by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Next {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: &'static str,
}

/// Explains an order from its state and its records, as of `now`.
///
/// `records` are those about the order, oldest first; with fewer the explanation knows less, and
/// says so by leaving out.
pub fn explain(order: &Order, records: &[Record], now: Timestamp) -> Explanation {
    let lanes = lanes::lanes(order, records, now);
    let verdict = verdict::verdict(order, records, &lanes, now);
    let rail = rail::rail(order, records, &verdict);
    Explanation {
        code: records
            .iter()
            .rev()
            .map(|record| record.event.code())
            .find(|code| decides(code)),
        expected: verdict.expected,
        lanes,
        next: verdict.next,
        observed: verdict.observed,
        rail,
        stage: verdict.stage,
        verdict: verdict.sentence,
        waiting_for: verdict.waiting_for,
    }
}

/// Downloads, admitted quirks and refused requests change nothing about where an order stands.
fn decides(code: &str) -> bool {
    !matches!(
        code,
        "CLA071I" | "CLA074I" | "CLA345I" | "CLA131E" | "CLA140I" | "CLA031I"
    )
}

/// A span in words, in its two largest units.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let largest = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = parts[largest..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0);
    let text: Vec<String> = shown
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if text.is_empty() {
        "less than a second".to_owned()
    } else {
        text.join(" ")
    }
}

/// An instant with how far away it is.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        return format!("{} (in {})", at.to_rfc3339_seconds(), span(at.since(now)));
    }
    format!("{} ({} ago)", at.to_rfc3339_seconds(), span(now.since(at)))
}
