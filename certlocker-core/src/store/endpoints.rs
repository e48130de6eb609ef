//! Reads endpoints.

use async_trait::async_trait;

use super::find::entry;
use super::reads::{many, newest, one};
use super::{By, Page, Rows, StoreError};
use crate::endpoint::{Endpoint, EndpointSpec, Lineage};
use crate::{EndpointId, Versioned};

/// Reads endpoints.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// The endpoint with this id; [`StoreError::NotFound`] if there is none.
    async fn endpoint(&self, id: &EndpointId) -> Result<Versioned<Endpoint>, StoreError>;

    /// The endpoint at the place of this one.
    async fn endpoint_at(
        &self,
        spec: &EndpointSpec,
    ) -> Result<Option<Versioned<Endpoint>>, StoreError>;

    /// Endpoints.
    async fn endpoints(&self, page: Page) -> Result<Vec<Versioned<Endpoint>>, StoreError>;

    /// Endpoints where a certificate of this lineage should be served.
    async fn endpoints_of(
        &self,
        lineage: &Lineage,
        page: Page,
    ) -> Result<Vec<Versioned<Endpoint>>, StoreError>;
}

#[async_trait]
impl<S: Rows + ?Sized> EndpointStore for S {
    async fn endpoint(&self, id: &EndpointId) -> Result<Versioned<Endpoint>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn endpoint_at(
        &self,
        spec: &EndpointSpec,
    ) -> Result<Option<Versioned<Endpoint>>, StoreError> {
        newest(self, entry(Endpoint::BY_PLACE, spec.place())).await
    }

    async fn endpoints(&self, page: Page) -> Result<Vec<Versioned<Endpoint>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn endpoints_of(
        &self,
        lineage: &Lineage,
        page: Page,
    ) -> Result<Vec<Versioned<Endpoint>>, StoreError> {
        many(self, entry(Endpoint::BY_LINEAGE, lineage.digest()), page).await
    }
}
