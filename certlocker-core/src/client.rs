//! Scoped clients: credentials that may order so much and no more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Entry, private};
use crate::{
    Account, AccountId, Aggregate, ClientId, Event, Kind, Random, Scope, SecretId, Timestamp,
    Transition, Versioned,
};

/// A scoped ACME client: a credential for external account binding ([RFC 8555 section 7.3.4]) and
/// the scope of every account that is registered with it.
///
/// [RFC 8555 section 7.3.4]: https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    id: ClientId,
    disabled: Option<Timestamp>,
    expires: Option<Timestamp>,
    mac_key: SecretId,
    name: String,
    proof_reuse: bool,
    quirks: BTreeSet<Quirk>,
    scope: Scope,
    uses: Uses,
}

/// What a scoped client is made with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewClient {
    /// Until when it may order.
    pub expires: Option<Timestamp>,
    /// The sealed MAC key of its credential.
    pub mac_key: SecretId,
    /// A name for people, unique among clients.
    pub name: String,
    /// Whether an earlier proof of its accounts lets a new order start with it.
    pub proof_reuse: bool,
    /// Known mistakes that it is allowed to make.
    pub quirks: BTreeSet<Quirk>,
    /// What it may order.
    pub scope: Scope,
    /// How many accounts its credential registers.
    pub uses: Uses,
}

/// How many accounts a credential registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "one, used or not, or any number")]
pub enum Uses {
    /// Any number.
    Any,
    /// One, which has not come yet.
    Once,
    /// One, which is this.
    UsedBy(AccountId),
}

/// A mistake of widespread clients that may be admitted, client by client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Quirk {
    /// The certificate request is base64url with padding.
    PaddedCsr,
    /// The finalize URL is polled with POST-as-GET as if it were the order.
    PolledFinalize,
    /// An ES256 signature lacks a leading zero octet.
    ShortSignature,
}

impl Quirk {
    /// Every quirk with its name.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::PaddedCsr, "padded-csr"),
        (Self::PolledFinalize, "polled-finalize"),
        (Self::ShortSignature, "short-signature"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PaddedCsr => "padded-csr",
            Self::PolledFinalize => "polled-finalize",
            Self::ShortSignature => "short-signature",
        }
    }
}

/// Why a client's credential is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientRefusal {
    /// It was switched off.
    #[error("this client was disabled at {0}")]
    Disabled(Timestamp),
    /// Its time is over.
    #[error("this client expired at {0}")]
    Expired(Timestamp),
    /// It was for one account, and that exists.
    #[error("this credential was for one account, which has been registered")]
    Used,
}

impl Client {
    /// Makes a scoped client.
    pub fn create(new: NewClient, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let client = Self {
            id: ClientId::new(now, random),
            disabled: None,
            expires: new.expires,
            mac_key: new.mac_key,
            name: new.name,
            proof_reuse: new.proof_reuse,
            quirks: new.quirks,
            scope: new.scope,
            uses: new.uses,
        };
        let created = Event::ClientCreated {
            client_id: client.id,
            name: client.name.clone(),
            scope: client.scope.clone(),
        };
        Transition::create(client, vec![created], now)
    }

    /// Its id, which is the key identifier of its credential.
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may order.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The secret that holds its MAC key.
    pub fn mac_key(&self) -> &SecretId {
        &self.mac_key
    }

    /// Until when it may order.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// When it was switched off.
    pub fn disabled(&self) -> Option<Timestamp> {
        self.disabled
    }

    /// How many accounts its credential registers.
    pub fn uses(&self) -> Uses {
        self.uses
    }

    /// Whether an earlier proof lets a new order start with it.
    pub fn reuses_proofs(&self) -> bool {
        self.proof_reuse
    }

    /// Whether it may make this mistake.
    pub fn admits(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Whether its accounts may order at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), ClientRefusal> {
        if let Some(at) = self.disabled {
            return Err(ClientRefusal::Disabled(at));
        }
        match self.expires {
            Some(at) if at <= now => Err(ClientRefusal::Expired(at)),
            _ => Ok(()),
        }
    }

    /// Whether its credential may register another account at `now`.
    pub fn check_registration(&self, now: Timestamp) -> Result<(), ClientRefusal> {
        self.check(now)?;
        match self.uses {
            Uses::Any | Uses::Once => Ok(()),
            Uses::UsedBy(_) => Err(ClientRefusal::Used),
        }
    }
}

impl Versioned<Client> {
    /// Uses up a single-use credential for `account`; nothing for one with any number of uses.
    pub fn bind(&self, account: &Account, now: Timestamp) -> Option<Transition<Client>> {
        if self.value.uses == Uses::Any {
            return None;
        }
        let bound = Event::ClientBound {
            account_id: *account.id(),
            client_id: self.value.id,
        };
        let next = Client {
            uses: Uses::UsedBy(*account.id()),
            ..self.value.clone()
        };
        Some(self.step(next, vec![bound], now))
    }

    /// Switches the client off: no new account, no new order.
    pub fn disable(&self, now: Timestamp) -> Transition<Client> {
        let disabled = Event::ClientDisabled {
            client_id: self.value.id,
        };
        self.step(
            Client {
                disabled: Some(now),
                ..self.value.clone()
            },
            vec![disabled],
            now,
        )
    }
}

impl private::Sealed for Client {}

impl Aggregate for Client {
    const KIND: Kind = Kind::Client;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::unique(Self::BY_NAME, &self.name)]
    }
}

impl Client {
    /// The index of clients by their name.
    pub(crate) const BY_NAME: &'static str = "name";
}
