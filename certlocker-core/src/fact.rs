//! Facts that change no state.

use std::time::Duration;

use crate::record::Draft;
use crate::{
    AccountId, Attribution, ClientId, Event, Failure, HostId, Identifier, KeyFingerprint, OrderId,
    Quirk, Timestamp, TokenId,
};

/// A fact that changes no state: a refusal, a secret opened, a start. Only those named here can be
/// recorded without a change.
#[must_use = "a fact is not recorded until it is committed"]
#[derive(Clone, Debug)]
pub struct Fact {
    event: Event,
    at: Timestamp,
}

impl Fact {
    pub(crate) fn new(event: Event, at: Timestamp) -> Self {
        Self { event, at }
    }

    pub(crate) fn draft(&self, by: &Attribution) -> Draft {
        Draft::new(&self.event, self.at, by)
    }

    /// What happened.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// An order was refused before it existed; `order_id` is what the client is told, so that the
    /// refusal is found by it.
    pub fn order_refused(
        order_id: OrderId,
        account_id: AccountId,
        client_id: Option<ClientId>,
        identifiers: Vec<Identifier>,
        failure: Failure,
        at: Timestamp,
    ) -> Self {
        Self::new(
            Event::OrderRefused {
                account_id,
                client_id,
                failure,
                identifiers,
                order_id,
            },
            at,
        )
    }

    /// A certificate request was refused; the order waits for another.
    pub fn finalize_refused(order_id: OrderId, failure: Failure, at: Timestamp) -> Self {
        Self::new(Event::FinalizeRefused { failure, order_id }, at)
    }

    /// A request of a known account was refused; `problem` is the ACME problem type.
    pub fn request_refused(
        account_id: AccountId,
        order_id: Option<OrderId>,
        operation: &str,
        problem: &str,
        detail: &str,
        at: Timestamp,
    ) -> Self {
        let (operation, problem, detail) =
            (operation.to_owned(), problem.to_owned(), detail.to_owned());
        Self::new(
            Event::RequestRefused {
                account_id,
                detail,
                operation,
                order_id,
                problem,
            },
            at,
        )
    }

    /// So many requests of unknown senders were refused with this ACME problem type.
    pub fn requests_refused(count: u64, problem: &str, at: Timestamp) -> Self {
        Self::new(
            Event::RequestsRefused {
                count,
                problem: problem.to_owned(),
            },
            at,
        )
    }

    /// So many requests were refused because no token that counts came with them; `why` is a word
    /// that does not change, and `token` is known if its secret was right.
    pub fn token_rejected(count: u64, token: Option<TokenId>, why: &str, at: Timestamp) -> Self {
        let rejected = Event::TokenRejected {
            count,
            token_id: token,
            why: why.to_owned(),
        };
        Self::new(rejected, at)
    }

    /// So many attempts to sign in were refused unseen; `why` is a word that does not change.
    pub fn sign_ins_rejected(count: u64, why: &str, at: Timestamp) -> Self {
        let why = why.to_owned();
        Self::new(Event::SignInsRejected { count, why }, at)
    }

    /// A known mistake of a client was seen, and admitted.
    pub fn quirk_admitted(
        account_id: AccountId,
        order_id: Option<OrderId>,
        quirk: Quirk,
        at: Timestamp,
    ) -> Self {
        Self::new(
            Event::QuirkAdmitted {
                account_id,
                order_id,
                quirk,
            },
            at,
        )
    }

    /// A revocation list was signed.
    pub fn crl_signed(number: u64, entries: usize, next_update: Timestamp, at: Timestamp) -> Self {
        Self::new(
            Event::CrlSigned {
                entries,
                next_update,
                number,
            },
            at,
        )
    }

    /// No certificate of SSH was signed for this key to use this account of a host; `why` is the
    /// sentence that whoever asked is told.
    pub fn ssh_certificate_refused(
        host_id: HostId,
        key: KeyFingerprint,
        login: &str,
        why: &str,
        at: Timestamp,
    ) -> Self {
        let (login, why) = (login.to_owned(), why.to_owned());
        Self::new(
            Event::SshCertificateRefused {
                host_id,
                key,
                login,
                why,
            },
            at,
        )
    }

    /// Entries of the audit log below index `minimum`, which were written before `before`, are to be
    /// removed, as a policy allows that has them kept for `retention`.
    pub fn log_pruned(minimum: u64, before: Timestamp, retention: Duration, at: Timestamp) -> Self {
        let retention = retention.as_secs();
        Self::new(
            Event::LogPruned {
                before,
                minimum,
                retention,
            },
            at,
        )
    }

    /// A process took up the key that wraps secrets, and keeps it until it ends.
    pub fn wrapping_key_loaded(key_id: &str, at: Timestamp) -> Self {
        Self::new(
            Event::WrappingKeyLoaded {
                key_id: key_id.to_owned(),
            },
            at,
        )
    }

    /// The server started.
    pub fn server_started(version: &str, at: Timestamp) -> Self {
        Self::new(
            Event::ServerStarted {
                version: version.to_owned(),
            },
            at,
        )
    }
}
