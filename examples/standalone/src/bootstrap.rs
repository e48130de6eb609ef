//! The first token of a server: made when it first starts, kept in a file of the data directory.

use std::collections::BTreeSet;
use std::time::Duration;

use certlocker_core::{
    Attribution, Changeset, Grant, NewToken, Sequence, Store, StoreError, Subject, Timestamp,
    Token, TokenRefusal, TokenScopes, TokenText,
};

use crate::home::{Home, HomeError};

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// Its file cannot be read or written.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store failed.
    #[error("the first token cannot be read from or written to the store")]
    Store(#[from] StoreError),
}

/// How long it counts; the start after that makes another.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// What there is of the first token.
enum Found {
    /// One that counts.
    Good,
    /// One that was never stored: put there by hand, or left by a start that was cut off.
    New(TokenText),
    /// None, or one whose time is over.
    Nothing,
    /// One that somebody took away on purpose.
    Withdrawn(&'static str),
}

/// Sees to it that the file of the first token has one that counts, unless somebody revoked or
/// rotated what it had.
///
/// The file is written first: a start that is cut off after that is gone on with by the next one.
///
/// # Errors
/// [`BootstrapError`].
pub async fn first_token(
    store: &dyn Store,
    home: &Home,
    by: &Attribution,
    now: Timestamp,
) -> Result<(), BootstrapError> {
    let file = home.admin_token_file();
    let text = match look(store, home, now).await? {
        Found::Good => return Ok(()),
        Found::Withdrawn(how) => {
            tracing::warn!(file = %file.display(), "the token in this file was {how}; `certlocker token create` on this machine makes another");
            return Ok(());
        }
        Found::New(text) => text,
        Found::Nothing => {
            let text = TokenText::draw(&mut crate::random::fill, now);
            home.write_admin_token(&text)?;
            text
        }
    };
    let made = Token::root(new(now), &text, now).by(by);
    store.commit(Changeset::of(made)).await?;
    tracing::info!(token = %text.id(), file = %file.display(), "made the first token");
    Ok(())
}

fn new(now: Timestamp) -> NewToken {
    NewToken {
        grant: Grant {
            expires: now.after(LIFETIME).whole_seconds(),
            networks: BTreeSet::new(),
            scopes: TokenScopes::admin(),
        },
        owner: None,
        reason: "the first token of a server".to_owned(),
    }
}

async fn look(store: &dyn Store, home: &Home, now: Timestamp) -> Result<Found, BootstrapError> {
    let Some(text) = home.admin_token()? else {
        return Ok(Found::Nothing);
    };
    let token = match store.token(text.id()).await {
        Ok(token) => token.value,
        Err(StoreError::NotFound) => {
            let about = Subject::Token(*text.id());
            let known = store.records(Some(&about), Sequence::START, 1).await?;
            return Ok(match known.is_empty() {
                true => Found::New(text),
                false => Found::Nothing,
            });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(match token.check(now) {
        Err(TokenRefusal::Revoked(_)) => Found::Withdrawn("revoked"),
        _ if !token.is(&text) => Found::Withdrawn("rotated elsewhere"),
        Err(_) => Found::Nothing,
        Ok(()) => Found::Good,
    })
}

#[cfg(test)]
mod tests {
    use certlocker_core::{Actor, Component, Ledger, MemoryStore, TokenStore, Trigger};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second)
    }

    fn by() -> Attribution {
        Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
    }

    struct Scene {
        home: Home,
        store: MemoryStore,
        _directory: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self {
                home: Home::prepare(&directory.path().join("data")).unwrap(),
                store: MemoryStore::default(),
                _directory: directory,
            }
        }

        async fn start(&self, second: i64) -> Option<TokenText> {
            let started = first_token(&self.store, &self.home, &by(), at(second)).await;
            started.unwrap();
            self.home.admin_token().unwrap()
        }

        async fn commits(&self) -> usize {
            let all = self.store.records(None, Sequence::START, 100).await;
            all.unwrap().len()
        }
    }

    #[tokio::test]
    async fn it_is_made_once_for_everything_and_by_the_start() {
        let scene = Scene::new();
        let text = scene.start(0).await.unwrap();
        assert_eq!(scene.start(9).await.unwrap().expose(), text.expose());
        let token = scene.store.token(text.id()).await.unwrap().value;
        assert!(token.is(&text) && token.grant().scopes.is_admin());
        assert_eq!(scene.commits().await, 1);
    }

    #[tokio::test]
    async fn a_start_that_was_cut_off_after_the_file_is_gone_on_with() {
        let scene = Scene::new();
        let text = TokenText::draw(&mut crate::random::fill, at(0));
        scene.home.write_admin_token(&text).unwrap();
        assert_eq!(scene.start(1).await.unwrap().expose(), text.expose());
        assert!(scene.store.token(text.id()).await.is_ok());
    }

    #[tokio::test]
    async fn one_that_expired_is_followed_by_another_and_never_comes_back() {
        let scene = Scene::new();
        let first = scene.start(0).await.unwrap();
        let late = LIFETIME.as_secs() as i64 + 1;
        let token = scene.store.token(first.id()).await.unwrap();
        let removal = token.remove(at(late)).unwrap().by(&by());
        scene.store.commit(removal.into()).await.unwrap();
        let second = scene.start(late).await.unwrap();
        assert_ne!(second.id(), first.id());
        assert!(scene.store.token(first.id()).await.is_err());
    }

    #[tokio::test]
    async fn what_somebody_took_away_stays_away() {
        let scene = Scene::new();
        let text = scene.start(0).await.unwrap();
        let token = scene.store.token(text.id()).await.unwrap();
        let revoked = token.revoke(None, at(1)).unwrap().by(&by());
        scene.store.commit(revoked.into()).await.unwrap();
        assert_eq!(scene.start(2).await.unwrap().expose(), text.expose());
        assert_eq!(scene.commits().await, 2);
    }

    #[tokio::test]
    async fn what_is_no_token_is_followed_by_one() {
        let scene = Scene::new();
        std::fs::write(scene.home.admin_token_file(), "something else\n").unwrap();
        assert!(scene.start(0).await.is_some());
    }
}
