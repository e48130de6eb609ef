//! People who sign in, with a password and a code or by an issuer, and what their roles allow.

mod origin;
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

pub use origin::{InvalidOrigin, PersonOrigin};
pub use role::{InvalidRole, Role};
pub use session::{Holder, Session, SessionText};

/// A person who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    id: PersonId,
    disabled: Option<Timestamp>,
    #[serde(flatten)]
    means: Means,
    name: String,
    roles: BTreeSet<Role>,
}

/// What a person signs in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Means {
    Local(Local),
    Origin(PersonOrigin),
}

/// A password and a code, and what became of the attempts with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Local {
    code_key: SecretId,
    failures: u32,
    last_failure: Option<Timestamp>,
    /// The time step of the last code that was accepted.
    last_step: u64,
    password: PasswordHash,
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
    /// Adds a person with a password and a code.
    pub fn create(new: NewPerson, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let means = Means::Local(Local::fresh(new.password, new.code_key));
        Self::add(new.name, new.roles, means, random, now)
    }

    /// Adds a person whom an issuer vouches for.
    pub fn vouched(
        origin: PersonOrigin,
        name: String,
        roles: BTreeSet<Role>,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        Self::add(name, roles, Means::Origin(origin), random, now)
    }

    fn add(
        name: String,
        roles: BTreeSet<Role>,
        means: Means,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let person = Self {
            id: PersonId::new(now, random),
            disabled: None,
            means,
            name,
            roles,
        };
        let origin = person.origin();
        let created = Event::PersonCreated {
            issuer: origin.map(|origin| origin.issuer().to_owned()),
            name: person.name.clone(),
            person_id: person.id,
            roles: person.roles.clone(),
            subject: origin.map(|origin| origin.subject().to_owned()),
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

    /// The slow hash of their password, if they have one.
    pub fn password(&self) -> Option<&PasswordHash> {
        self.local().map(|local| &local.password)
    }

    /// The sealed key of their codes, if they have one.
    pub fn code_key(&self) -> Option<&SecretId> {
        self.local().map(|local| &local.code_key)
    }

    /// Who vouches for them, if somebody does.
    pub fn origin(&self) -> Option<&PersonOrigin> {
        match &self.means {
            Means::Local(_) => None,
            Means::Origin(origin) => Some(origin),
        }
    }

    fn local(&self) -> Option<&Local> {
        match &self.means {
            Means::Local(local) => Some(local),
            Means::Origin(_) => None,
        }
    }

    fn with(&self, local: Local) -> Self {
        Self {
            means: Means::Local(local),
            ..self.clone()
        }
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
        match self.local().and_then(Local::pause) {
            Some(until) if now < until => Err(SignInRefusal::Later(until)),
            _ => Ok(()),
        }
    }
}

impl Local {
    fn fresh(password: PasswordHash, code_key: SecretId) -> Self {
        Self {
            code_key,
            failures: 0,
            last_failure: None,
            last_step: 0,
            password,
        }
    }

    /// Until when nothing is looked at.
    fn pause(&self) -> Option<Timestamp> {
        let doublings = self.failures.checked_sub(FREE_FAILURES)?;
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(16));
        Some(self.last_failure?.after(pause.min(LONGEST_PAUSE)))
    }
}

impl Versioned<Person> {
    /// The person after a right password and a right code of this time step; nothing if that code
    /// or a later one was accepted before, or if they have no password.
    pub fn signed_in(&self, step: u64, now: Timestamp) -> Option<Transition<Person>> {
        let local = self.value.local().filter(|local| step > local.last_step)?;
        let next = Local {
            failures: 0,
            last_failure: None,
            last_step: step,
            ..local.clone()
        };
        Some(self.step(self.value.with(next), Vec::new(), now))
    }

    /// The person after an attempt that failed; nothing if they have no password.
    pub fn failed(&self, why: SignInFailure, now: Timestamp) -> Option<Transition<Person>> {
        let local = self.value.local()?;
        let failures = local.failures.saturating_add(1);
        let refused = Event::SessionRefused {
            failures,
            person_id: self.value.id,
            why: why.as_str().to_owned(),
        };
        let next = Local {
            failures,
            last_failure: Some(now),
            ..local.clone()
        };
        Some(self.step(self.value.with(next), vec![refused], now))
    }

    /// Gives the person another password and another key for their codes, and another chance;
    /// nothing if an issuer vouches for them.
    pub fn reset(
        &self,
        password: PasswordHash,
        code_key: SecretId,
        now: Timestamp,
    ) -> Option<Transition<Person>> {
        self.value.local()?;
        let reset = Event::PersonReset {
            person_id: self.value.id,
        };
        let next = self.value.with(Local::fresh(password, code_key));
        Some(self.step(next, vec![reset], now))
    }

    /// Gives the person the password that they chose; nothing if an issuer vouches for them.
    pub fn change_password(
        &self,
        password: PasswordHash,
        now: Timestamp,
    ) -> Option<Transition<Person>> {
        let local = self.value.local()?.clone();
        let changed = Event::PersonPasswordChanged {
            person_id: self.value.id,
        };
        let next = self.value.with(Local { password, ..local });
        Some(self.step(next, vec![changed], now))
    }

    /// Gives the person the roles that their issuer says; nothing if they have these.
    pub fn take_roles(&self, roles: BTreeSet<Role>, now: Timestamp) -> Option<Transition<Person>> {
        let changed = Event::PersonRolesChanged {
            before: self.value.roles.clone(),
            person_id: self.value.id,
            roles: roles.clone(),
        };
        let is_new = roles != self.value.roles;
        let next = Person {
            roles,
            ..self.value.clone()
        };
        is_new.then(|| self.step(next, vec![changed], now))
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
        let name = Entry::unique(Self::BY_NAME, &self.name);
        let origin = self
            .origin()
            .map(|origin| Entry::unique(Self::BY_ORIGIN, origin));
        [name].into_iter().chain(origin).collect()
    }
}

impl Person {
    /// The index of people by their name.
    pub(crate) const BY_NAME: &'static str = "name";
    /// The index of people by who vouches for them.
    pub(crate) const BY_ORIGIN: &'static str = "origin";
}

#[cfg(test)]
mod tests;
