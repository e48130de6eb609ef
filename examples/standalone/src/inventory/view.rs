//! The JSON of the operator plane, which the commands read too.

use std::fmt;

use certlocker_core::{
    Authorization, Certificate, Client, Event, Explanation, Identifier, Lane, LaneStatus, Order,
    OrderId, Origin, Party, Record, Step, StepStatus, Timestamp, Uses,
};
use serde::{Deserialize, Serialize};

/// A scoped client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in NewClientRequest")]
#[non_exhaustive]
pub struct ClientView {
    pub id: String,
    pub name: String,
    pub allow: Vec<String>,
    pub challenges: Vec<String>,
    pub created: String,
    pub disabled: Option<String>,
    pub expires: Option<String>,
    pub orders_per_day: Option<u32>,
    pub profiles: Vec<String>,
    pub single_use: bool,
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        let scope = client.scope();
        Self {
            id: client.id().to_string(),
            name: client.name().to_owned(),
            allow: scope.names.iter().map(ToString::to_string).collect(),
            challenges: scope.methods.iter().map(ToString::to_string).collect(),
            created: client.id().created().to_rfc3339_seconds(),
            disabled: client.disabled().map(Timestamp::to_rfc3339_seconds),
            expires: client.expires().map(Timestamp::to_rfc3339_seconds),
            orders_per_day: scope.orders_per_day,
            profiles: scope.profiles.iter().cloned().collect(),
            single_use: client.uses() != Uses::Any,
        }
    }
}

/// A client that was just made, with its credential for external account binding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CreatedClient {
    /// The directory that it is for.
    pub directory: String,
    /// The MAC key, base64url; shown this once.
    pub hmac_key: String,
    /// The key identifier.
    pub kid: String,
    /// The client's name.
    pub name: String,
    /// A directory of the client's own, once there are such.
    pub token_directory: Option<String>,
}

/// Without the key.
impl fmt::Debug for CreatedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedClient")
            .field("kid", &self.kid)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of RFC 8555 section 7.1.3")]
#[non_exhaustive]
pub struct OrderView {
    pub id: String,
    pub status: String,
    pub identifiers: Vec<String>,
    pub account: String,
    pub client: Option<String>,
    pub created: String,
    /// Until when it can be completed; nothing for a refused one.
    pub expires: Option<String>,
    pub authorizations: Vec<AuthorizationView>,
}

/// An authorization of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of RFC 8555 section 7.1.4")]
#[non_exhaustive]
pub struct AuthorizationView {
    pub identifier: String,
    pub status: String,
    pub expires: String,
}

impl OrderView {
    pub(super) fn of(order: &Order, now: Timestamp) -> Self {
        let authorization = |one: &Authorization| AuthorizationView {
            identifier: one.ordered().value(),
            status: one.status(now).as_str().to_owned(),
            expires: one.expires().to_rfc3339_seconds(),
        };
        Self {
            id: order.id().to_string(),
            status: order.status().as_str().to_owned(),
            identifiers: order
                .identifiers()
                .iter()
                .map(|identifier| identifier.value())
                .collect(),
            account: order.account().to_string(),
            client: order.client().map(ToString::to_string),
            created: order.id().created().to_rfc3339_seconds(),
            expires: Some(order.expires().to_rfc3339_seconds()),
            authorizations: order.authorizations().iter().map(authorization).collect(),
        }
    }

    /// An order of which only records are left.
    pub(super) fn absent(id: &OrderId, records: &[Record]) -> Option<Self> {
        let told = |record: &Record| {
            let (status, account, client, identifiers, expires) = match &record.event {
                Event::OrderCreated {
                    account_id,
                    client_id,
                    expires,
                    identifiers,
                    ..
                } => ("removed", account_id, client_id, identifiers, Some(expires)),
                Event::OrderRefused {
                    account_id,
                    client_id,
                    identifiers,
                    ..
                } => ("refused", account_id, client_id, identifiers, None),
                _ => return None,
            };
            Some(Self {
                id: id.to_string(),
                status: status.to_owned(),
                identifiers: identifiers.iter().map(Identifier::value).collect(),
                account: account.to_string(),
                client: client.as_ref().map(ToString::to_string),
                created: record.time.to_rfc3339_seconds(),
                expires: expires.map(|at| at.to_rfc3339_seconds()),
                authorizations: Vec::new(),
            })
        };
        records.iter().find_map(told)
    }
}

/// An order, explained, with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderDetail {
    /// Where it stands, why, and who must act next.
    pub explanation: ExplanationView,
    /// The order.
    pub order: OrderView,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExplanationView {
    /// One sentence for whoever has to act.
    pub verdict: String,
    /// The stage at which it stands, or stopped.
    pub stage: String,
    /// Who must act.
    pub waiting_for: Option<String>,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there.
    pub observed: Option<String>,
    /// What happens next by itself.
    pub next: Option<NextView>,
    /// The code of the record that decided.
    pub code: Option<String>,
    /// One lane for each identifier.
    pub lanes: Vec<LaneView>,
    /// The stages.
    pub rail: Vec<StepView>,
}

/// What happens next by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_core::Next")]
#[non_exhaustive]
pub struct NextView {
    pub at: String,
    pub what: String,
}

/// How far the proof of one identifier came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_core::Lane")]
#[non_exhaustive]
pub struct LaneView {
    pub identifier: String,
    pub status: String,
    pub method: Option<String>,
    pub attempts: u32,
    pub answered_by: Option<String>,
    pub detail: Option<String>,
    pub next: Option<String>,
}

/// One stage of the rail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_core::Step")]
#[non_exhaustive]
pub struct StepView {
    pub stage: String,
    pub status: String,
    pub waiting_for: Option<String>,
    pub done: Option<String>,
}

impl From<&Explanation> for ExplanationView {
    fn from(explanation: &Explanation) -> Self {
        let next = explanation.next.as_ref();
        Self {
            verdict: explanation.verdict.clone(),
            stage: explanation.stage.as_str().to_owned(),
            waiting_for: explanation
                .waiting_for
                .map(|party| party.as_str().to_owned()),
            expected: explanation.expected.clone(),
            observed: explanation.observed.clone(),
            next: next.map(|next| NextView {
                at: next.at.to_rfc3339_seconds(),
                what: next.what.to_owned(),
            }),
            code: explanation.code.map(str::to_owned),
            lanes: explanation.lanes.iter().map(LaneView::from).collect(),
            rail: explanation.rail.iter().map(StepView::from).collect(),
        }
    }
}

impl From<&Lane> for LaneView {
    fn from(lane: &Lane) -> Self {
        let (status, detail) = match &lane.status {
            LaneStatus::Untouched => ("untouched", None),
            LaneStatus::Looking(failure) => (
                "looking",
                failure.as_ref().map(|failure| failure.detail.clone()),
            ),
            LaneStatus::Proven => ("proven", None),
            LaneStatus::Failed(failure) => ("failed", Some(failure.detail.clone())),
            _ => ("given back", None),
        };
        Self {
            identifier: lane.identifier.value(),
            status: status.to_owned(),
            method: lane.method.map(|method| method.to_string()),
            attempts: lane.attempts,
            answered_by: lane.answered_by(),
            detail,
            next: lane.next.map(Timestamp::to_rfc3339_seconds),
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        let (status, party): (&str, Option<Party>) = match step.status {
            StepStatus::Done => ("done", None),
            StepStatus::Failed => ("failed", None),
            StepStatus::NotReached => ("not reached", None),
            StepStatus::Waiting(party) => ("waiting", Some(party)),
            _ => ("not checked", None),
        };
        Self {
            stage: step.stage.as_str().to_owned(),
            status: status.to_owned(),
            waiting_for: party.map(|party| party.as_str().to_owned()),
            done: step.done.map(|at| at.to_string()),
        }
    }
}

/// One record of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_core::Record")]
#[non_exhaustive]
pub struct TimelineEntry {
    pub sequence: u64,
    pub time: String,
    pub code: String,
    pub name: String,
    pub actor: String,
    pub trigger: String,
    pub parent: Option<String>,
    /// What the event says, member by member.
    pub data: serde_json::Value,
}

impl From<&Record> for TimelineEntry {
    fn from(record: &Record) -> Self {
        let event = serde_json::to_value(&record.event).unwrap_or_default();
        Self {
            sequence: record.sequence.get(),
            time: record.time.to_string(),
            code: record.event.code().to_owned(),
            name: record.event.name().to_owned(),
            actor: record.actor.to_string(),
            trigger: record.cause.trigger.to_string(),
            parent: record.cause.parent.map(|parent| parent.to_string()),
            data: event.get("data").cloned().unwrap_or_default(),
        }
    }
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_core::Certificate")]
#[non_exhaustive]
pub struct CertificateView {
    pub id: String,
    pub status: String,
    pub identifiers: Vec<String>,
    pub serial: String,
    pub not_before: String,
    pub not_after: String,
    pub sha256: String,
    pub key_sha256: String,
    pub account: Option<String>,
    pub order: Option<String>,
    pub replaces: Option<String>,
    pub revoked: Option<String>,
}

impl CertificateView {
    pub(super) fn of(certificate: &Certificate, now: Timestamp) -> Self {
        let description = certificate.description();
        let revoked = certificate
            .revocation()
            .map(|revocation| revocation.at.to_rfc3339_seconds());
        let status = match &revoked {
            Some(_) => "revoked",
            None if description.not_after <= now => "expired",
            None => "valid",
        };
        let order = match certificate.origin() {
            Origin::Issued { order, .. } => Some(order.to_string()),
            _ => None,
        };
        Self {
            id: certificate.id().to_string(),
            status: status.to_owned(),
            identifiers: description
                .identifiers
                .iter()
                .map(|identifier| identifier.value())
                .collect(),
            serial: description.serial.to_string(),
            not_before: description.not_before.to_rfc3339_seconds(),
            not_after: description.not_after.to_rfc3339_seconds(),
            sha256: description.sha256.clone(),
            key_sha256: description.key_sha256.clone(),
            account: certificate.account().map(ToString::to_string),
            order,
            replaces: certificate.replaces().map(ToString::to_string),
            revoked,
        }
    }
}
