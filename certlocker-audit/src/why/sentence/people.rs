//! Records of people and their sign-ins as sentences.

use std::collections::BTreeSet;

use certlocker_core::{Actor, Event, Role};

/// People, and who lets them in.
pub(super) fn people(event: &Event, by: &Actor) -> Option<String> {
    Some(match event {
        Event::PersonCreated {
            issuer: Some(issuer),
            name,
            person_id,
            roles,
            ..
        } => {
            let roles = listed(roles);
            format!(
                "person `{name}` ({person_id}) came for the first time, as {roles}: {issuer} vouches for them."
            )
        }
        Event::PersonCreated {
            name,
            person_id,
            roles,
            ..
        } => {
            let roles = listed(roles);
            format!("person `{name}` ({person_id}) was added by {by} as {roles}.")
        }
        Event::PersonPasswordChanged { person_id } => {
            format!("person {person_id} chose another password.")
        }
        Event::PersonRolesChanged {
            before,
            person_id,
            roles,
        } => {
            let (before, roles) = (listed(before), listed(roles));
            format!("the roles of person {person_id} became {roles}, and were {before}.")
        }
        Event::SignInRefused {
            issuer,
            subject,
            why,
            ..
        } => format!("`{subject}`, for whom {issuer} vouches, was not let in: {why}."),
        _ => return None,
    })
}

fn listed(roles: &BTreeSet<Role>) -> String {
    match roles.is_empty() {
        true => "none".to_owned(),
        false => {
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            roles.join(", ")
        }
    }
}
