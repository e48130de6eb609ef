//! Revocation ([RFC 8555 section 7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)) and the lists of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::{
    Attribution, Certificate, Changeset, Der, Fact, IssueFailure, Page, RevocationReason,
    StoreError, Timestamp, Versioned,
};

use super::{Gateway, Refused, Signed};
use crate::call::Answer;
use crate::crl::{RevocationList, RevocationLists};
use crate::jose::Jwk;
use crate::problem::{Problem, ProblemType};
use crate::wire::RevokePayload;
use crate::x509::{Leaf, sha256_hex};

impl Gateway {
    pub(super) async fn revoke_certificate(&self, signed: &Signed) -> Result<Answer, Refused> {
        let payload: RevokePayload = signed.json()?;
        let der = URL_SAFE_NO_PAD
            .decode(&payload.certificate)
            .map_err(|error| {
                Problem::malformed(format!("`certificate` is not base64url: {error}"))
            })?;
        let leaf = Leaf::parse(&der)
            .map_err(|error| Problem::malformed(format!("`certificate` does not read: {error}")))?;
        let found = self
            .store()
            .certificate_by_sha256(&sha256_hex(&der))
            .await?;
        let Some(certificate) = found else {
            return Err(Problem::malformed("this certificate was not issued here")
                .with_status(404)
                .into());
        };
        self.check_right(&certificate.value, &leaf, signed).await?;
        let reason = payload.reason.map(reason).transpose()?;
        let revoked = certificate.revoke(reason, signed.now);
        let revoked = revoked
            .map_err(|error| Problem::new(ProblemType::AlreadyRevoked, error.to_string()))?;
        match self.store().commit(revoked.by(&signed.by).into()).await {
            Ok(_) => {}
            Err(StoreError::Conflict) => {
                return Err(self.revoked_meanwhile(&certificate).await?.into());
            }
            Err(error) => return Err(error.into()),
        }
        self.0.latest_list.forget();
        Ok(Answer::empty(200))
    }

    async fn revoked_meanwhile(
        &self,
        certificate: &Versioned<Certificate>,
    ) -> Result<Problem, Refused> {
        let newer = self.store().certificate(certificate.value.id()).await?;
        let at = newer.value.revocation().ok_or(StoreError::Conflict)?.at;
        Ok(Problem::new(
            ProblemType::AlreadyRevoked,
            format!("this certificate was revoked at {at}"),
        ))
    }

    /// The account it was issued to, the holder of its key, or an account that controls every name.
    async fn check_right(
        &self,
        certificate: &Certificate,
        leaf: &Leaf,
        signed: &Signed,
    ) -> Result<(), Refused> {
        let Some(account) = &signed.account else {
            let own = Jwk::from_spki(leaf.spki_der()).is_ok_and(|key| key == *signed.key);
            return if own { Ok(()) } else { Err(no_right().into()) };
        };
        if certificate.account() == Some(account.value.id()) {
            return Ok(());
        }
        for identifier in &certificate.description().identifiers {
            if self
                .store()
                .proof(account.value.id(), identifier, signed.now)
                .await?
                .is_none()
            {
                return Err(no_right().into());
            }
        }
        Ok(())
    }

    pub(super) async fn revocation_list(&self) -> Result<Answer, Problem> {
        let Some(lists) = &self.0.parts.revocation_lists else {
            return Err(Problem::not_found());
        };
        let now = self.now();
        let list = match self.0.latest_list.fresh(now) {
            Some(list) => list,
            None => self.sign_list(lists.as_ref(), now).await?,
        };
        Ok(Answer::bytes("application/pkix-crl", list.0))
    }

    async fn sign_list(&self, lists: &dyn RevocationLists, now: Timestamp) -> Result<Der, Problem> {
        let entries = self
            .revoked(now)
            .await
            .map_err(|error| super::store_problem(&error))?;
        let number = u64::try_from(now.as_micros()).unwrap_or(0);
        let (count, next_update) = (entries.len(), now.after(LIST_LIFETIME));
        let signed = lists
            .sign(RevocationList {
                entries,
                next_update,
                number,
                this_update: now,
            })
            .await;
        let list = signed.map_err(|failure| Problem::unavailable(issue_detail(&failure)))?;
        let fact = Fact::crl_signed(number, count, next_update, now);
        let recorded = self
            .store()
            .commit(Changeset::fact(&fact, &list_attribution()))
            .await;
        recorded.map_err(|error| super::store_problem(&error))?;
        self.0.latest_list.keep(now, list.clone());
        Ok(list)
    }

    /// Every revoked certificate that has not run out.
    async fn revoked(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(certlocker_core::Serial, certlocker_core::Revocation)>, StoreError> {
        let (mut entries, mut last) = (Vec::new(), None);
        loop {
            let page = self
                .store()
                .revoked_certificates(Page::oldest(LIST_PAGE).after(last.take()))
                .await?;
            for certificate in page.iter().map(|certificate| &certificate.value) {
                let current = certificate.description().not_after > now;
                let revocation = certificate.revocation().filter(|_| current);
                entries.extend(
                    revocation
                        .map(|revocation| (certificate.description().serial.clone(), *revocation)),
                );
            }
            match page.last() {
                Some(certificate) if page.len() == LIST_PAGE => {
                    last = Some(certificate.value.id().to_string())
                }
                _ => return Ok(entries),
            }
        }
    }
}

/// How long a list is current; a new one is there long before.
const LIST_LIFETIME: Duration = Duration::from_secs(24 * 3600);
const LIST_PAGE: usize = 500;

fn list_attribution() -> Attribution {
    use certlocker_core::{Actor, Component, Trigger};
    Attribution::new(Actor::Server(Component::Issuer), Trigger::Due)
}

fn issue_detail(failure: &IssueFailure) -> String {
    match failure {
        IssueFailure::Refused(failure) | IssueFailure::NoAnswer { failure, .. } => {
            failure.detail.clone()
        }
    }
}

fn reason(code: i64) -> Result<RevocationReason, Problem> {
    RevocationReason::from_code(code).ok_or_else(|| {
        let allowed: Vec<String> = RevocationReason::ALL
            .iter()
            .map(|(_, code)| code.to_string())
            .collect();
        let detail = format!(
            "reason {code} is not one that a subscriber may give; {} are",
            allowed.join(", ")
        );
        Problem::new(ProblemType::BadRevocationReason, detail)
    })
}

fn no_right() -> Problem {
    Problem::new(
        ProblemType::Unauthorized,
        "the request is signed neither by the account that this certificate was issued to, nor by the certificate's key, nor by an account that has proven every name in it",
    )
}
