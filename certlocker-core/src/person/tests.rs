use super::*;
use crate::{Changeset, Permission, Version};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn person() -> Versioned<Person> {
    let new = NewPerson {
        code_key: SecretId::first_at(at(0)),
        name: "ann".to_owned(),
        password: PasswordHash::new("$argon2id$hash".to_owned()),
        roles: BTreeSet::from([Role::Viewer, Role::Auditor]),
    };
    let created = Person::create(new, &mut |bytes: &mut [u8]| bytes.fill(7), at(0));
    stored(&created)
}

fn stored<T: Aggregate>(transition: &Transition<T>) -> Versioned<T> {
    Versioned {
        value: transition.next().clone(),
        version: Version::new(1),
    }
}

#[test]
fn roles_allow_together_what_each_allows() {
    let scopes = person().value.scopes();
    for (permission, allowed) in [
        (Permission::CertificateRead, true),
        (Permission::AuditExport, true),
        (Permission::OrderCreate, false),
        (Permission::Admin, false),
    ] {
        assert_eq!(scopes.permit(permission), allowed, "{permission}");
    }
    let names = "order:create=dns:a.example".parse().unwrap();
    assert!(Role::Operator.scopes().cover(&names) && !Role::Operator.scopes().is_admin());
    assert!(Role::Admin.scopes().is_admin());
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(role));
    }
}

#[test]
fn a_code_is_accepted_once_and_none_before_it() {
    let first = stored(&person().signed_in(100, at(0)).unwrap());
    assert!(first.signed_in(100, at(1)).is_none() && first.signed_in(99, at(1)).is_none());
    assert!(first.signed_in(101, at(1)).is_some());
}

#[test]
fn failures_in_turn_are_followed_by_longer_and_longer_pauses() {
    let mut person = person();
    for failure in 1..=FREE_FAILURES + 9 {
        assert_eq!(person.value.may_try(at(0).after(LONGEST_PAUSE)), Ok(()));
        person = stored(&person.failed(SignInFailure::Password, at(0)).unwrap());
        let doublings = failure.checked_sub(FREE_FAILURES);
        let pause = doublings.map(|doublings| (30 << doublings).min(900));
        let wanted = pause.map_or(Ok(()), |pause| Err(SignInRefusal::Later(at(pause))));
        assert_eq!(person.value.may_try(at(0)), wanted, "{failure}");
    }
    let let_in = stored(&person.signed_in(1, at(900)).unwrap());
    assert_eq!(let_in.value.may_try(at(900)), Ok(()));
}

#[test]
fn who_was_switched_off_is_not_let_in_and_a_reset_is_another_chance() {
    let mut person = person();
    for _ in 0..FREE_FAILURES {
        person = stored(&person.failed(SignInFailure::Code, at(0)).unwrap());
    }
    let hash = PasswordHash::new("another".to_owned());
    let reset = stored(
        &person
            .reset(hash, SecretId::first_at(at(1)), at(1))
            .unwrap(),
    );
    assert_eq!(reset.value.may_try(at(1)), Ok(()));
    assert!(reset.signed_in(1, at(1)).is_some());
    let disabled = stored(&reset.disable(at(2)).unwrap());
    assert_eq!(disabled.value.may_try(at(2)), Err(SignInRefusal::Disabled));
    assert!(disabled.disable(at(3)).is_none());
}

fn vouched(subject: &str) -> Versioned<Person> {
    let origin = PersonOrigin::new("https://idp.example", subject).unwrap();
    let (name, roles) = ("bo".to_owned(), BTreeSet::from([Role::Viewer]));
    let random = &mut |bytes: &mut [u8]| bytes.fill(8);
    stored(&Person::vouched(origin, name, roles, random, at(0)))
}

#[test]
fn whom_an_issuer_vouches_for_has_no_password_and_gets_none() {
    let person = vouched("248289761001");
    assert!(person.value.password().is_none() && person.value.code_key().is_none());
    let hash = PasswordHash::new("$argon2id$hash".to_owned());
    assert!(
        person
            .reset(hash.clone(), SecretId::first_at(at(1)), at(1))
            .is_none()
    );
    assert!(person.change_password(hash, at(1)).is_none());
    assert!(person.signed_in(1, at(1)).is_none());
    assert!(person.failed(SignInFailure::Password, at(1)).is_none());
    assert_eq!(person.value.may_try(at(1)), Ok(()));
}

#[test]
fn roles_that_an_issuer_says_anew_are_a_change_only_if_they_are_others() {
    let person = vouched("248289761001");
    assert!(
        person
            .take_roles(BTreeSet::from([Role::Viewer]), at(1))
            .is_none()
    );
    let none = stored(&person.take_roles(BTreeSet::new(), at(1)).unwrap());
    assert!(!none.value.scopes().permit(Permission::CertificateRead));
}

#[test]
fn one_subject_of_one_issuer_is_one_person() {
    let origin = |issuer, subject| PersonOrigin::new(issuer, subject);
    let entries = vouched("1").value.entries();
    assert_eq!(entries.len(), 2);
    for (issuer, subject) in [
        ("", "1"),
        ("https://idp.example", ""),
        ("https://idp.example 1", "1"),
        ("https://idp.example", "a\nb"),
        ("https://idp.example", &"x".repeat(256)),
    ] {
        assert_eq!(
            origin(issuer, subject),
            Err(InvalidOrigin),
            "{issuer} {subject}"
        );
    }
}

#[test]
fn both_kinds_of_people_are_read_as_they_were_stored() {
    for person in [person().value, vouched("1").value] {
        let text = serde_json::to_string(&person).unwrap();
        assert_eq!(
            serde_json::from_str::<Person>(&text).unwrap(),
            person,
            "{text}"
        );
    }
    // As they were written before issuers vouched for anybody.
    let text = r#"{"id":"01HF7YAT000W3GE1R70W3GE1R7","code_key":"01HF7YAT000000000000000000","disabled":null,"failures":2,"last_failure":"2023-11-14T22:13:20.000000Z","last_step":7,"name":"ann","password":"$argon2id$hash","roles":["auditor","viewer"]}"#;
    let read: Person = serde_json::from_str(text).unwrap();
    assert_eq!(read.password().unwrap().as_str(), "$argon2id$hash");
    assert_eq!(read.name(), "ann");
}

#[test]
fn neither_records_nor_debug_output_have_a_password_or_a_session_in_them() {
    let person = person();
    let text = SessionText::draw(&mut |bytes: &mut [u8]| bytes.fill(9));
    let session = Session::open(&text, Holder::Person(*person.value.id()), at(9), at(0));
    let shown = format!("{person:?} {text:?} {session:?}");
    assert!(
        !shown.contains("argon2id") && !shown.contains(text.expose()),
        "{shown}"
    );
    let by = crate::Attribution::new(
        crate::Actor::Person(*person.value.id()),
        crate::Trigger::Command,
    );
    let changes = Changeset::of(session.by(&by)).and(person.disable(at(1)).unwrap().by(&by));
    for draft in changes.drafts() {
        let record = String::from_utf8(draft.at(crate::Sequence::new(1))).unwrap();
        assert!(
            !record.contains("argon2id") && !record.contains(text.expose()),
            "{record}"
        );
        assert!(!record.contains(&text.key()), "{record}");
    }
}
