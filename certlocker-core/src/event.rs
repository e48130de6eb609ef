//! What can happen, each kind with a code that never changes.
//!
//! Each topic has a file; its macro adds the topic's events to those before and hands all on to the
//! next, the last of which makes the one enum.

#[macro_use]
mod account;
#[macro_use]
mod certificate;
#[macro_use]
mod client;
#[macro_use]
mod host;
#[macro_use]
mod import;
#[macro_use]
mod order;
#[macro_use]
mod person;
#[macro_use]
mod secret;
#[macro_use]
mod server;
#[macro_use]
mod ssh;
#[macro_use]
mod token;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::host::{AccessLine, AccessOrigin, AccessTarget, CloudId, FieldChange};
use crate::import::LineCounts;
use crate::ssh_authority::{IssuedSshCertificate, SshPrincipals};
use crate::{
    AccessId, CredentialId, GroupId, HostId, ImportPlanId, KeyFingerprint, SshCertificateId,
};
use crate::{
    AccountId, Attempt, AuthorityId, AuthorityRole, CertificateId, ClientId, Failure, Identifier,
    Method, OrderId, PersonId, Quirk, Revocation, Role, Scope, SecretId, SecretPurpose, Subject,
    Thumbprint, Timestamp, TokenId, TokenScopes,
};

/// Declares the vocabulary: code, name, the subjects under which it is found, and the fields.
macro_rules! events {
    ({ $($(#[$doc:meta])* $code:literal $name:literal $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } about $subjects:expr;)+ }) => {
        /// A fact, as data: what happened, to what, with what result.
        ///
        /// Fields are an allow-list: identifiers, ids, fingerprints, and the answers of peers made
        /// printable and cut short. No secret has a way in. A code that ends in `I` is a step that
        /// worked, one that ends in `E` a refusal or a failure.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "code", content = "data")]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $code)] $variant {
                $($(#[$field_doc])* $field: $type,)*
            },)+
        }

        impl Event {
            /// Every code with its name, in the order of the codes.
            pub const VOCABULARY: &[(&'static str, &'static str)] = &[$(($code, $name),)+];

            /// The stable code, for alerts and searches.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $code,)+ }
            }

            /// The name of the kind, for people.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)+ }
            }

            /// What this is the history of.
            pub fn subjects(&self) -> Vec<Subject> {
                #[allow(unused_variables, reason = "a kind's subjects are some of its fields")]
                match self { $(Self::$variant { $($field,)* } => subjects($subjects),)+ }
            }
        }
    };
}

fn subjects<const N: usize>(given: [Option<Subject>; N]) -> Vec<Subject> {
    given.into_iter().flatten().collect()
}

fn account(id: &AccountId) -> Option<Subject> {
    Some(Subject::Account(*id))
}

fn authority(id: &AuthorityId) -> Option<Subject> {
    Some(Subject::Authority(*id))
}

fn certificate(id: &CertificateId) -> Option<Subject> {
    Some(Subject::Certificate(*id))
}

fn client(id: &ClientId) -> Option<Subject> {
    Some(Subject::Client(*id))
}

fn credential(id: &CredentialId) -> Option<Subject> {
    Some(Subject::Credential(*id))
}

fn access(id: &AccessId) -> Option<Subject> {
    Some(Subject::Access(*id))
}

fn group(id: &GroupId) -> Option<Subject> {
    Some(Subject::Group(*id))
}

fn host(id: &HostId) -> Option<Subject> {
    Some(Subject::Host(*id))
}

fn plan(id: &ImportPlanId) -> Option<Subject> {
    Some(Subject::ImportPlan(*id))
}

/// The plan that a change was a line of.
fn plan_of(origin: &AccessOrigin) -> Option<Subject> {
    origin.plan().and_then(plan)
}

fn order(id: &OrderId) -> Option<Subject> {
    Some(Subject::Order(*id))
}

fn person(id: &PersonId) -> Option<Subject> {
    Some(Subject::Person(*id))
}

fn secret(id: &SecretId) -> Option<Subject> {
    Some(Subject::Secret(*id))
}

fn ssh_certificate(id: &SshCertificateId) -> Option<Subject> {
    Some(Subject::SshCertificate(*id))
}

fn token(id: &TokenId) -> Option<Subject> {
    Some(Subject::Token(*id))
}

/// What says which sealed bytes of a secret are the current ones.
fn sealed(id: &SecretId) -> Option<Subject> {
    Some(Subject::Sealed(*id))
}

account_events! { {} order_events certificate_events client_events secret_events server_events token_events person_events host_events import_events ssh_events events }

impl Event {
    /// Whether this is a refusal or a failure.
    pub fn is_failure(&self) -> bool {
        self.code().ends_with('E')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_each_used_once_and_in_order() {
        let codes: Vec<&str> = Event::VOCABULARY.iter().map(|(code, _)| *code).collect();
        let by_number_then_outcome = |code: &&str| (code[..6].to_owned(), code.ends_with('E'));
        assert!(codes.is_sorted_by_key(by_number_then_outcome));
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        let names: BTreeSet<&str> = Event::VOCABULARY.iter().map(|(_, name)| *name).collect();
        assert_eq!(names.len(), codes.len());
    }
}
