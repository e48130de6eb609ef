use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::{Actor, Attribution, Changeset, Trigger, Version};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn text(number: u8) -> TokenText {
    TokenText::draw(&mut |bytes: &mut [u8]| bytes.fill(number), at(0))
}

fn new(scopes: &[&str], expires: Timestamp) -> NewToken {
    let scopes = scopes.iter().map(|text| text.parse().unwrap());
    NewToken {
        grant: Grant {
            expires,
            networks: BTreeSet::new(),
            scopes: scopes.collect(),
        },
        owner: None,
        reason: "a test".to_owned(),
    }
}

fn stored(transition: &Transition<Token>) -> Versioned<Token> {
    Versioned {
        value: transition.next().clone(),
        version: Version::new(1),
    }
}

fn root() -> Versioned<Token> {
    stored(&Token::root(new(&["admin"], at(100)), &text(1), at(0)))
}

fn child(parent: &Versioned<Token>, number: u8) -> Versioned<Token> {
    let made = parent.child(new(&["audit:read"], at(100)), &text(number), at(1));
    stored(&made.unwrap().1)
}

#[test]
fn a_token_counts_until_it_expires_or_is_revoked_and_only_with_its_own_text() {
    let token = root();
    assert!(token.value.is(&text(1)) && !token.value.is(&text(2)));
    assert_eq!(token.value.check(at(99)), Ok(()));
    assert_eq!(
        token.value.check(at(100)),
        Err(TokenRefusal::Expired(at(100)))
    );
    let revoked = stored(&token.revoke(None, at(5)).unwrap());
    assert_eq!(
        revoked.value.check(at(6)),
        Err(TokenRefusal::Revoked(at(5)))
    );
    assert!(revoked.revoke(None, at(7)).is_none());
}

#[test]
fn a_child_is_below_all_that_its_parent_is_below() {
    let (root, other) = (root(), TokenId::first_at(at(9)));
    let grandchild = child(&child(&root, 2), 3);
    assert!(grandchild.value.is_below(root.value.id()) && !grandchild.value.is_below(&other));
    assert!(!root.value.is_below(root.value.id()));
}

#[test]
fn nothing_is_made_below_a_token_that_does_not_count_or_would_be_exceeded() {
    let token = child(&root(), 2);
    let beyond = token.child(new(&["admin"], at(100)), &text(3), at(1));
    assert!(matches!(
        beyond,
        Err(ChildRefusal::Exceeds(Exceeds::Scope { .. }))
    ));
    let late = token.child(new(&["audit:read"], at(100)), &text(3), at(100));
    assert!(matches!(
        late,
        Err(ChildRefusal::Dead(TokenRefusal::Expired(_)))
    ));
    let revoked = stored(&token.revoke(None, at(2)).unwrap());
    let below = revoked.child(new(&[], at(100)), &text(3), at(3));
    assert!(matches!(
        below,
        Err(ChildRefusal::Dead(TokenRefusal::Revoked(_)))
    ));
}

#[test]
fn a_chain_of_tokens_ends_somewhere() {
    let mut last = root();
    for number in 0..MOST_ABOVE as u8 {
        last = child(&last, 10 + number);
    }
    let deeper = last.child(new(&[], at(100)), &text(3), at(1));
    assert_eq!(deeper.err(), Some(ChildRefusal::Exceeds(Exceeds::Depth)));
}

#[test]
fn a_rotated_token_has_the_new_text_only_and_stays_where_it_is() {
    let token = child(&root(), 2);
    let id = *token.value.id();
    let fresh = TokenText::of(id, &mut |bytes: &mut [u8]| bytes.fill(9));
    let rotated = stored(&token.rotate(&fresh, at(100), None, at(3)).unwrap());
    assert!(rotated.value.is(&fresh) && !rotated.value.is(&text(2)));
    assert_eq!(rotated.value.parent(), token.value.parent());
    assert_eq!(rotated.value.grant().expires, at(100));
}

#[test]
fn a_token_is_rotated_to_count_no_sooner_and_no_longer_than_others_rely_on() {
    let (above, fresh) = (root(), text(9));
    let token = child(&above, 2);
    let rotate = |token: &Versioned<Token>, expires| {
        let rotated = token.rotate(&fresh, expires, Some(&above.value), at(3));
        rotated.err()
    };
    assert_eq!(
        rotate(&token, at(99)),
        Some(RotationRefusal::Sooner(at(100)))
    );
    let beyond = Exceeds::Expiry(at(100)).into();
    assert_eq!(rotate(&token, at(101)), Some(beyond));
    assert_eq!(rotate(&token, at(100)), None);
    let revoked = stored(&token.revoke(None, at(2)).unwrap());
    assert_eq!(
        rotate(&revoked, at(100)),
        Some(RotationRefusal::Revoked(at(2)))
    );
}

#[test]
fn only_what_does_not_count_is_removed() {
    let token = root();
    assert!(token.remove(at(99)).is_none() && token.remove(at(100)).is_some());
}

#[test]
fn neither_rows_nor_records_have_a_token_in_them() {
    let (token, secret) = (root(), text(2));
    let (_, child) = token
        .child(new(&["audit:read"], at(9)), &secret, at(1))
        .unwrap();
    let by = Attribution::new(Actor::Token(*token.value.id()), Trigger::Command);
    let changes = Changeset::of(child.by(&by));
    let snapshots = changes
        .writes()
        .iter()
        .filter_map(|write| write.snapshot.clone());
    let records = changes
        .drafts()
        .iter()
        .map(|draft| draft.at(crate::Sequence::new(1)));
    let hidden = &secret.expose()[29..69];
    for bytes in snapshots.chain(records) {
        let shown = String::from_utf8(bytes).unwrap();
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn uses_within_a_minute_are_one() {
    let id = TokenId::first_at(at(0));
    let first = Versioned {
        value: TokenUse::first(id, at(0)).next().clone(),
        version: Version::new(1),
    };
    assert!(first.again(at(59)).is_none());
    assert_eq!(first.again(at(60)).unwrap().next().at(), at(60));
    assert!(!TokenUse::is_news(
        at(60),
        at(60).before(Duration::from_secs(600))
    ));
}
