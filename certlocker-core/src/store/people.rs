//! Reads people and their sessions.

use async_trait::async_trait;

use super::find::entry;
use super::reads::{many, newest, one};
use super::{By, Page, Rows, StoreError};
use crate::{Holder, Person, PersonId, PersonOrigin, Session, SessionText, Token, Versioned};

/// Reads people, and what they have: sessions and tokens.
#[async_trait]
pub trait PersonStore: Send + Sync {
    /// The person with this id; [`StoreError::NotFound`] if there is none.
    async fn person(&self, id: &PersonId) -> Result<Versioned<Person>, StoreError>;

    /// The person with this name.
    async fn person_by_name(&self, name: &str) -> Result<Option<Versioned<Person>>, StoreError>;

    /// The person for whom an issuer vouches.
    async fn person_by_origin(
        &self,
        origin: &PersonOrigin,
    ) -> Result<Option<Versioned<Person>>, StoreError>;

    /// People.
    async fn people(&self, page: Page) -> Result<Vec<Versioned<Person>>, StoreError>;

    /// The session of a browser; [`StoreError::NotFound`] if there is none.
    async fn session(&self, text: &SessionText) -> Result<Versioned<Session>, StoreError>;

    /// The session that is kept under this key; [`StoreError::NotFound`] if there is none.
    async fn session_by_key(&self, key: &str) -> Result<Versioned<Session>, StoreError>;

    /// Sessions of a person or a token.
    async fn sessions_of(
        &self,
        holder: &Holder,
        page: Page,
    ) -> Result<Vec<Versioned<Session>>, StoreError>;

    /// Tokens that a person made, and those below them.
    async fn tokens_of(
        &self,
        person: &PersonId,
        page: Page,
    ) -> Result<Vec<Versioned<Token>>, StoreError>;
}

#[async_trait]
impl<S: Rows + ?Sized> PersonStore for S {
    async fn person(&self, id: &PersonId) -> Result<Versioned<Person>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn person_by_name(&self, name: &str) -> Result<Option<Versioned<Person>>, StoreError> {
        newest(self, entry(Person::BY_NAME, name)).await
    }

    async fn person_by_origin(
        &self,
        origin: &PersonOrigin,
    ) -> Result<Option<Versioned<Person>>, StoreError> {
        newest(self, entry(Person::BY_ORIGIN, origin)).await
    }

    async fn people(&self, page: Page) -> Result<Vec<Versioned<Person>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn session(&self, text: &SessionText) -> Result<Versioned<Session>, StoreError> {
        one(self, text.key()).await
    }

    async fn session_by_key(&self, key: &str) -> Result<Versioned<Session>, StoreError> {
        one(self, key.to_owned()).await
    }

    async fn sessions_of(
        &self,
        holder: &Holder,
        page: Page,
    ) -> Result<Vec<Versioned<Session>>, StoreError> {
        many(self, entry(Session::BY_HOLDER, holder.subject()), page).await
    }

    async fn tokens_of(
        &self,
        person: &PersonId,
        page: Page,
    ) -> Result<Vec<Versioned<Token>>, StoreError> {
        many(self, entry(Token::BY_OWNER, person), page).await
    }
}
