//! API tokens: make, list, rotate, revoke.

mod request;
mod view;

use std::time::Duration;

use certlocker_core::{
    Attribution, Changeset, Kind, NewToken, Page, Person, PersonId, Sequence, StoreError, Subject,
    Timestamp, Token, TokenId, TokenText, Versioned,
};

use super::{Inventory, InventoryError};
use request::instant;

pub use request::{NewTokenRequest, RotationRequest};
pub use view::{IssuedToken, RevokedTokens, TokenView};

/// Which tokens somebody has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "all of them, or one's own")]
pub enum TokenReach {
    /// Every token.
    All,
    /// This one and those below it.
    From(TokenId),
    /// Those that this person made, and those below them.
    Of(PersonId),
}

impl TokenReach {
    fn includes(self, token: &Token) -> bool {
        match self {
            Self::All => true,
            Self::From(own) => *token.id() == own || token.is_below(&own),
            Self::Of(person) => token.owner() == Some(&person),
        }
    }
}

/// How many rows of a subtree are read at once.
const AT_ONCE: usize = 500;
/// How often something that others change at the same time is tried again.
const TRIES: usize = 5;
/// How long a token is claimed to be removed.
const CLAIMED: Duration = Duration::from_secs(60);

fn invalid(error: impl std::fmt::Display) -> InventoryError {
    InventoryError::Invalid(error.to_string())
}

fn token_id(text: &str) -> Result<TokenId, InventoryError> {
    text.parse().map_err(|_| {
        invalid(format!(
            "`{text}` is no id of a token; `token list` has them"
        ))
    })
}

impl Inventory {
    /// Makes a token, which is shown this once; below another if the request or `reach` says so, and
    /// within the roles of a person who makes it.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn create_token(
        &self,
        request: &NewTokenRequest,
        reach: TokenReach,
        owner: Option<&Person>,
        by: &Attribution,
    ) -> Result<IssuedToken, InventoryError> {
        let above = match (&request.parent, reach) {
            (Some(parent), _) => Some(token_id(parent)?),
            (None, TokenReach::From(own)) => Some(own),
            (None, TokenReach::All | TokenReach::Of(_)) => None,
        };
        for _ in 0..TRIES {
            let parent = match above {
                Some(above) => Some(self.token_within(&above, reach).await?),
                None => None,
            };
            let now = self.clock.now();
            let text = TokenText::draw(&mut crate::random::fill, now);
            let mut new = request.checked(parent.as_ref().map(|parent| &parent.value), now)?;
            if let Some(owner) = owner {
                within_roles(&new, owner)?;
                new.owner = Some(*owner.id());
            }
            let (changes, made) = below(parent.as_ref(), new, &text, by, now)?;
            match self.store.commit(changes).await {
                Ok(_) => {
                    return Ok(IssuedToken {
                        token: text.expose().to_owned(),
                        view: TokenView::of(&made.value, None, now),
                    });
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(InventoryError::Store(StoreError::Conflict))
    }

    /// Tokens, oldest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn tokens(
        &self,
        reach: TokenReach,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<TokenView>, InventoryError> {
        let page = Page::oldest(limit).after(after);
        let found = match reach {
            TokenReach::All => self.store.tokens(page).await?,
            TokenReach::Of(person) => self.store.tokens_of(&person, page).await?,
            TokenReach::From(own) => {
                let first = page.after.is_none();
                let mut found = self.store.tokens_below(&own, page).await?;
                if first {
                    found.insert(0, self.store.token(&own).await?);
                    found.truncate(limit);
                }
                found
            }
        };
        let mut views = Vec::with_capacity(found.len());
        for token in found {
            views.push(self.token_view(&token.value).await?);
        }
        Ok(views)
    }

    async fn token_view(&self, token: &Token) -> Result<TokenView, InventoryError> {
        let used = self.store.token_use(token.id()).await?;
        let used = used.map(|used| used.value.at());
        Ok(TokenView::of(token, used, self.clock.now()))
    }

    /// One token, with who made it.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn token(&self, id: &str, reach: TokenReach) -> Result<TokenView, InventoryError> {
        let token = self.token_within(&token_id(id)?, reach).await?;
        let about = Subject::Token(*token.value.id());
        let history = self.store.records(Some(&about), Sequence::START, 1).await?;
        Ok(TokenView {
            created_by: history.first().map(|record| record.actor.to_string()),
            ..self.token_view(&token.value).await?
        })
    }

    /// Revokes a token and all those below it, with a record for each, in one commit.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn revoke_token(
        &self,
        id: &str,
        reach: TokenReach,
        by: &Attribution,
    ) -> Result<RevokedTokens, InventoryError> {
        let id = token_id(id)?;
        for _ in 0..TRIES {
            let token = self.token_within(&id, reach).await?;
            let (changes, revoked) = self.revocation(&token, by).await?;
            let Some(changes) = changes else {
                return Ok(RevokedTokens { revoked });
            };
            match self.store.commit(changes).await {
                Ok(_) => return Ok(RevokedTokens { revoked }),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(InventoryError::Store(StoreError::Conflict))
    }

    /// What revokes a token and those below it, as far as they are not revoked, and their ids.
    async fn revocation(
        &self,
        token: &Versioned<Token>,
        by: &Attribution,
    ) -> Result<(Option<Changeset>, Vec<String>), InventoryError> {
        let (id, now) = (*token.value.id(), self.clock.now());
        let mut changes = token
            .revoke(None, now)
            .map(|change| Changeset::of(change.by(by)));
        let mut revoked: Vec<String> = changes.iter().map(|_| id.to_string()).collect();
        let mut page = Page::oldest(AT_ONCE);
        loop {
            let part = self.store.tokens_below(&id, page.clone()).await?;
            let Some(last) = part.last() else {
                return Ok((changes, revoked));
            };
            page.after = Some(last.value.id().to_string());
            for below in &part {
                let Some(change) = below.revoke(Some(&id), now) else {
                    continue;
                };
                let change = change.by(&by.clone().because_of(Subject::Token(id)));
                revoked.push(below.value.id().to_string());
                changes = Some(match changes {
                    Some(changes) => changes.and(change),
                    None => Changeset::of(change),
                });
            }
        }
    }

    /// Gives a token another secret, which is shown this once; the one before counts no longer.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn rotate_token(
        &self,
        id: &str,
        request: &RotationRequest,
        reach: TokenReach,
        by: &Attribution,
    ) -> Result<IssuedToken, InventoryError> {
        let token = self.token_within(&token_id(id)?, reach).await?;
        let now = self.clock.now();
        let expires = match &request.expires {
            Some(text) => instant(text, now)?,
            None => token.value.grant().expires,
        };
        let parent = match token.value.parent() {
            Some(parent) => Some(self.store.token(parent).await?.value),
            None => None,
        };
        let text = TokenText::of(*token.value.id(), &mut crate::random::fill);
        let rotated = token.rotate(&text, expires, parent.as_ref(), now);
        let change = rotated.map_err(invalid)?.by(by);
        let after = change.after();
        self.store.commit(change.into()).await?;
        Ok(IssuedToken {
            token: text.expose().to_owned(),
            view: self.token_view(&after.value).await?,
        })
    }

    async fn token_within(
        &self,
        id: &TokenId,
        reach: TokenReach,
    ) -> Result<Versioned<Token>, InventoryError> {
        let absent = || InventoryError::NotFound(format!("token {id}"));
        let found = self.store.token(id).await;
        let found =
            found.map_err(|error| InventoryError::store(error, || format!("token {id}")))?;
        match reach.includes(&found.value) {
            true => Ok(found),
            false => Err(absent()),
        }
    }

    /// Removes tokens that have not counted since `before`, up to `limit`, with what is noted of their
    /// use; the answer is how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_old_tokens(
        &self,
        before: Timestamp,
        limit: usize,
        by: &Attribution,
    ) -> Result<usize, StoreError> {
        let (now, mut removed) = (self.clock.now(), 0);
        let until = now.after(CLAIMED);
        let due = self.store.claim_due(Kind::Token, before, until, limit);
        for lease in due.await? {
            let Ok(id) = lease.key.parse() else { continue };
            let token = self.store.token(&id).await?;
            let Some(removal) = token.remove(now) else {
                self.store.release(&lease).await?;
                continue;
            };
            let mut changes = Changeset::of(removal.by(by)).under(lease);
            if let Some(used) = self.store.token_use(&id).await? {
                changes = changes.and(used.forget(now));
            }
            self.store.commit(changes).await?;
            removed += 1;
        }
        Ok(removed)
    }
}

fn within_roles(new: &NewToken, owner: &Person) -> Result<(), InventoryError> {
    let roles = owner.scopes();
    match roles.exceeded_by(&new.grant.scopes) {
        Some(scope) => Err(invalid(format!(
            "`{scope}` goes beyond the roles of {}, which allow {roles}",
            owner.name()
        ))),
        None => Ok(()),
    }
}

/// What makes a token below `parent`, or with nothing above it; and the token.
fn below(
    parent: Option<&Versioned<Token>>,
    new: NewToken,
    text: &TokenText,
    by: &Attribution,
    now: Timestamp,
) -> Result<(Changeset, Versioned<Token>), InventoryError> {
    let Some(parent) = parent else {
        let made = Token::root(new, text, now).by(by);
        let after = made.after();
        return Ok((Changeset::of(made), after));
    };
    let (counted, made) = parent.child(new, text, now).map_err(invalid)?;
    let because = by.clone().because_of(Subject::Token(*parent.value.id()));
    let made = made.by(&because);
    let after = made.after();
    Ok((Changeset::of(counted.by(&because)).and(made), after))
}
