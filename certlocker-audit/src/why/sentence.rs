//! Records as sentences.

use certlocker_core::{Actor, Event, Identifier, Record, Trigger};

/// What a record says, as a sentence without its number and time.
pub fn sentence(record: &Record) -> String {
    let (event, by) = (&record.event, &record.actor);
    ordering(event, by)
        .or_else(|| holding(event, by))
        .or_else(|| operating(event, by))
        .unwrap_or_else(|| format!("{} by {by}.", event.name()))
}

/// Clients, accounts, and what they asked for and got.
fn ordering(event: &Event, by: &Actor) -> Option<String> {
    Some(match event {
        Event::AccountCreated {
            account_id,
            client_id: Some(client),
            ..
        } => {
            format!("account {account_id} was registered with the credential of client {client}.")
        }
        Event::AccountCreated { account_id, .. } => {
            format!("account {account_id} was registered by {by}, without a credential.")
        }
        Event::CertificateStored {
            certificate_id,
            identifiers,
            order_id,
            replaces,
            ..
        } => {
            let order = order_id
                .map(|order| format!(" for order {order}"))
                .unwrap_or_default();
            let before = replaces.map(|before| format!("; it replaces certificate {before}"));
            let before = before.unwrap_or_default();
            format!(
                "certificate {certificate_id} for {} was stored{order}{before}.",
                names(identifiers)
            )
        }
        Event::ClientCreated {
            client_id,
            name,
            scope,
        } => {
            format!(
                "client `{name}` ({client_id}) was made by {by}; it may order {}.",
                scope.names_text()
            )
        }
        Event::FinalizeReceived { order_id, .. } => {
            format!("{by} asked for the certificate of order {order_id}.")
        }
        Event::OrderCreated {
            identifiers,
            order_id,
            account_id,
            ..
        } => {
            format!(
                "order {order_id} for {} was placed by account {account_id}.",
                names(identifiers)
            )
        }
        Event::OrderRefused {
            failure,
            identifiers,
            order_id,
            ..
        } => {
            let names = names(identifiers);
            format!(
                "order {order_id} for {names} was refused: {}.",
                failure.detail
            )
        }
        _ => return None,
    })
}

/// Authorities, secrets, and the keys that wrap them.
fn holding(event: &Event, by: &Actor) -> Option<String> {
    Some(match event {
        Event::AuthorityCreated {
            authority_id, role, ..
        } => {
            format!("the {role:?} authority {authority_id} was made by {by}.")
        }
        Event::SecretReplaced {
            purpose,
            secret_id,
            version,
            ..
        } => {
            format!(
                "secret {secret_id} ({}) got its value number {version} from {by}.",
                purpose.as_str()
            )
        }
        Event::SecretRewrapped {
            key_id,
            old_key_id,
            purpose,
            secret_id,
            ..
        } => {
            format!(
                "the data key of secret {secret_id} ({}) was wrapped under {key_id} instead of \
                 {old_key_id} by {by}.",
                purpose.as_str()
            )
        }
        Event::SecretStored {
            purpose, secret_id, ..
        } => {
            format!(
                "secret {secret_id} ({}) was sealed and stored by {by}.",
                purpose.as_str()
            )
        }
        Event::WrappingKeyLoaded { key_id } => {
            format!("the key {key_id}, which wraps secrets, was taken up by {by}.")
        }
        _ => return None,
    })
}

/// Who may operate, and what operators did.
fn operating(event: &Event, by: &Actor) -> Option<String> {
    Some(match event {
        Event::LogPruned {
            before, minimum, ..
        } => {
            format!(
                "entries of the audit log below {minimum}, written before {before}, were removed by {by}."
            )
        }
        Event::PersonCreated {
            name,
            person_id,
            roles,
        } => {
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            let roles = roles.join(", ");
            format!("person `{name}` ({person_id}) was added by {by} as {roles}.")
        }
        Event::SshAuthorityCreated {
            authority_id, key, ..
        } => {
            format!("the authority of SSH {authority_id} with the key {key} was made by {by}.")
        }
        Event::SshCertificateIssued {
            certificate,
            serial,
            ..
        } => {
            format!(
                "certificate of SSH number {serial} was signed for {by}: {} may use host {} as {} with the key {} until {}, by entry {}.",
                certificate.who,
                certificate.host_id,
                certificate.login,
                certificate.key,
                certificate.valid_before.to_rfc3339_seconds(),
                certificate.access_id,
            )
        }
        Event::SshCertificateRefused {
            host_id,
            key,
            login,
            why,
        } => {
            format!(
                "no certificate of SSH was signed for {by} to use host {host_id} as {login} with the key {key}: {why}."
            )
        }
        Event::TokenCreated {
            expires,
            reason,
            scopes,
            token_id,
            ..
        } => {
            let expires = expires.to_rfc3339_seconds();
            format!(
                "token {token_id} ({reason}) was made by {by}; it may {scopes} until {expires}."
            )
        }
        Event::TokenDenied {
            needed,
            operation,
            token_id,
        } => {
            format!("{operation} with token {token_id} was refused: it needs {needed}.")
        }
        _ => return None,
    })
}

/// What set a record off, as a sentence.
pub fn trigger_sentence(record: &Record) -> String {
    match (&record.cause.trigger, &record.actor) {
        (Trigger::Command, Actor::Command(user)) => {
            format!("it was set off by a command that `{user}` typed on the machine.")
        }
        (Trigger::Command, _) => "it was set off by a command typed on the machine.".to_owned(),
        (Trigger::Due, _) => "it was set off by a time that came.".to_owned(),
        (Trigger::Request(id), actor) => format!("it was set off by request {id} of {actor}."),
        (Trigger::Startup, _) => "it was set off by the start of the server.".to_owned(),
        (other, _) => format!("it was set off by {other}."),
    }
}

fn names(identifiers: &[Identifier]) -> String {
    let names: Vec<String> = identifiers.iter().map(Identifier::value).collect();
    names.join(", ")
}
