//! Reads tokens, and keeps when each was used last.

use async_trait::async_trait;

use super::find::entry;
use super::reads::{many, one};
use super::{By, Ledger, Page, Rows, StoreError};
use crate::{Changeset, Timestamp, Token, TokenId, TokenUse, Versioned};

/// Reads tokens, and keeps when each was used last.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token with this id; [`StoreError::NotFound`] if there is none.
    async fn token(&self, id: &TokenId) -> Result<Versioned<Token>, StoreError>;

    /// Tokens.
    async fn tokens(&self, page: Page) -> Result<Vec<Versioned<Token>>, StoreError>;

    /// Tokens below this one, at whatever depth.
    async fn tokens_below(
        &self,
        id: &TokenId,
        page: Page,
    ) -> Result<Vec<Versioned<Token>>, StoreError>;

    /// When a token was used last, to the minute; nothing if it never was.
    async fn token_use(&self, id: &TokenId) -> Result<Option<Versioned<TokenUse>>, StoreError>;

    /// Notes that a token was used: one write a minute at most, however many processes note it, and
    /// no record.
    async fn note_token_use(&self, id: &TokenId, now: Timestamp) -> Result<(), StoreError>;
}

#[async_trait]
impl<S: Rows + Ledger + ?Sized> TokenStore for S {
    async fn token(&self, id: &TokenId) -> Result<Versioned<Token>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn tokens(&self, page: Page) -> Result<Vec<Versioned<Token>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn tokens_below(
        &self,
        id: &TokenId,
        page: Page,
    ) -> Result<Vec<Versioned<Token>>, StoreError> {
        many(self, entry(Token::BELOW, id), page).await
    }

    async fn token_use(&self, id: &TokenId) -> Result<Option<Versioned<TokenUse>>, StoreError> {
        match one(self, id.to_string()).await {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn note_token_use(&self, id: &TokenId, now: Timestamp) -> Result<(), StoreError> {
        let noted = match self.token_use(id).await? {
            Some(last) => last.again(now),
            None => Some(TokenUse::first(*id, now)),
        };
        let Some(noted) = noted else { return Ok(()) };
        match self.commit(Changeset::of(noted.without_record())).await {
            // Another process noted it at the same time.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
