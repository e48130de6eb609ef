//! People: add, list, reset, switch off.

use std::collections::BTreeSet;

use certlocker_core::{
    Attribution, Changeset, Holder, NewPerson, Page, PasswordHash, Person, PersonId, PersonOrigin,
    Role, Sealed, Secret, SecretPurpose, StoreError, Timestamp, Transition, Versioned,
};
use serde::{Deserialize, Serialize};

use super::{Inventory, InventoryError};
use crate::credential;

/// What a person is made with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct NewPersonRequest {
    /// Their name, unique among people.
    pub name: String,
    /// What they are: viewer, operator, auditor, admin.
    pub roles: Vec<String>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in certlocker_core::Person")]
#[non_exhaustive]
pub struct PersonView {
    pub id: String,
    pub name: String,
    pub roles: Vec<String>,
    pub created: String,
    pub disabled: Option<String>,
    /// Who vouches for them; nothing if they have a password here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What the issuer calls them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// A person with what they sign in with.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IssuedPerson {
    /// Their password; shown this once.
    pub password: String,
    /// The URL for the device that shows their codes; shown this once.
    pub code_url: String,
    /// The person.
    #[serde(flatten)]
    pub view: PersonView,
}

impl std::fmt::Debug for IssuedPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IssuedPerson").field(&self.view).finish()
    }
}

/// The longest name, in bytes.
pub(super) const LONGEST_NAME: usize = 64;
/// How many of somebody's sessions and tokens are ended at once.
const AT_ONCE: usize = 10_000;

impl NewPersonRequest {
    fn roles(&self) -> Result<BTreeSet<Role>, InventoryError> {
        let roles = self.roles.iter().map(|role| role.parse());
        let roles: Result<BTreeSet<Role>, certlocker_core::InvalidRole> = roles.collect();
        let roles = roles.map_err(|error| InventoryError::Invalid(error.to_string()))?;
        match roles.is_empty() {
            true => Err(InventoryError::Invalid(
                "a person needs a role; without, they could do nothing".to_owned(),
            )),
            false => Ok(roles),
        }
    }

    fn name(&self) -> Result<String, InventoryError> {
        let name = &self.name;
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            return Err(InventoryError::Invalid(format!(
                "a person's name has 1 to {LONGEST_NAME} letters, digits, `.`, `-`, `_` and `@`"
            )));
        }
        Ok(name.clone())
    }
}

/// What names are made of.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@')
}

/// What a person signs in with, before it is stored.
struct Fresh {
    code_key: Transition<Sealed>,
    code_url: String,
    hash: PasswordHash,
    password: String,
}

impl Inventory {
    /// Adds a person; what they sign in with is shown this once.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn add_person(
        &self,
        request: &NewPersonRequest,
        by: &Attribution,
    ) -> Result<IssuedPerson, InventoryError> {
        let (name, roles, now) = (request.name()?, request.roles()?, self.clock.now());
        let fresh = self.fresh(&name, now).await?;
        let new = NewPerson {
            code_key: *fresh.code_key.next().id(),
            name,
            password: fresh.hash,
            roles,
        };
        let person = Person::create(new, &mut crate::random::fill, now);
        let view = PersonView::from(person.next());
        let changes = Changeset::of(fresh.code_key.by(by)).and(person.by(by));
        self.store
            .commit(changes)
            .await
            .map_err(|error| match error {
                StoreError::Conflict => InventoryError::Invalid(format!(
                    "there is a person named `{}` already",
                    view.name
                )),
                other => other.into(),
            })?;
        Ok(IssuedPerson {
            password: fresh.password,
            code_url: fresh.code_url,
            view,
        })
    }

    async fn fresh(&self, name: &str, now: Timestamp) -> Result<Fresh, InventoryError> {
        let unusable = |error: credential::Unusable| InventoryError::Invalid(error.to_string());
        let (password, key): (_, Secret) = (credential::new_password(), credential::new_code_key());
        let mut random = crate::random::fill;
        let code_key = self
            .secrets
            .seal(&key, SecretPurpose::CodeKey, &mut random, now);
        Ok(Fresh {
            code_key: code_key.await?,
            code_url: credential::code_url(&key, name)
                .map_err(unusable)?
                .to_string(),
            hash: credential::hash(&password).map_err(unusable)?,
            password: password.to_string(),
        })
    }

    /// People, oldest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn people(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<PersonView>, InventoryError> {
        let people = self.store.people(Page::oldest(limit).after(after)).await?;
        Ok(people
            .iter()
            .map(|person| PersonView::from(&person.value))
            .collect())
    }

    /// Gives a person another password and another key for their codes, shown this once, and ends
    /// their sessions.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn reset_person(
        &self,
        id_or_name: &str,
        by: &Attribution,
    ) -> Result<IssuedPerson, InventoryError> {
        let (person, now) = (self.find_person(id_or_name).await?, self.clock.now());
        let fresh = self.fresh(person.value.name(), now).await?;
        let key = *fresh.code_key.next().id();
        let reset = person.reset(fresh.hash, key, now);
        let reset = reset.ok_or_else(|| without_password(&person.value))?;
        let changes = Changeset::of(fresh.code_key.by(by)).and(reset.by(by));
        let changes = self.without_sessions(&person.value, changes, now).await?;
        self.store.commit(changes).await?;
        Ok(IssuedPerson {
            password: fresh.password,
            code_url: fresh.code_url,
            view: PersonView::from(&person.value),
        })
    }

    /// Switches a person off, ends their sessions and revokes the tokens that they made.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn disable_person(
        &self,
        id_or_name: &str,
        by: &Attribution,
    ) -> Result<PersonView, InventoryError> {
        let (person, now) = (self.find_person(id_or_name).await?, self.clock.now());
        let Some(disabled) = person.disable(now) else {
            return Ok(PersonView::from(&person.value));
        };
        let view = PersonView::from(disabled.next());
        let changes = Changeset::of(disabled.by(by));
        let mut changes = self.without_sessions(&person.value, changes, now).await?;
        let because = by.clone();
        let because = because.because_of(certlocker_core::Subject::Person(*person.value.id()));
        for token in self
            .store
            .tokens_of(person.value.id(), Page::oldest(AT_ONCE))
            .await?
        {
            if let Some(revoked) = token.revoke(None, now) {
                changes = changes.and(revoked.by(&because));
            }
        }
        self.store.commit(changes).await?;
        Ok(view)
    }

    /// The same, with the end of the person's sessions.
    pub(super) async fn without_sessions(
        &self,
        person: &Person,
        mut changes: Changeset,
        now: Timestamp,
    ) -> Result<Changeset, InventoryError> {
        let holder = Holder::Person(*person.id());
        for session in self
            .store
            .sessions_of(&holder, Page::oldest(AT_ONCE))
            .await?
        {
            changes = changes.and(session.forget(now));
        }
        Ok(changes)
    }

    async fn find_person(&self, id_or_name: &str) -> Result<Versioned<Person>, InventoryError> {
        let missing = || format!("person `{id_or_name}`");
        match id_or_name.parse::<PersonId>() {
            Ok(id) => {
                let found = self.store.person(&id).await;
                found.map_err(|error| InventoryError::store(error, missing))
            }
            Err(_) => {
                let found = self.store.person_by_name(id_or_name).await?;
                found.ok_or_else(|| InventoryError::NotFound(missing()))
            }
        }
    }
}

fn without_password(person: &Person) -> InventoryError {
    let issuer = person.origin().map_or("an issuer", PersonOrigin::issuer);
    let name = person.name();
    InventoryError::Invalid(format!(
        "{name} has no password here: they sign in with the account that {issuer} gave them"
    ))
}

impl From<&Person> for PersonView {
    fn from(person: &Person) -> Self {
        let origin = person.origin();
        Self {
            id: person.id().to_string(),
            name: person.name().to_owned(),
            roles: person.roles().iter().map(ToString::to_string).collect(),
            created: person.id().created().to_rfc3339_seconds(),
            disabled: person.disabled().map(Timestamp::to_rfc3339_seconds),
            issuer: origin.map(|origin| origin.issuer().to_owned()),
            subject: origin.map(|origin| origin.subject().to_owned()),
        }
    }
}
