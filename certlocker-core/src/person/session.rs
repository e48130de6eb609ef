//! Sessions: a browser that somebody signed in with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::change::{DUE, Entry, private};
use crate::secret::hexadecimal;
use crate::{
    Aggregate, Change, Event, Kind, PersonId, Random, Subject, Timestamp, TokenId, Transition,
    Versioned,
};

/// A browser that somebody signed in with, until a time. Its key is the SHA-256 of what the browser
/// has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    key: String,
    expires: Timestamp,
    holder: Holder,
}

/// Who is behind a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "people and programs sign in")]
pub enum Holder {
    /// A person.
    Person(PersonId),
    /// Whoever has a token.
    Token(TokenId),
}

impl Holder {
    /// The history that tells of it.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Person(id) => Subject::Person(*id),
            Self::Token(id) => Subject::Token(*id),
        }
    }
}

/// What a browser has of a session: random, and kept nowhere else.
///
/// No Debug that shows it, no Serialize, no Clone; overwritten when dropped.
pub struct SessionText(Zeroizing<String>);

impl SessionText {
    const OCTETS: usize = 32;

    /// A new one.
    pub fn draw(random: Random<'_>) -> Self {
        let mut octets = Zeroizing::new([0; Self::OCTETS]);
        random(&mut octets[..]);
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(&octets[..])))
    }

    /// One that a browser sent.
    pub fn given(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Shows it to the browser.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key under which the session is kept.
    pub fn key(&self) -> String {
        hexadecimal(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for SessionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionText")
    }
}

impl Session {
    /// Opens a session.
    pub fn open(
        text: &SessionText,
        holder: Holder,
        expires: Timestamp,
        now: Timestamp,
    ) -> Transition<Self> {
        let session = Self {
            key: text.key(),
            expires,
            holder,
        };
        let opened = Event::SessionOpened {
            expires,
            holder: holder.subject(),
        };
        Transition::create(session, vec![opened], now)
    }

    /// Who is behind it.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// Whether it lasts at `now`.
    pub fn lasts(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}

impl Versioned<Session> {
    /// Closes it, because its holder says so.
    pub fn close(&self, now: Timestamp) -> Transition<Session> {
        let closed = Event::SessionClosed {
            holder: self.value.holder.subject(),
        };
        self.removal(vec![closed], now)
    }

    /// Removes it without a record: with what was recorded before, it is over.
    pub fn forget(&self, now: Timestamp) -> Change<Session> {
        self.removal(Vec::new(), now).without_record()
    }
}

impl private::Sealed for Session {}

impl Aggregate for Session {
    const KIND: Kind = Kind::Session;

    fn key(&self) -> String {
        self.key.clone()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![
            Entry::new(Self::BY_HOLDER, self.holder.subject()),
            Entry::new(DUE, self.expires),
        ]
    }
}

impl Session {
    /// The index of sessions by their holder.
    pub(crate) const BY_HOLDER: &'static str = "holder";
}
