//! From a ready order to a certificate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Invalid, Order, OrderRefusal, Processing, Reason, State, Valid};
use crate::certificate::Der;
use crate::{Certificate, Event, Failure, Timestamp, Transition, Versioned};

/// A certificate request that was checked against its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built by whoever checks requests"
)]
pub struct CertificateRequest {
    /// The PKCS #10 request.
    pub der: Der,
    /// SHA-256 of its SubjectPublicKeyInfo, in lower-case hexadecimal.
    pub key_sha256: String,
}

impl Versioned<Order> {
    /// Hands a checked request to the issuer ([RFC 8555 section 7.4]).
    ///
    /// # Errors
    /// [`OrderRefusal::NotReady`] in every state but ready, and when the order's time is up.
    ///
    /// [RFC 8555 section 7.4]: https://www.rfc-editor.org/rfc/rfc8555#section-7.4
    pub fn finalize(
        &self,
        request: CertificateRequest,
        now: Timestamp,
    ) -> Result<Transition<Order>, OrderRefusal> {
        if !matches!(self.value.state, State::Ready(_)) || self.value.expires() <= now {
            return Err(OrderRefusal::NotReady(self.value.status()));
        }
        let received = Event::FinalizeReceived {
            key_sha256: request.key_sha256.clone(),
            order_id: self.value.id,
        };
        let processing = Processing {
            attempts: 0,
            due: now,
            last_error: None,
            request,
            since: now,
        };
        let next = Order {
            state: State::Processing(processing),
            ..self.value.clone()
        };
        Ok(self.step(next, vec![received], now))
    }

    /// The order has its certificate; committed together with it. Nothing unless the issuer is at
    /// work on it.
    pub fn issued(&self, certificate: &Certificate, now: Timestamp) -> Option<Transition<Order>> {
        let State::Processing(_) = &self.value.state else {
            return None;
        };
        let valid = Valid {
            certificate: *certificate.id(),
            downloaded: None,
            since: now,
        };
        Some(self.step(
            Order {
                state: State::Valid(valid),
                ..self.value.clone()
            },
            Vec::new(),
            now,
        ))
    }

    /// The issuer refused for good. Nothing unless it is at work on the order.
    pub fn issue_refused(&self, failure: Failure, now: Timestamp) -> Option<Transition<Order>> {
        let State::Processing(_) = &self.value.state else {
            return None;
        };
        let event = Event::OrderInvalid {
            failure: failure.clone(),
            order_id: self.value.id,
        };
        let invalid = Invalid {
            since: now,
            reason: Reason::Issuance(failure),
        };
        Some(self.step(
            Order {
                state: State::Invalid(invalid),
                ..self.value.clone()
            },
            vec![event],
            now,
        ))
    }

    /// The issuer gave no answer: it is asked again after `pause`, unless `patience` with it is at
    /// an end. Nothing unless it is at work on the order.
    pub fn issue_delayed(
        &self,
        failure: Failure,
        pause: Duration,
        patience: Duration,
        now: Timestamp,
    ) -> Option<Transition<Order>> {
        let State::Processing(processing) = &self.value.state else {
            return None;
        };
        let next = now.after(pause);
        if next.since(processing.since) > patience {
            return self.issue_refused(failure, now);
        }
        let delayed = Event::IssueDelayed {
            failure: failure.clone(),
            next,
            order_id: self.value.id,
        };
        let state = State::Processing(Processing {
            attempts: processing.attempts + 1,
            due: next,
            last_error: Some(failure),
            ..processing.clone()
        });
        Some(self.step(
            Order {
                state,
                ..self.value.clone()
            },
            vec![delayed],
            now,
        ))
    }

    /// The client fetched the certificate; nothing unless it is the first time.
    pub fn downloaded(&self, now: Timestamp) -> Option<Transition<Order>> {
        let State::Valid(
            valid @ Valid {
                downloaded: None, ..
            },
        ) = &self.value.state
        else {
            return None;
        };
        let fetched = Event::CertificateDownloaded {
            certificate_id: valid.certificate,
            order_id: self.value.id,
        };
        let valid = Valid {
            downloaded: Some(now),
            ..valid.clone()
        };
        Some(self.step(
            Order {
                state: State::Valid(valid),
                ..self.value.clone()
            },
            vec![fetched],
            now,
        ))
    }
}
