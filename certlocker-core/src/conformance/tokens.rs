//! Tokens: found by those above them, held to each other, and their uses noted without a record.

use std::collections::BTreeSet;

use super::fixture::{at, by, codes, history, is_conflict, put, random};
use super::{Fault, Flaky, Fresh, Tested};
use crate::{
    Changeset, Grant, NewToken, Page, StoreError, Subject, Token, TokenScopes, TokenStore,
    TokenText, Versioned,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tokens {
    ($with:ident $($rest:tt)*) => {
        $crate::$with! { tokens $($rest)*:
            tokens_are_found_below_each_of_those_above_them,
            no_token_is_made_below_one_that_is_revoked_meanwhile,
            uses_of_a_token_are_noted_once_a_minute_and_without_a_record,
            a_use_of_a_token_that_could_not_be_noted_is_noted_the_next_time,
        }
    };
}

fn new() -> NewToken {
    NewToken {
        grant: Grant {
            expires: at(1_000),
            networks: BTreeSet::new(),
            scopes: TokenScopes::admin(),
        },
        owner: None,
        reason: "a test".to_owned(),
    }
}

async fn root(store: &dyn Tested) -> Versioned<Token> {
    let text = TokenText::draw(&mut random, at(0));
    put(store, Token::root(new(), &text, at(0))).await
}

/// A token below the newest state of another, as one changeset.
fn below(parent: &Versioned<Token>) -> (Changeset, Versioned<Token>, Versioned<Token>) {
    let text = TokenText::draw(&mut random, at(1));
    let made = parent.child(new(), &text, at(1));
    let (counted, child) = made.expect("it is worth no more than the one above");
    let (counted, child) = (counted.by(&by()), child.by(&by()));
    let after = (counted.after(), child.after());
    (Changeset::of(counted).and(child), after.0, after.1)
}

pub fn tokens_are_found_below_each_of_those_above_them(fresh: &Fresh) {
    fresh.run(async |store| {
        let (mut root, other) = (root(store).await, root(store).await);
        let mut wanted = Vec::new();
        for _ in 0..3 {
            let (changes, counted, child) = below(&root);
            store.commit(changes).await.expect("it is written");
            let (changes, _, grandchild) = below(&child);
            store.commit(changes).await.expect("it is written");
            root = counted;
            wanted.extend([*child.value.id(), *grandchild.value.id()]);
        }
        wanted.sort_unstable();
        let mut page = Page::oldest(4);
        let mut found = Vec::new();
        loop {
            let part = store.tokens_below(root.value.id(), page.clone()).await;
            let part = part.expect("a query is answered");
            let Some(last) = part.last() else { break };
            page.after = Some(last.value.id().to_string());
            found.extend(part.iter().map(|token| *token.value.id()));
        }
        assert_eq!(found, wanted);
        let none = store.tokens_below(other.value.id(), Page::oldest(1)).await;
        assert_eq!(none.expect("a query is answered"), []);
    });
}

pub fn no_token_is_made_below_one_that_is_revoked_meanwhile(fresh: &Fresh) {
    fresh.run(async |store| {
        let root = root(store).await;
        let (changes, ..) = below(&root);
        let revoked = root.revoke(None, at(2)).expect("it was not revoked");
        let revoked = put(store, revoked).await;
        is_conflict(&store.commit(changes).await);
        assert!(
            revoked
                .child(new(), &TokenText::draw(&mut random, at(3)), at(3))
                .is_err()
        );
        let told = history(store, Some(&Subject::Token(*root.value.id()))).await;
        assert_eq!(codes(&told), ["token.created", "token.revoked"]);
    });
}

pub fn uses_of_a_token_are_noted_once_a_minute_and_without_a_record(fresh: &Fresh) {
    fresh.run(async |store| {
        let id = *root(store).await.value.id();
        let last = async || {
            let found = store.token_use(&id).await.expect("a row is read");
            found.map(|found| found.value.at())
        };
        assert_eq!(last().await, None);
        for (second, noted) in [(0, 0), (59, 0), (60, 60), (61, 60), (200, 200)] {
            let done = store.note_token_use(&id, at(second)).await;
            done.expect("it is written");
            assert_eq!(last().await, Some(at(noted)), "{second}");
        }
        assert_eq!(codes(&history(store, None).await), ["token.created"]);
    });
}

pub fn a_use_of_a_token_that_could_not_be_noted_is_noted_the_next_time(fresh: &Fresh) {
    fresh.run(async |store| {
        let id = *root(store).await.value.id();
        let last = async || {
            let found = store.token_use(&id).await.expect("a row is read");
            found.map(|found| found.value.at())
        };
        let before = Flaky::over(fresh.store()).at(1, Fault::Before);
        let noted = before.note_token_use(&id, at(0)).await;
        assert!(
            matches!(noted, Err(StoreError::Unavailable(_))),
            "{noted:?}"
        );
        assert_eq!(last().await, None);
        let after = Flaky::over(fresh.store()).at(1, Fault::After);
        let noted = after.note_token_use(&id, at(1)).await;
        assert!(
            matches!(noted, Err(StoreError::Indeterminate(_))),
            "{noted:?}"
        );
        assert_eq!(last().await, Some(at(1)));
        let done = after.note_token_use(&id, at(61)).await;
        done.expect("it is written");
        assert_eq!(last().await, Some(at(61)));
    });
}
