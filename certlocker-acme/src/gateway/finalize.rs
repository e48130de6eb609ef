//! From a ready order to the issuer ([RFC 8555 section 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::{
    CertificateRequest, Der, Fact, Failure, FailureKind, Order, OrderStatus, Quirk, StoreError,
    Versioned,
};

use super::jobs::{Beginning, Outcome};
use super::order::outside;
use super::{Gateway, Refused, Signed};
use crate::call::Answer;
use crate::jose::Jwk;
use crate::problem::{Problem, ProblemType};
use crate::wire::FinalizePayload;
use crate::x509::Csr;

impl Gateway {
    pub(super) async fn finalize(&self, value: &str, signed: &Signed) -> Result<Answer, Refused> {
        let order = self.own_order(value, signed).await?;
        if signed.is_get() {
            signed.admit(
                Quirk::PolledFinalize,
                "the finalize URL takes a certificate request, and the payload is empty: an order is read at its own URL",
            )?;
            return Ok(self.order_answer(200, &order.value));
        }
        let payload: FinalizePayload = signed.json()?;
        if order.value.status() != OrderStatus::Ready {
            return Err(not_ready(&order.value).into());
        }
        let request = match self.check_request(&payload.csr, &order.value, signed).await {
            Ok(request) => request,
            Err(problem) => return Err(refused(&order.value, problem, signed)),
        };
        let order = if self.0.parts.issuer.is_remote() {
            self.hand_in(order, request, signed, false).await?
        } else {
            self.issue_at_once(order, request, signed).await?
        };
        Ok(self.order_answer(200, &order.value))
    }

    async fn check_request(
        &self,
        csr: &str,
        order: &Order,
        signed: &Signed,
    ) -> Result<CertificateRequest, Problem> {
        let der = decode(csr, signed)?;
        let parsed = Csr::parse(&der).map_err(|refusal| bad_csr(refusal.to_string()))?;
        let names: BTreeSet<_> = order.identifiers().iter().cloned().collect();
        parsed
            .check_names(&names)
            .map_err(|refusal| bad_csr(refusal.to_string()))?;
        self.check_key(&parsed).await?;
        if let Some(client) = &signed.client {
            client.check(signed.now)?;
            if let Some(problem) = outside(client, order.identifiers()) {
                return Err(problem);
            }
        }
        let key_sha256 = parsed.key_sha256();
        Ok(CertificateRequest {
            der: Der(der),
            key_sha256,
        })
    }

    /// RFC 8555 section 11.1: a key that signs for an account must not serve a certificate.
    async fn check_key(&self, csr: &Csr) -> Result<(), Problem> {
        let Ok(key) = Jwk::from_spki(csr.spki_der()) else {
            return Ok(());
        };
        match self.store().account_by_key(&key.thumbprint()).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(bad_csr(
                "the request's key is the key of an ACME account; a certificate needs a key of its own",
            )),
            Err(error) => Err(super::store_problem(&error)),
        }
    }

    /// From ready to valid in one commit, if nothing comes between.
    async fn issue_at_once(
        &self,
        order: Versioned<Order>,
        request: CertificateRequest,
        signed: &Signed,
    ) -> Result<Versioned<Order>, Refused> {
        let id = *order.value.id();
        let beginning = Beginning::Finalized(request.clone());
        let begun = match self.begin(&id, beginning, signed).await? {
            Outcome::Committed(order) => return Ok(*order),
            Outcome::Late => true,
            Outcome::Busy => {
                self.wait_for_others(&id).await;
                false
            }
        };
        let order = self.store().order(&id).await?;
        if begun && order.value.status() != OrderStatus::Ready {
            return Ok(order);
        }
        self.hand_in(order, request, signed, begun).await
    }

    /// Hands a checked request to the issuer; of several at the same time, one gets through. If it
    /// was begun with before, that one may be this.
    async fn hand_in(
        &self,
        order: Versioned<Order>,
        request: CertificateRequest,
        signed: &Signed,
        begun: bool,
    ) -> Result<Versioned<Order>, Refused> {
        let processing = order
            .finalize(request, signed.now)
            .map_err(|_| not_ready(&order.value))?;
        let change = processing.by(&signed.by);
        let after = change.after();
        match self.store().commit(change.into()).await {
            Ok(_) => Ok(self.await_job(&after, &signed.by).await?),
            Err(StoreError::Conflict) => {
                let newer = self.store().order(order.value.id()).await?;
                if begun {
                    return Ok(newer);
                }
                Err(not_ready(&newer.value).into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn decode(csr: &str, signed: &Signed) -> Result<Vec<u8>, Problem> {
    let unpadded = csr.trim_end_matches('=');
    if unpadded.len() != csr.len() {
        signed.admit(
            Quirk::PaddedCsr,
            "`csr` is base64url with padding, and has to be without",
        )?;
    }
    URL_SAFE_NO_PAD
        .decode(unpadded)
        .map_err(|error| Problem::malformed(format!("`csr` is not base64url: {error}")))
}

fn bad_csr(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemType::BadCsr, detail)
}

fn not_ready(order: &Order) -> Problem {
    let detail = match order.status() {
        OrderStatus::Pending => {
            let authorizations = order.authorizations();
            let open = authorizations.iter().filter(|one| {
                !matches!(
                    one.state(),
                    certlocker_core::AuthorizationState::Valid { .. }
                )
            });
            format!(
                "finalize came before {} of {} authorizations were valid",
                open.count(),
                authorizations.len()
            )
        }
        status => format!(
            "the order is {}, and only a ready one can be finalized",
            status.as_str()
        ),
    };
    Problem::new(ProblemType::OrderNotReady, detail)
}

fn refused(order: &Order, problem: Problem, signed: &Signed) -> Refused {
    let kind = match problem.kind {
        ProblemType::RejectedIdentifier => FailureKind::RejectedIdentifier,
        ProblemType::Unauthorized => FailureKind::Unauthorized,
        ProblemType::ServerInternal => return problem.into(),
        _ => FailureKind::BadCsr,
    };
    let failure = Failure::new(kind, problem.detail.clone());
    Refused::new(
        problem,
        Fact::finalize_refused(*order.id(), failure, signed.now),
    )
}
