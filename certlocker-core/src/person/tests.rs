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
        person = stored(&person.failed(SignInFailure::Password, at(0)));
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
        person = stored(&person.failed(SignInFailure::Code, at(0)));
    }
    let hash = PasswordHash::new("another".to_owned());
    let reset = stored(&person.reset(hash, SecretId::first_at(at(1)), at(1)));
    assert_eq!(reset.value.may_try(at(1)), Ok(()));
    assert!(reset.signed_in(1, at(1)).is_some());
    let disabled = stored(&reset.disable(at(2)).unwrap());
    assert_eq!(disabled.value.may_try(at(2)), Err(SignInRefusal::Disabled));
    assert!(disabled.disable(at(3)).is_none());
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
