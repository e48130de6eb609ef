//! What operators ask for and change, the same for the API and for the commands.

pub mod audit;
mod client;
pub mod export;
pub mod host;
pub mod import;
pub mod import_view;
mod person;
mod sign_in;
#[cfg(feature = "ssh-ca")]
pub mod ssh_ca;
mod token;
pub mod view;

use std::sync::Arc;

use certlocker_acme::{Clock, Links};
use certlocker_audit::why::WhyError;
use certlocker_core::{
    AuditUnavailable, CertificateId, ClientId, InvalidId, OrderId, Page, SecretError, SecretStore,
    Sequence, Store, StoreError, Subject, Versioned, explain, explain_absent,
};

use certlocker_import::source::SourceError;

use crate::audit::{AuditError, AuditHome};
use view::{CertificateView, ExplanationView, OrderDetail, OrderView, TimelineEntry};

pub use client::NewClientRequest;
pub use person::{IssuedPerson, NewPersonRequest, PersonView};
pub(crate) use sign_in::{Credentials, SignInError};
pub use token::{
    IssuedToken, NewTokenRequest, RevokedTokens, RotationRequest, TokenReach, TokenView,
};

/// The inventory, with what is needed to change it.
#[derive(Clone)]
#[allow(
    clippy::exhaustive_structs,
    reason = "put together by the server and by each command"
)]
pub struct Inventory {
    /// The audit log.
    pub audit: AuditHome,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The gateway's URLs.
    pub links: Links,
    /// Seals the keys of new clients.
    pub secrets: Arc<dyn SecretStore>,
    /// Keeps everything.
    pub store: Arc<dyn Store>,
}

impl std::fmt::Debug for Inventory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inventory")
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

/// Why a question has no answer, or a change was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// What was given does not read, or is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// The cloud did not tell what was asked of it.
    #[error("{0}")]
    Cloud(#[from] SourceError),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// What is there does not allow it.
    #[error("{0}")]
    Refused(String),
    /// A secret could not be sealed.
    #[error("the secret could not be sealed")]
    Secret(#[source] SecretError),
    /// The audit log cannot be read.
    #[error("the audit log cannot be read")]
    Audit(#[from] AuditError),
    /// The store failed.
    #[error("the store cannot be used")]
    Store(#[source] StoreError),
    /// It needs a part that this program was built without.
    #[error(
        "this program was built without {0}: build it with `cargo build --release -p certlocker --features {0}`"
    )]
    Unbuilt(&'static str),
    /// The history does not lead back to a root.
    #[error(transparent)]
    Unexplained(WhyError),
    /// What was asked for cannot be recorded; nothing was changed.
    #[error(transparent)]
    Unrecorded(AuditUnavailable),
}

impl InventoryError {
    fn store(error: StoreError, what: impl FnOnce() -> String) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound(what()),
            other => other.into(),
        }
    }
}

impl From<StoreError> for InventoryError {
    fn from(error: StoreError) -> Self {
        match error.audit_unavailable() {
            Some(refusal) => Self::Unrecorded(refusal),
            None => Self::Store(error),
        }
    }
}

impl From<WhyError> for InventoryError {
    fn from(error: WhyError) -> Self {
        match error {
            WhyError::Store(error) => error.into(),
            error => Self::Unexplained(error),
        }
    }
}

impl From<SecretError> for InventoryError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => error.into(),
            error => Self::Secret(error),
        }
    }
}

/// How many records of one order are read at once.
const RECORDS: usize = 1_000;

impl Inventory {
    /// Orders, newest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn orders(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<OrderView>, InventoryError> {
        let orders = self.store.orders(Page::newest(limit).after(after)).await?;
        Ok(orders
            .iter()
            .map(|order| OrderView::of(&order.value, self.clock.now()))
            .collect())
    }

    /// One order, explained, with its history; also one that was refused or removed.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn order(&self, id: &str) -> Result<OrderDetail, InventoryError> {
        let last_segment = id.rsplit('/').next().unwrap_or(id);
        let id: OrderId = last_segment
            .parse()
            .map_err(|error: InvalidId| InventoryError::Invalid(error.to_string()))?;
        let order = match self.store.order(&id).await {
            Ok(order) => Some(order.value),
            Err(StoreError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let records = self.records(Subject::Order(id)).await?;
        let now = self.clock.now();
        let told = match &order {
            Some(order) => Some((explain(order, &records, now), OrderView::of(order, now))),
            None => explain_absent(&records).zip(OrderView::absent(&id, &records)),
        };
        let (explanation, order) =
            told.ok_or_else(|| InventoryError::NotFound(format!("order {id}")))?;
        Ok(OrderDetail {
            explanation: ExplanationView::from(&explanation),
            order,
            timeline: records.iter().map(TimelineEntry::from).collect(),
        })
    }

    async fn records(
        &self,
        about: Subject,
    ) -> Result<Vec<certlocker_core::Record>, InventoryError> {
        let (mut records, mut after) = (Vec::new(), Sequence::START);
        loop {
            let page = self.store.records(Some(&about), after, RECORDS).await?;
            let Some(last) = page.last() else {
                return Ok(records);
            };
            after = last.sequence;
            records.extend(page);
        }
    }

    /// Certificates, newest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn certificates(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<CertificateView>, InventoryError> {
        let certificates = self
            .store
            .certificates(Page::newest(limit).after(after))
            .await?;
        Ok(certificates
            .iter()
            .map(|certificate| CertificateView::of(&certificate.value, self.clock.now()))
            .collect())
    }

    /// One certificate, by id or serial number.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn certificate(&self, id: &str) -> Result<CertificateView, InventoryError> {
        let found = match id.parse::<CertificateId>() {
            Ok(id) => {
                let found = self.store.certificate(&id).await;
                found
                    .map_err(|error| InventoryError::store(error, || format!("certificate {id}")))?
            }
            Err(_) => self.certificate_by_serial(id).await?,
        };
        Ok(CertificateView::of(&found.value, self.clock.now()))
    }

    pub(crate) async fn certificate_by_serial(
        &self,
        text: &str,
    ) -> Result<Versioned<certlocker_core::Certificate>, InventoryError> {
        let invalid = |_| {
            InventoryError::Invalid(format!(
                "`{text}` is neither the id nor the serial number of a certificate"
            ))
        };
        let serial = text.to_ascii_lowercase().parse().map_err(invalid)?;
        let mut found = self
            .store
            .certificates_by_serial(&serial, Page::newest(1))
            .await?;
        found.pop().ok_or_else(|| {
            InventoryError::NotFound(format!("certificate with serial number {serial}"))
        })
    }
}

fn client_id(id: &str) -> Option<ClientId> {
    id.parse().ok()
}
