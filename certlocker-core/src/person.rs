//! People who sign in with a password and a code, and what their roles allow.

mod role;
mod session;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::change::{Entry, private};
use crate::{
    Aggregate, Event, Fact, Kind, PersonId, Random, SecretId, Timestamp, TokenScopes, Transition,
    Versioned,
};

pub use role::{InvalidRole, Role};
pub use session::{Holder, Session, SessionText};

/// A person who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    id: PersonId,
    code_key: SecretId,
    disabled: Option<Timestamp>,
    failures: u32,
    last_failure: Option<Timestamp>,
    /// The time step of the last code that was accepted.
    last_step: u64,
    name: String,
    password: PasswordHash,
    roles: BTreeSet<Role>,
}

/// What a person is made with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewPerson {
    /// The sealed key of their codes ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)).
    pub code_key: SecretId,
    /// Their name, unique among people.
    pub name: String,
    /// The slow hash of their password.
    pub password: PasswordHash,
    /// What they are.
    pub roles: BTreeSet<Role>,
}

/// The slow hash of a password, as a PHC string. No Debug that shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash with this text.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// Its text, to check a password against.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// What was wrong with an attempt to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "what there is to be wrong")]
pub enum SignInFailure {
    /// The code, or it was accepted before.
    Code,
    /// The password.
    Password,
}

impl SignInFailure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Password => "password",
        }
    }
}

/// Why nobody may try to sign in as a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "what there is to hinder")]
pub enum SignInRefusal {
    /// The person was switched off.
    Disabled,
    /// Too many attempts failed: not before this.
    Later(Timestamp),
}

/// So many attempts may fail in turn before there is a pause.
const FREE_FAILURES: u32 = 5;
/// The first pause; each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

impl Person {
    /// Adds a person.
    pub fn create(new: NewPerson, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let person = Self {
            id: PersonId::new(now, random),
            code_key: new.code_key,
            disabled: None,
            failures: 0,
            last_failure: None,
            last_step: 0,
            name: new.name,
            password: new.password,
            roles: new.roles,
        };
        let created = Event::PersonCreated {
            name: person.name.clone(),
            person_id: person.id,
            roles: person.roles.clone(),
        };
        Transition::create(person, vec![created], now)
    }

    /// Their id.
    pub fn id(&self) -> &PersonId {
        &self.id
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they are.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// What their roles allow together.
    pub fn scopes(&self) -> TokenScopes {
        let scopes = self.roles.iter().flat_map(|role| role.scopes().0);
        scopes.collect()
    }

    /// The slow hash of their password.
    pub fn password(&self) -> &PasswordHash {
        &self.password
    }

    /// The sealed key of their codes.
    pub fn code_key(&self) -> &SecretId {
        &self.code_key
    }

    /// When they were switched off.
    pub fn disabled(&self) -> Option<Timestamp> {
        self.disabled
    }

    /// Whether an attempt to sign in is looked at.
    ///
    /// # Errors
    /// [`SignInRefusal`].
    pub fn may_try(&self, now: Timestamp) -> Result<(), SignInRefusal> {
        if self.disabled.is_some() {
            return Err(SignInRefusal::Disabled);
        }
        let doublings = self.failures.checked_sub(FREE_FAILURES);
        let (Some(doublings), Some(last)) = (doublings, self.last_failure) else {
            return Ok(());
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(16));
        let until = last.after(pause.min(LONGEST_PAUSE));
        match now < until {
            true => Err(SignInRefusal::Later(until)),
            false => Ok(()),
        }
    }
}

impl Versioned<Person> {
    /// The person after a right password and a right code of this time step; nothing if that code
    /// or a later one was accepted before.
    pub fn signed_in(&self, step: u64, now: Timestamp) -> Option<Transition<Person>> {
        let next = Person {
            failures: 0,
            last_failure: None,
            last_step: step,
            ..self.value.clone()
        };
        (step > self.value.last_step).then(|| self.step(next, Vec::new(), now))
    }

    /// The person after an attempt that failed.
    pub fn failed(&self, why: SignInFailure, now: Timestamp) -> Transition<Person> {
        let failures = self.value.failures.saturating_add(1);
        let refused = Event::SessionRefused {
            failures,
            person_id: self.value.id,
            why: why.as_str().to_owned(),
        };
        let next = Person {
            failures,
            last_failure: Some(now),
            ..self.value.clone()
        };
        self.step(next, vec![refused], now)
    }

    /// Gives the person another password and another key for their codes, and another chance.
    pub fn reset(
        &self,
        password: PasswordHash,
        code_key: SecretId,
        now: Timestamp,
    ) -> Transition<Person> {
        let reset = Event::PersonReset {
            person_id: self.value.id,
        };
        let next = Person {
            code_key,
            failures: 0,
            last_failure: None,
            last_step: 0,
            password,
            ..self.value.clone()
        };
        self.step(next, vec![reset], now)
    }

    /// Switches the person off; nothing if they were.
    pub fn disable(&self, now: Timestamp) -> Option<Transition<Person>> {
        let disabled = Event::PersonDisabled {
            person_id: self.value.id,
        };
        let next = Person {
            disabled: Some(now),
            ..self.value.clone()
        };
        let is_new = self.value.disabled.is_none();
        is_new.then(|| self.step(next, vec![disabled], now))
    }

    /// The fact that a request of this person was refused for want of `needed`; `operation` is the
    /// method and the route.
    pub fn denied(&self, needed: &str, operation: &str, now: Timestamp) -> Fact {
        let denied = Event::PersonDenied {
            needed: needed.to_owned(),
            operation: operation.to_owned(),
            person_id: self.value.id,
        };
        Fact::new(denied, now)
    }
}

impl private::Sealed for Person {}

impl Aggregate for Person {
    const KIND: Kind = Kind::Person;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::unique(Self::BY_NAME, &self.name)]
    }
}

impl Person {
    /// The index of people by their name.
    pub(crate) const BY_NAME: &'static str = "name";
}

#[cfg(test)]
mod tests;
