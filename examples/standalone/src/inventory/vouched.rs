//! Signing in people for whom an issuer vouches.

use std::collections::BTreeSet;

use certlocker_core::{
    Actor, Attribution, Changeset, Holder, Person, PersonOrigin, Role, SessionText, StoreError,
    Subject, Timestamp, Versioned,
};

use super::Inventory;
use super::person::{LONGEST_NAME, is_plain};
use super::sign_in::{SignInError, TRIES, acting};

/// Somebody for whom an issuer vouches.
#[derive(Debug)]
pub(crate) struct Vouched {
    /// What they would like to be called.
    pub(crate) name: String,
    /// Who vouches for them.
    pub(crate) origin: PersonOrigin,
    /// What they are by what the issuer says of them.
    pub(crate) roles: BTreeSet<Role>,
}

impl Inventory {
    /// Opens a session for somebody for whom an issuer vouches, who is added if they are new; `by`
    /// is somebody unknown.
    pub(crate) async fn sign_in_vouched(
        &self,
        vouched: &Vouched,
        by: &Attribution,
    ) -> Result<SessionText, SignInError> {
        for _ in 0..TRIES {
            let attempt = match self.store.person_by_origin(&vouched.origin).await? {
                Some(person) => self.let_in(vouched, &person, by).await,
                None => self.add_vouched(vouched, by).await,
            };
            match attempt {
                // Somebody else signed in or was added at the same time.
                Err(SignInError::Failed(error)) if error.is_conflict() => {}
                done => return done,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn add_vouched(
        &self,
        vouched: &Vouched,
        by: &Attribution,
    ) -> Result<SessionText, SignInError> {
        let now = self.clock.now();
        if vouched.roles.is_empty() {
            return self.refuse(vouched, None, Refusal::NoRole, by).await;
        }
        let (name, roles) = (self.free_name(&vouched.name).await?, vouched.roles.clone());
        let random = &mut crate::random::fill;
        let added = Person::vouched(vouched.origin.clone(), name, roles, random, now);
        let id = *added.next().id();
        let by = acting(by, Actor::Person(id));
        let changes = Changeset::of(added.by(&by));
        let by = by.because_of(Subject::Person(id));
        let opened = self.open_session(Holder::Person(id), Some(changes), &by, now);
        Ok(opened.await?)
    }

    async fn let_in(
        &self,
        vouched: &Vouched,
        person: &Versioned<Person>,
        by: &Attribution,
    ) -> Result<SessionText, SignInError> {
        let (id, now) = (*person.value.id(), self.clock.now());
        let by = by.clone().because_of(Subject::Person(id));
        if person.value.disabled().is_some() {
            return self
                .refuse(vouched, Some(person), Refusal::Disabled, &by)
                .await;
        }
        if vouched.roles.is_empty() {
            return self
                .refuse(vouched, Some(person), Refusal::NoRole, &by)
                .await;
        }
        let by = acting(&by, Actor::Person(id));
        let roles = person.take_roles(vouched.roles.clone(), now);
        let changes = roles.map(|roles| Changeset::of(roles.by(&by)));
        let opened = self.open_session(Holder::Person(id), changes, &by, now);
        Ok(opened.await?)
    }

    /// Records that somebody is not let in; who has no role any more loses those that they had, and
    /// their sessions.
    async fn refuse<T>(
        &self,
        vouched: &Vouched,
        person: Option<&Versioned<Person>>,
        refusal: Refusal,
        by: &Attribution,
    ) -> Result<T, SignInError> {
        let now = self.clock.now();
        let id = person.map(|person| *person.value.id());
        let fact = vouched.origin.refused(id, refusal.as_str(), now);
        let mut changes = Changeset::fact(&fact, by);
        if let (Some(person), Refusal::NoRole) = (person, refusal) {
            changes = self.without_roles(person, changes, by, now).await?;
        }
        self.store.commit(changes).await?;
        Err(SignInError::NotAdmitted(refusal.sentence()))
    }

    async fn without_roles(
        &self,
        person: &Versioned<Person>,
        changes: Changeset,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Changeset, SignInError> {
        let changes = match person.take_roles(BTreeSet::new(), now) {
            Some(none) => changes.and(none.by(by)),
            None => changes,
        };
        Ok(self.without_sessions(&person.value, changes, now).await?)
    }

    /// The name, with a number behind it if somebody has it.
    async fn free_name(&self, wanted: &str) -> Result<String, SignInError> {
        const ROOM: usize = 8;
        let plain: String = wanted.chars().filter(|c| is_plain(*c)).collect();
        let plain = match plain.as_str() {
            "" => "person",
            name => &name[..name.len().min(LONGEST_NAME - ROOM)],
        };
        let mut name = plain.to_owned();
        for number in 2.. {
            if self.store.person_by_name(&name).await?.is_none() {
                break;
            }
            name = format!("{plain}-{number}");
        }
        Ok(name)
    }
}

/// Why somebody for whom an issuer vouches is not let in.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Disabled,
    NoRole,
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NoRole => "no_role",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Disabled => "you were switched off here",
            Self::NoRole => "nothing that the issuer says of you gives you a role here",
        }
    }
}
