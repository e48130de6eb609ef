//! The JSON of the protocol: what clients send, and what they are shown.

use certlocker_core::{
    Account, AccountState, Authorization, AuthorizationStatus, Challenge, ChallengeRef,
    ChallengeState, Identifier, Order, State, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::links::Links;
use crate::problem::{Problem, ProblemType, Subproblem, named};

/// The payload of newAccount ([RFC 8555 section 7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccountPayload<'a> {
    #[serde(default)]
    pub(crate) contact: Vec<String>,
    #[serde(borrow, default)]
    pub(crate) external_account_binding: Option<&'a serde_json::value::RawValue>,
    #[serde(default)]
    pub(crate) only_return_existing: bool,
    #[serde(default)]
    pub(crate) terms_of_service_agreed: bool,
}

/// The payload of an account update (section 7.3.2).
#[derive(Debug, Deserialize)]
pub(crate) struct AccountUpdate {
    pub(crate) contact: Option<Vec<String>>,
    pub(crate) status: Option<String>,
}

/// The payload of newOrder (section 7.4).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewOrderPayload {
    #[serde(deserialize_with = "crate::object::list")]
    pub(crate) identifiers: Vec<WireIdentifier>,
    pub(crate) not_after: Option<String>,
    pub(crate) not_before: Option<String>,
    pub(crate) profile: Option<String>,
}

/// The payload of a request to deactivate an authorization (section 7.5.2).
#[derive(Debug, Deserialize)]
pub(crate) struct StatusUpdate {
    pub(crate) status: Option<String>,
}

/// The payload of finalize (section 7.4).
#[derive(Debug, Deserialize)]
pub(crate) struct FinalizePayload {
    pub(crate) csr: String,
}

/// The payload of revokeCert (section 7.6).
#[derive(Debug, Deserialize)]
pub(crate) struct RevokePayload {
    pub(crate) certificate: String,
    pub(crate) reason: Option<i64>,
}

/// An identifier as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireIdentifier {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) value: String,
}

impl From<&Identifier> for WireIdentifier {
    fn from(identifier: &Identifier) -> Self {
        let kind = match identifier {
            Identifier::Dns(_) => "dns",
            Identifier::Ip(_) => "ip",
        };
        Self {
            kind: kind.to_owned(),
            value: identifier.value(),
        }
    }
}

impl WireIdentifier {
    pub(crate) fn parse(&self) -> Result<Identifier, Subproblem> {
        let malformed = |error: certlocker_core::InvalidIdentifier| {
            Subproblem::new(ProblemType::Malformed, error.to_string(), None)
        };
        match self.kind.as_str() {
            "dns" => Identifier::dns(&self.value).map_err(malformed),
            "ip" => Identifier::ip(&self.value).map_err(malformed),
            other => {
                let detail = format!(
                    "identifiers of type {} are not known here; `dns` and `ip` are",
                    named(other)
                );
                Err(Subproblem::new(
                    ProblemType::UnsupportedIdentifier,
                    detail,
                    None,
                ))
            }
        }
    }
}

/// The directory (section 7.1.1).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireDirectory {
    pub(crate) key_change: String,
    pub(crate) new_account: String,
    pub(crate) new_nonce: String,
    pub(crate) new_order: String,
    pub(crate) revoke_cert: String,
    pub(crate) meta: Meta,
}

/// The metadata of the directory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) external_account_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terms_of_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) website: Option<String>,
}

/// An account (section 7.1.2).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireAccount<'a> {
    contact: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_binding: Option<Box<serde_json::value::RawValue>>,
    orders: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    terms_of_service_agreed: Option<bool>,
}

impl<'a> WireAccount<'a> {
    pub(crate) fn new(account: &'a Account, links: &Links) -> Self {
        let status = match account.state() {
            AccountState::Deactivated(_) => "deactivated",
            _ => "valid",
        };
        let binding = account.external_binding().map(str::to_owned);
        Self {
            contact: account.contacts(),
            external_account_binding: binding
                .and_then(|json| serde_json::value::RawValue::from_string(json).ok()),
            orders: links.orders(account.id(), None),
            status,
            terms_of_service_agreed: account.terms_agreed().map(|_| true),
        }
    }
}

/// The orders of an account (section 7.1.2.1).
#[derive(Debug, Serialize)]
pub(crate) struct WireOrders {
    pub(crate) orders: Vec<String>,
}

/// An order (section 7.1.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireOrder {
    authorizations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<serde_json::value::RawValue>>,
    expires: String,
    finalize: String,
    identifiers: Vec<WireIdentifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    status: &'static str,
}

impl WireOrder {
    pub(crate) fn new(order: &Order, links: &Links) -> Self {
        let places = 0..order.authorizations().len();
        let certificate = match order.state() {
            State::Valid(valid) => Some(links.certificate(&valid.certificate)),
            _ => None,
        };
        Self {
            authorizations: places
                .map(|place| links.authorization(order.id(), place))
                .collect(),
            certificate,
            error: order_error(order),
            expires: order.expires().to_rfc3339_seconds(),
            finalize: links.finalize(order.id()),
            identifiers: order
                .identifiers()
                .iter()
                .map(WireIdentifier::from)
                .collect(),
            not_after: order.not_after().map(Timestamp::to_rfc3339_seconds),
            not_before: order.not_before().map(Timestamp::to_rfc3339_seconds),
            profile: order.profile().map(str::to_owned),
            status: order.status().as_str(),
        }
    }
}

fn order_error(order: &Order) -> Option<Box<serde_json::value::RawValue>> {
    let State::Invalid(invalid) = order.state() else {
        return None;
    };
    let mut problem = Problem::from(&invalid.reason.failure());
    if let certlocker_core::Reason::Challenges(failed) = &invalid.reason
        && failed.len() > 1
    {
        problem.kind = ProblemType::Compound;
        problem.subproblems = failed
            .iter()
            .map(|one| {
                Subproblem::new(
                    one.failure.kind.into(),
                    &one.failure.detail,
                    Some(one.identifier.clone()),
                )
            })
            .collect();
    }
    raw(&problem)
}

fn raw(problem: &Problem) -> Option<Box<serde_json::value::RawValue>> {
    let json = String::from_utf8(problem.to_json()).ok()?;
    serde_json::value::RawValue::from_string(json).ok()
}

/// An authorization (section 7.1.4).
#[derive(Debug, Serialize)]
pub(crate) struct WireAuthorization {
    challenges: Vec<WireChallenge>,
    expires: String,
    identifier: WireIdentifier,
    status: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wildcard: bool,
}

impl WireAuthorization {
    pub(crate) fn new(order: &Order, place: usize, links: &Links, now: Timestamp) -> Option<Self> {
        let authorization = order.authorizations().get(place)?;
        let status = authorization.status(now);
        let challenges = shown(authorization, status).map(|challenge| {
            let challenge_ref = ChallengeRef {
                authorization: place,
                method: challenge.method(),
            };
            WireChallenge::new(challenge, links.challenge(order.id(), challenge_ref))
        });
        Some(Self {
            challenges: challenges.collect(),
            expires: authorization.expires().to_rfc3339_seconds(),
            identifier: WireIdentifier::from(&authorization.identifier()),
            status: status.as_str(),
            wildcard: authorization.is_wildcard(),
        })
    }
}

/// A pending authorization shows every challenge, a final one the challenge that decided it
/// (section 7.1.4).
fn shown(
    authorization: &Authorization,
    status: AuthorizationStatus,
) -> impl Iterator<Item = &Challenge> {
    let decisive = move |challenge: &&Challenge| match status {
        AuthorizationStatus::Valid | AuthorizationStatus::Expired => {
            matches!(challenge.state(), ChallengeState::Valid(_))
        }
        AuthorizationStatus::Invalid => matches!(challenge.state(), ChallengeState::Invalid(_)),
        _ => true,
    };
    authorization.challenges().iter().filter(decisive)
}

/// A challenge (section 7.1.5).
#[derive(Debug, Serialize)]
pub(crate) struct WireChallenge {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<serde_json::value::RawValue>>,
    status: &'static str,
    token: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validated: Option<String>,
}

impl WireChallenge {
    pub(crate) fn new(challenge: &Challenge, url: String) -> Self {
        let (status, failure, validated) = match challenge.state() {
            ChallengeState::Pending => ("pending", None, None),
            ChallengeState::Processing(processing) => {
                ("processing", processing.last_error.as_ref(), None)
            }
            ChallengeState::Valid(at) => ("valid", None, Some(at.to_rfc3339_seconds())),
            ChallengeState::Invalid(failure) => ("invalid", Some(failure), None),
        };
        Self {
            kind: challenge.method().as_str(),
            error: failure.and_then(|failure| raw(&Problem::from(failure))),
            status,
            token: challenge.token().to_owned(),
            url,
            validated,
        }
    }
}
