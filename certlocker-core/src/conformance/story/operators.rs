//! The part of the story that is about operators: people, their sessions, and tokens.

use std::collections::BTreeSet;

use super::Author;
use crate::conformance::fixture::{at, by, random};
use crate::{
    Changeset, Grant, Holder, NewPerson, NewToken, PasswordHash, Person, PersonId, Role, SecretId,
    Session, SessionText, SignInFailure, Token, TokenScopes, TokenText, TokenUse, Transition,
    Versioned,
};

/// The life of a person, of two sessions, and of a token with one below it.
pub(super) fn operators(author: &mut Author) {
    let person = author.tell(person());
    let person = author.tell(person.failed(SignInFailure::Password, at(11)));
    let (person, session) = signed_in(author, &person);
    let above = author.tell(token(*person.value.id()));
    let (above, below) = child(author, &above);
    let noted = TokenUse::first(*below.value.id(), at(14)).without_record();
    let used = noted.after();
    author.0.push(noted.into());
    let again = used.again(at(75)).expect("it is a minute later");
    let again = again.without_record();
    let used = again.after();
    author.0.push(again.into());
    let text = TokenText::draw(&mut random, at(76));
    let rotated = below.rotate(&text, at(1_000), Some(&above.value), at(76));
    let below = author.tell(rotated.expect("it counts for as long"));
    let below = revoked(author, &above, &below);
    let removed = below.remove(at(78)).expect("it was revoked").by(&by());
    let removed = Changeset::of(removed).and(used.forget(at(78)));
    author.0.push(removed);
    author.tell(session.close(at(79)));
    leaves(author, &person);
}

fn person() -> Transition<Person> {
    let new = NewPerson {
        code_key: SecretId::new(at(10), &mut random),
        name: "ann".to_owned(),
        password: PasswordHash::new("$argon2id$one".to_owned()),
        roles: BTreeSet::from([Role::Operator]),
    };
    Person::create(new, &mut random, at(10))
}

fn session(person: &Versioned<Person>, second: i64) -> Transition<Session> {
    let holder = Holder::Person(*person.value.id());
    let text = SessionText::draw(&mut random);
    Session::open(&text, holder, at(second + 600), at(second))
}

/// The code that was accepted, which has no record, and the session, which has one.
fn signed_in(
    author: &mut Author,
    person: &Versioned<Person>,
) -> (Versioned<Person>, Versioned<Session>) {
    let accepted = person.signed_in(1, at(12)).expect("the code is new");
    let (accepted, opened) = (accepted.by(&by()), session(person, 12).by(&by()));
    let after = (accepted.after(), opened.after());
    author.0.push(Changeset::of(accepted).and(opened));
    after
}

fn new_token(owner: Option<PersonId>) -> NewToken {
    NewToken {
        grant: Grant {
            expires: at(1_000),
            networks: BTreeSet::new(),
            scopes: TokenScopes::admin(),
        },
        owner,
        reason: "a story".to_owned(),
    }
}

fn token(owner: PersonId) -> Transition<Token> {
    let text = TokenText::draw(&mut random, at(13));
    Token::root(new_token(Some(owner)), &text, at(13))
}

/// The token above, which counts those below it, and the new one.
fn child(author: &mut Author, above: &Versioned<Token>) -> (Versioned<Token>, Versioned<Token>) {
    let text = TokenText::draw(&mut random, at(14));
    let made = above.child(new_token(None), &text, at(14));
    let (counted, child) = made.expect("it is worth no more than the one above");
    let (counted, child) = (counted.by(&by()), child.by(&by()));
    let after = (counted.after(), child.after());
    author.0.push(Changeset::of(counted).and(child));
    after
}

/// Both at once; the answer is the one below.
fn revoked(
    author: &mut Author,
    above: &Versioned<Token>,
    below: &Versioned<Token>,
) -> Versioned<Token> {
    let with = Some(above.value.id());
    let (above, below) = (above.revoke(None, at(77)), below.revoke(with, at(77)));
    let above = above.expect("it was not revoked").by(&by());
    let below = below.expect("it was not revoked").by(&by());
    let after = below.after();
    author.0.push(Changeset::of(above).and(below));
    after
}

/// Another password, another session, and the end of both.
fn leaves(author: &mut Author, person: &Versioned<Person>) {
    let (password, key) = (
        PasswordHash::new("$argon2id$two".to_owned()),
        SecretId::new(at(80), &mut random),
    );
    let person = author.tell(person.reset(password, key, at(80)));
    let session = author.tell(session(&person, 81));
    let disabled = person.disable(at(82)).expect("they were not").by(&by());
    let goes = Changeset::of(disabled).and(session.forget(at(82)));
    author.0.push(goes);
}
