//! Accounts: who may ask, known by their key.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::change::{Entry, private};
use crate::{
    AccountId, Aggregate, ClientId, Event, Kind, Random, Timestamp, Transition, Versioned,
};

/// An account at our gateway ([RFC 8555 section 7.1.2]).
///
/// [RFC 8555 section 7.1.2]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    id: AccountId,
    client: Option<ClientId>,
    contacts: Vec<String>,
    external_binding: Option<String>,
    key: AccountKey,
    state: AccountState,
    terms_agreed: Option<Timestamp>,
}

/// What an account is registered with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewAccount {
    /// The scoped client whose credential vouches for it.
    pub client: Option<ClientId>,
    /// `mailto:` URLs.
    pub contacts: Vec<String>,
    /// The external account binding as it was sent, shown again in the account object.
    pub external_binding: Option<String>,
    /// The key.
    pub key: AccountKey,
    /// When the terms of service were agreed to.
    pub terms_agreed: Option<Timestamp>,
}

/// A public key, known by its thumbprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever reads keys")]
pub struct AccountKey {
    /// The key as a canonical JSON Web Key; core never looks inside.
    pub jwk: String,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: Thumbprint,
}

/// Whether an account may still act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountState {
    /// It may.
    Valid,
    /// Its holder closed it, at this time.
    Deactivated(Timestamp),
}

impl Account {
    /// Registers an account.
    pub fn create(new: NewAccount, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let account = Self {
            id: AccountId::new(now, random),
            client: new.client,
            contacts: new.contacts,
            external_binding: new.external_binding,
            key: new.key,
            state: AccountState::Valid,
            terms_agreed: new.terms_agreed,
        };
        let created = Event::AccountCreated {
            account_id: account.id,
            client_id: account.client,
            thumbprint: account.key.thumbprint,
        };
        Transition::create(account, vec![created], now)
    }

    /// Its id.
    pub fn id(&self) -> &AccountId {
        &self.id
    }

    /// The scoped client whose scope binds it.
    pub fn client(&self) -> Option<&ClientId> {
        self.client.as_ref()
    }

    /// Its contacts, as `mailto:` URLs.
    pub fn contacts(&self) -> &[String] {
        &self.contacts
    }

    /// The external account binding it was registered with, as JSON.
    pub fn external_binding(&self) -> Option<&str> {
        self.external_binding.as_deref()
    }

    /// Its key.
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Whether it may still act.
    pub fn state(&self) -> AccountState {
        self.state
    }

    /// When it agreed to the terms of service.
    pub fn terms_agreed(&self) -> Option<Timestamp> {
        self.terms_agreed
    }
}

impl Versioned<Account> {
    /// Replaces the contacts.
    pub fn set_contacts(&self, contacts: Vec<String>, now: Timestamp) -> Transition<Account> {
        let updated = Event::AccountUpdated {
            account_id: self.value.id,
            contacts: contacts.len(),
        };
        self.step(
            Account {
                contacts,
                ..self.value.clone()
            },
            vec![updated],
            now,
        )
    }

    /// Replaces the key ([RFC 8555 section 7.3.5]).
    ///
    /// [RFC 8555 section 7.3.5]: https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5
    pub fn change_key(&self, key: AccountKey, now: Timestamp) -> Transition<Account> {
        let changed = Event::AccountKeyChanged {
            account_id: self.value.id,
            new_thumbprint: key.thumbprint,
            old_thumbprint: self.value.key.thumbprint,
        };
        self.step(
            Account {
                key,
                ..self.value.clone()
            },
            vec![changed],
            now,
        )
    }

    /// Closes the account; its key stays taken. Its open orders are ended in the same commit by
    /// [`Versioned::<Order>::account_deactivated`](Versioned::account_deactivated).
    pub fn deactivate(&self, now: Timestamp) -> Transition<Account> {
        let deactivated = Event::AccountDeactivated {
            account_id: self.value.id,
        };
        self.step(
            Account {
                state: AccountState::Deactivated(now),
                ..self.value.clone()
            },
            vec![deactivated],
            now,
        )
    }
}

impl private::Sealed for Account {}

impl Aggregate for Account {
    const KIND: Kind = Kind::Account;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![Entry::unique(Self::BY_KEY, self.key.thumbprint)];
        entries.extend(
            self.client
                .map(|client| Entry::new(Self::BY_CLIENT, client)),
        );
        entries
    }
}

impl Account {
    /// The index of accounts by the scoped client that vouched for them.
    pub(crate) const BY_CLIENT: &'static str = "client";
    /// The index of accounts by the thumbprint of their key.
    pub(crate) const BY_KEY: &'static str = "key";
}

/// The SHA-256 thumbprint of a JSON Web Key ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)),
/// written in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// From the digest.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        let digest = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| InvalidThumbprint)?;
        digest.try_into().map(Self).map_err(|_| InvalidThumbprint)
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = InvalidThumbprint;

    fn try_from(text: String) -> Result<Self, InvalidThumbprint> {
        text.parse()
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.to_string()
    }
}

/// A text that is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a thumbprint: 32 bytes in base64url were expected")]
#[non_exhaustive]
pub struct InvalidThumbprint;
