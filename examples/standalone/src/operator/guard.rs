//! What is remembered of requests between them: which were refused, and which tokens were used.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use certlocker_core::{
    Actor, Attribution, Changeset, Fact, Tally, Timestamp, Token, TokenId, TokenUse, Versioned,
};

use super::Desk;
use super::auth::Rejection;

/// What is remembered of requests between them.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    rejections: Mutex<Tally<Kind>>,
    used: Mutex<HashMap<TokenId, Timestamp>>,
}

/// What is counted together: for one reason, from one network, with one token if it is known.
type Kind = (Event, &'static str, Actor, Option<TokenId>);

/// What there is a record of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Event {
    Request,
    SignIn,
}

/// Tokens whose use is remembered here; what is forgotten is looked up in the store.
const MOST_REMEMBERED: usize = 10_000;

impl Guard {
    /// Counts a request without a token that counts; the record that stands for many is written
    /// beside the answer to one of them.
    pub(super) fn note_rejection(&self, desk: &Desk, rejection: &Rejection, by: &Attribution) {
        let (now, why) = (desk.inventory.clock.now(), rejection.as_str());
        let token = match rejection {
            Rejection::Dead(token, _) => Some(*token.value.id()),
            _ => None,
        };
        let fact = |count| Fact::token_rejected(count, token, why, now);
        self.tally(
            desk,
            (Event::Request, why, by.actor.clone(), token),
            by,
            fact,
        );
    }

    /// Counts an attempt to sign in that was not looked at, likewise.
    pub(super) fn note_sign_in(&self, desk: &Desk, why: &'static str, by: &Attribution) {
        let now = desk.inventory.clock.now();
        let fact = |count| Fact::sign_ins_rejected(count, why, now);
        self.tally(desk, (Event::SignIn, why, by.actor.clone(), None), by, fact);
    }

    fn tally(&self, desk: &Desk, kind: Kind, by: &Attribution, fact: impl FnOnce(u64) -> Fact) {
        let now = desk.inventory.clock.now();
        let mut rejections = self
            .rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = rejections.note(kind, now);
        drop(rejections);
        let Some(fact) = due.map(fact) else { return };
        let (store, by) = (desk.inventory.store.clone(), by.clone());
        tokio::spawn(async move {
            if let Err(error) = store.commit(Changeset::fact(&fact, &by)).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "refused requests were not recorded");
            }
        });
    }

    /// Notes that a token was used, beside the answer.
    pub(super) fn note_use(&self, desk: &Desk, token: &Versioned<Token>) {
        let (id, now) = (*token.value.id(), desk.inventory.clock.now());
        if !self.is_news(id, now) {
            return;
        }
        let store = desk.inventory.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.note_token_use(&id, now).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the use of a token was not noted");
            }
        });
    }

    fn is_news(&self, id: TokenId, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used
            .get(&id)
            .is_some_and(|last| !TokenUse::is_news(*last, now))
        {
            return false;
        }
        if used.len() >= MOST_REMEMBERED {
            used.clear();
        }
        used.insert(id, now);
        true
    }
}
