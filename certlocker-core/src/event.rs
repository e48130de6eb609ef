//! What can happen, each kind with a code that never changes.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Attempt, AuthorityId, AuthorityRole, CertificateId, ClientId, Failure, Identifier,
    Method, OrderId, Quirk, Revocation, Scope, SecretId, SecretPurpose, Subject, Thumbprint,
    Timestamp,
};

/// Declares the vocabulary: code, name, the subjects under which it is found, and the fields.
macro_rules! events {
    ($($(#[$doc:meta])* $code:literal $name:literal $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } about $subjects:expr;)+) => {
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

fn order(id: &OrderId) -> Option<Subject> {
    Some(Subject::Order(*id))
}

fn secret(id: &SecretId) -> Option<Subject> {
    Some(Subject::Secret(*id))
}

/// What says which sealed bytes of a secret are the current ones.
fn sealed(id: &SecretId) -> Option<Subject> {
    Some(Subject::Sealed(*id))
}

events! {
    /// An ACME account was registered.
    "CLA010I" "account.created" AccountCreated {
        /// The account.
        account_id: AccountId,
        /// The scoped client whose credential vouched for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
        /// The key.
        thumbprint: Thumbprint,
    } about [account(account_id), client_id.as_ref().and_then(client)];
    /// An account's contacts or agreement to the terms changed.
    "CLA011I" "account.updated" AccountUpdated {
        /// The account.
        account_id: AccountId,
        /// How many contacts it has now.
        contacts: usize,
    } about [account(account_id)];
    /// An account got another key.
    "CLA012I" "account.key_changed" AccountKeyChanged {
        /// The account.
        account_id: AccountId,
        /// The key it has now.
        new_thumbprint: Thumbprint,
        /// The key it had.
        old_thumbprint: Thumbprint,
    } about [account(account_id)];
    /// An account was closed by its holder.
    "CLA013I" "account.deactivated" AccountDeactivated {
        /// The account.
        account_id: AccountId,
    } about [account(account_id)];
    /// An order was placed.
    "CLA020I" "order.created" OrderCreated {
        /// Whose it is.
        account_id: AccountId,
        /// The scoped client it counts for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
        /// Until when it can be completed.
        expires: Timestamp,
        /// What it names.
        identifiers: Vec<Identifier>,
        /// The order.
        order_id: OrderId,
    } about [order(order_id), account(account_id), client_id.as_ref().and_then(client)];
    /// An order was refused before it existed.
    "CLA021E" "order.refused" OrderRefused {
        /// Whose it would have been.
        account_id: AccountId,
        /// The scoped client it would have counted for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
        /// Why.
        failure: Failure,
        /// What it would have named.
        identifiers: Vec<Identifier>,
        /// The id under which the refusal is found; no order has it.
        order_id: OrderId,
    } about [order(order_id), account(account_id), client_id.as_ref().and_then(client)];
    /// Every authorization of an order is valid.
    "CLA022I" "order.ready" OrderReady {
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// An order ended without a certificate.
    "CLA023E" "order.invalid" OrderInvalid {
        /// Why.
        failure: Failure,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// An order ended because its time was up.
    "CLA024E" "order.expired" OrderExpired {
        /// Until when it could have been completed.
        expires: Timestamp,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// An order that had ended long ago was removed; its history stays.
    "CLA025I" "order.removed" OrderRemoved {
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// An identifier needed no new proof.
    "CLA030I" "authorization.reused" AuthorizationReused {
        /// What was proven.
        identifier: Identifier,
        /// How it was proven.
        method: Method,
        /// The order that needs it now.
        order_id: OrderId,
        /// The order for which it was proven.
        proven_for: OrderId,
    } about [order(order_id)];
    /// An authorization was given back by its holder.
    "CLA031I" "authorization.deactivated" AuthorizationDeactivated {
        /// What it was for.
        identifier: Identifier,
        /// The order it belongs to.
        order_id: OrderId,
    } about [order(order_id)];
    /// A client said that its answer is in place.
    "CLA040I" "challenge.armed" ChallengeArmed {
        /// What is to be proven.
        identifier: Identifier,
        /// How.
        method: Method,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A look at a challenge found the expected answer.
    "CLA041I" "challenge.attempted" ChallengeAttempted {
        /// What was seen.
        attempt: Attempt,
        /// What is to be proven.
        identifier: Identifier,
        /// How.
        method: Method,
        /// Which attempt it was, from 1.
        number: u32,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A look at a challenge found no answer, or a wrong one.
    "CLA041E" "challenge.attempt_failed" ChallengeAttemptFailed {
        /// What was seen.
        attempt: Attempt,
        /// What is to be proven.
        identifier: Identifier,
        /// How.
        method: Method,
        /// When the next attempt is due, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Timestamp>,
        /// Which attempt it was, from 1.
        number: u32,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A challenge was passed.
    "CLA042I" "challenge.valid" ChallengeValid {
        /// What is proven.
        identifier: Identifier,
        /// How.
        method: Method,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A challenge was failed.
    "CLA042E" "challenge.invalid" ChallengeInvalid {
        /// Why.
        failure: Failure,
        /// What was to be proven.
        identifier: Identifier,
        /// How.
        method: Method,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A certificate request was accepted.
    "CLA050I" "finalize.received" FinalizeReceived {
        /// SHA-256 of the request's public key, in hexadecimal.
        key_sha256: String,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A certificate request was refused; the order waits for another.
    "CLA050E" "finalize.refused" FinalizeRefused {
        /// Why.
        failure: Failure,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// The issuer could not be reached; it is asked again.
    "CLA060E" "issue.delayed" IssueDelayed {
        /// Why.
        failure: Failure,
        /// When it is asked again.
        next: Timestamp,
        /// The order.
        order_id: OrderId,
    } about [order(order_id)];
    /// A certificate was issued and stored.
    "CLA070I" "certificate.stored" CertificateStored {
        /// The certificate.
        certificate_id: CertificateId,
        /// What it names.
        identifiers: Vec<Identifier>,
        /// Until when it is valid.
        not_after: Timestamp,
        /// The order it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<OrderId>,
        /// The certificate before it, for the same names and account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<CertificateId>,
        /// Its serial number, in hexadecimal.
        serial: String,
        /// SHA-256 of the leaf, in hexadecimal.
        sha256: String,
    } about [certificate(certificate_id), order_id.as_ref().and_then(order)];
    /// The client fetched its certificate for the first time.
    "CLA071I" "certificate.downloaded" CertificateDownloaded {
        /// The certificate.
        certificate_id: CertificateId,
        /// The order it answers.
        order_id: OrderId,
    } about [certificate(certificate_id), order(order_id)];
    /// A certificate was revoked.
    "CLA072I" "certificate.revoked" CertificateRevoked {
        /// The certificate.
        certificate_id: CertificateId,
        /// When, and for what reason.
        revocation: Revocation,
        /// Its serial number, in hexadecimal.
        serial: String,
    } about [certificate(certificate_id)];
    /// A revocation list was signed.
    "CLA073I" "crl.signed" CrlSigned {
        /// How many certificates it lists.
        entries: usize,
        /// Until when it is current.
        next_update: Timestamp,
        /// Its number.
        number: u64,
    } about [];
    /// A scoped client was made.
    "CLA100I" "client.created" ClientCreated {
        /// The client.
        client_id: ClientId,
        /// Its name.
        name: String,
        /// What it may order.
        scope: Scope,
    } about [client(client_id)];
    /// A scoped client was switched off.
    "CLA101I" "client.disabled" ClientDisabled {
        /// The client.
        client_id: ClientId,
    } about [client(client_id)];
    /// A single-use credential was used.
    "CLA102I" "client.bound" ClientBound {
        /// The account it made.
        account_id: AccountId,
        /// The client.
        client_id: ClientId,
    } about [client(client_id), account(account_id)];
    /// A secret was sealed and stored.
    "CLA110I" "secret.stored" SecretStored {
        /// The key that wraps its data key.
        key_id: String,
        /// What it is for.
        purpose: SecretPurpose,
        /// The secret.
        secret_id: SecretId,
        /// SHA-256 of the sealed bytes, in hexadecimal.
        sha256: String,
        /// Which of its values it is.
        version: u64,
    } about [secret(secret_id), sealed(secret_id)];
    /// A secret was opened.
    "CLA111I" "secret.opened" SecretOpened {
        /// What it is for.
        purpose: SecretPurpose,
        /// The secret.
        secret_id: SecretId,
        /// Which of its values it was.
        version: u64,
    } about [secret(secret_id)];
    /// A secret got another value, sealed under a data key of its own.
    "CLA112I" "secret.replaced" SecretReplaced {
        /// The key that wraps its data key.
        key_id: String,
        /// What it is for.
        purpose: SecretPurpose,
        /// The secret.
        secret_id: SecretId,
        /// SHA-256 of the sealed bytes, in hexadecimal.
        sha256: String,
        /// Which of its values it is.
        version: u64,
    } about [secret(secret_id), sealed(secret_id)];
    /// A secret's data key was wrapped under another key.
    "CLA113I" "secret.rewrapped" SecretRewrapped {
        /// The key that wraps its data key now.
        key_id: String,
        /// The key that wrapped it before.
        old_key_id: String,
        /// What it is for.
        purpose: SecretPurpose,
        /// The secret.
        secret_id: SecretId,
        /// SHA-256 of the sealed bytes, in hexadecimal.
        sha256: String,
        /// Which of its values it is.
        version: u64,
    } about [secret(secret_id), sealed(secret_id)];
    /// A process took up the key that wraps secrets, and keeps it until it ends.
    "CLA114I" "wrapping_key.loaded" WrappingKeyLoaded {
        /// The key.
        key_id: String,
    } about [];
    /// The server started.
    "CLA120I" "server.started" ServerStarted {
        /// The version of the software.
        version: String,
    } about [];
    /// A certificate authority was made.
    "CLA121I" "authority.created" AuthorityCreated {
        /// The authority.
        authority_id: AuthorityId,
        /// What it signs.
        role: AuthorityRole,
        /// SHA-256 of the certificate, in hexadecimal.
        sha256: String,
    } about [authority(authority_id)];
    /// Requests whose sender is not known were refused; one record stands for many.
    "CLA130E" "requests.refused" RequestsRefused {
        /// How many, since the record before.
        count: u64,
        /// The ACME problem type, without its prefix.
        problem: String,
    } about [];
    /// A request of a known account was refused.
    "CLA131E" "request.refused" RequestRefused {
        /// Whose request.
        account_id: AccountId,
        /// The sentence it was answered with.
        detail: String,
        /// What was asked for.
        operation: String,
        /// The order it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<OrderId>,
        /// The ACME problem type, without its prefix.
        problem: String,
    } about [account(account_id), order_id.as_ref().and_then(order)];
    /// A client's known mistake was seen, and admitted.
    "CLA140I" "quirk.admitted" QuirkAdmitted {
        /// Whose request.
        account_id: AccountId,
        /// The order it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<OrderId>,
        /// The mistake.
        quirk: Quirk,
    } about [account(account_id), order_id.as_ref().and_then(order)];
}

impl Event {
    /// Whether this is a refusal or a failure.
    pub fn is_failure(&self) -> bool {
        self.code().ends_with('E')
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
