//! Signing in and out, and what is left of sessions that are over.

use std::time::Duration;

use certlocker_core::{
    Actor, Attribution, Changeset, Holder, Kind, Person, SecretPurpose, Session, SessionText,
    SignInFailure, SignInRefusal, StoreError, Subject, Timestamp, TokenId, Versioned,
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{Inventory, InventoryError};
use crate::credential;

/// What somebody signs in with.
#[derive(serde::Deserialize)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: Zeroizing<String>,
    pub(crate) code: String,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    #[error("the sign-in cannot be looked at now")]
    Failed(#[from] InventoryError),
    /// Nothing was looked at, and nothing is on record for it alone.
    #[error("the name, the password or the code is not right")]
    Unseen(&'static str),
    #[error("too many attempts failed; the next one counts at {}", .0.to_rfc3339_seconds())]
    Later(Timestamp),
    /// The failure is on record.
    #[error("the name, the password or the code is not right")]
    Wrong,
    /// An issuer vouches for them, and that is not enough, which is on record.
    #[cfg(feature = "oidc")]
    #[error("{0}")]
    NotAdmitted(&'static str),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);
/// Each takes a good part of a processor, and its memory.
static PASSWORDS_AT_ONCE: Semaphore = Semaphore::const_new(2);
pub(super) const TRIES: usize = 10;
/// How long a session that is over is claimed to be removed.
const CLAIMED: Duration = Duration::from_secs(60);

impl Inventory {
    /// Opens a session for a person with the right password and code; `by` is somebody unknown.
    pub(crate) async fn sign_in(
        &self,
        given: Credentials,
        by: &Attribution,
    ) -> Result<SessionText, SignInError> {
        let named = self.store.person_by_name(&given.name).await?;
        let Some(person) = named.filter(|person| person.value.password().is_some()) else {
            is_right(given.password, None).await;
            return Err(SignInError::Unseen("unknown"));
        };
        person.value.may_try(self.clock.now()).map_err(refused)?;
        let by = by.clone().because_of(Subject::Person(*person.value.id()));
        if !is_right(given.password, Some(&person.value)).await {
            return self.fail(person, SignInFailure::Password, &by).await;
        }
        let now = self.clock.now();
        let Some(key) = person.value.code_key() else {
            return Err(SignInError::Unseen("unknown"));
        };
        let key = self
            .secrets
            .open(key, SecretPurpose::CodeKey, &by, now)
            .await;
        let step = credential::code_step(&key.map_err(InventoryError::from)?, &given.code, now);
        let step = step.map_err(|error| InventoryError::Invalid(error.to_string()))?;
        let Some(let_in) = step.and_then(|step| person.signed_in(step, now)) else {
            return self.fail(person, SignInFailure::Code, &by).await;
        };
        let holder = Holder::Person(*person.value.id());
        let by = acting(&by, Actor::Person(*person.value.id()));
        let changes = Changeset::of(let_in.by(&by));
        Ok(self.open_session(holder, Some(changes), &by, now).await?)
    }

    /// Opens a session for whoever showed a token that counts.
    pub(crate) async fn sign_in_with_token(
        &self,
        token: TokenId,
        by: &Attribution,
    ) -> Result<SessionText, InventoryError> {
        let by = acting(by, Actor::Token(token)).because_of(Subject::Token(token));
        let (holder, now) = (Holder::Token(token), self.clock.now());
        self.open_session(holder, None, &by, now).await
    }

    pub(super) async fn open_session(
        &self,
        holder: Holder,
        changes: Option<Changeset>,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<SessionText, InventoryError> {
        let text = SessionText::draw(&mut crate::random::fill);
        let opened = Session::open(&text, holder, now.after(LIFETIME).whole_seconds(), now).by(by);
        let changes = match changes {
            Some(changes) => changes.and(opened),
            None => Changeset::of(opened),
        };
        self.store.commit(changes).await?;
        Ok(text)
    }

    /// Counts a failure, however many there are at the same time.
    pub(super) async fn fail<T>(
        &self,
        mut person: Versioned<Person>,
        why: SignInFailure,
        by: &Attribution,
    ) -> Result<T, SignInError> {
        for _ in 0..TRIES {
            let Some(failed) = person.failed(why, self.clock.now()) else {
                return Err(SignInError::Unseen("unknown"));
            };
            match self.store.commit(failed.by(by).into()).await {
                Ok(_) => return Err(SignInError::Wrong),
                Err(StoreError::Conflict) => person = self.store.person(person.value.id()).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Closes a session, if it lasts; `by` is somebody unknown.
    pub(crate) async fn sign_out(
        &self,
        text: &SessionText,
        by: &Attribution,
    ) -> Result<(), InventoryError> {
        let session = match self.store.session(text).await {
            Ok(session) => session,
            Err(StoreError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let by = acting(by, actor(&session.value.holder()));
        let closed = session.close(self.clock.now()).by(&by);
        match self.store.commit(closed.into()).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes sessions that are over, up to `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_old_sessions(&self, limit: usize) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due = self
            .store
            .claim_due(Kind::Session, now, now.after(CLAIMED), limit);
        for lease in due.await? {
            let session = self.store.session_by_key(&lease.key).await?;
            let forgotten = Changeset::of(session.forget(now)).under(lease);
            self.store.commit(forgotten).await?;
        }
        Ok(())
    }
}

fn actor(holder: &Holder) -> Actor {
    match holder {
        Holder::Person(id) => Actor::Person(*id),
        Holder::Token(id) => Actor::Token(*id),
    }
}

/// The same request, now that it is known who acts.
pub(super) fn acting(by: &Attribution, actor: Actor) -> Attribution {
    Attribution {
        actor,
        ..by.clone()
    }
}

pub(super) fn refused(refusal: SignInRefusal) -> SignInError {
    match refusal {
        SignInRefusal::Disabled => SignInError::Unseen("disabled"),
        SignInRefusal::Later(until) => SignInError::Later(until),
    }
}

/// Whether a password is right; it takes as long if there is nobody to have one.
pub(super) async fn is_right(password: Zeroizing<String>, person: Option<&Person>) -> bool {
    let Ok(_place) = PASSWORDS_AT_ONCE.acquire().await else {
        return false;
    };
    let hash = person.and_then(Person::password).cloned();
    let looked = tokio::task::spawn_blocking(move || match hash {
        Some(hash) => credential::is_password(&password, &hash),
        None => {
            credential::is_nobodys_password(&password);
            false
        }
    });
    looked.await.unwrap_or(false)
}
