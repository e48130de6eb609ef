//! Typed reads of hosts, and of plans of imports.

use async_trait::async_trait;

use super::find::entry;
use super::reads::{many, newest, one};
use super::{By, Page, Rows, StoreError};
use crate::host::{Access, AccessTarget, CloudId, Group, Host};
use crate::import::{Batch, Credential, Plan};
use crate::{AccessId, CredentialId, GroupId, HostId, ImportPlanId, Versioned};

/// Reads hosts, groups and entries.
#[async_trait]
pub trait HostStore: Send + Sync {
    /// The host with this id; [`StoreError::NotFound`] if there is none.
    async fn host(&self, id: &HostId) -> Result<Versioned<Host>, StoreError>;

    /// The host that a cloud calls this.
    async fn host_by_cloud(&self, id: &CloudId) -> Result<Option<Versioned<Host>>, StoreError>;

    /// Hosts.
    async fn hosts(&self, page: Page) -> Result<Vec<Versioned<Host>>, StoreError>;

    /// Hosts with this name.
    async fn hosts_by_name(
        &self,
        name: &str,
        page: Page,
    ) -> Result<Vec<Versioned<Host>>, StoreError>;

    /// Hosts of a group.
    async fn hosts_of_group(
        &self,
        group: &GroupId,
        page: Page,
    ) -> Result<Vec<Versioned<Host>>, StoreError>;

    /// The group with this id; [`StoreError::NotFound`] if there is none.
    async fn group(&self, id: &GroupId) -> Result<Versioned<Group>, StoreError>;

    /// The group with this name.
    async fn group_by_name(&self, name: &str) -> Result<Option<Versioned<Group>>, StoreError>;

    /// Groups.
    async fn groups(&self, page: Page) -> Result<Vec<Versioned<Group>>, StoreError>;

    /// The entry with this id; [`StoreError::NotFound`] if there is none.
    async fn access(&self, id: &AccessId) -> Result<Versioned<Access>, StoreError>;

    /// Entries, those that ended among them.
    async fn accesses(&self, page: Page) -> Result<Vec<Versioned<Access>>, StoreError>;

    /// Entries for a host or a group, those that ended among them.
    async fn accesses_to(
        &self,
        target: &AccessTarget,
        page: Page,
    ) -> Result<Vec<Versioned<Access>>, StoreError>;
}

/// Reads plans of imports, and what imports need.
#[async_trait]
pub trait ImportStore: Send + Sync {
    /// The credential with this id; [`StoreError::NotFound`] if there is none.
    async fn credential(&self, id: &CredentialId) -> Result<Versioned<Credential>, StoreError>;

    /// The credential with this name, unless it was removed.
    async fn credential_by_name(
        &self,
        name: &str,
    ) -> Result<Option<Versioned<Credential>>, StoreError>;

    /// Credentials, those that were removed among them.
    async fn credentials(&self, page: Page) -> Result<Vec<Versioned<Credential>>, StoreError>;

    /// The plan with this id; [`StoreError::NotFound`] if there is none.
    async fn import_plan(&self, id: &ImportPlanId) -> Result<Versioned<Plan>, StoreError>;

    /// Plans.
    async fn import_plans(&self, page: Page) -> Result<Vec<Versioned<Plan>>, StoreError>;

    /// A batch of a plan; [`StoreError::NotFound`] if there is none.
    async fn import_batch(
        &self,
        plan: &ImportPlanId,
        number: u32,
    ) -> Result<Versioned<Batch>, StoreError>;
}

#[async_trait]
impl<S: Rows + ?Sized> HostStore for S {
    async fn host(&self, id: &HostId) -> Result<Versioned<Host>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn host_by_cloud(&self, id: &CloudId) -> Result<Option<Versioned<Host>>, StoreError> {
        newest(self, entry(Host::BY_CLOUD, id)).await
    }

    async fn hosts(&self, page: Page) -> Result<Vec<Versioned<Host>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn hosts_by_name(
        &self,
        name: &str,
        page: Page,
    ) -> Result<Vec<Versioned<Host>>, StoreError> {
        many(self, entry(Host::BY_NAME, name), page).await
    }

    async fn hosts_of_group(
        &self,
        group: &GroupId,
        page: Page,
    ) -> Result<Vec<Versioned<Host>>, StoreError> {
        many(self, entry(Host::BY_GROUP, group), page).await
    }

    async fn group(&self, id: &GroupId) -> Result<Versioned<Group>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn group_by_name(&self, name: &str) -> Result<Option<Versioned<Group>>, StoreError> {
        newest(self, entry(Group::BY_NAME, name)).await
    }

    async fn groups(&self, page: Page) -> Result<Vec<Versioned<Group>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn access(&self, id: &AccessId) -> Result<Versioned<Access>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn accesses(&self, page: Page) -> Result<Vec<Versioned<Access>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn accesses_to(
        &self,
        target: &AccessTarget,
        page: Page,
    ) -> Result<Vec<Versioned<Access>>, StoreError> {
        many(self, entry(Access::BY_TARGET, target.subject()), page).await
    }
}

#[async_trait]
impl<S: Rows + ?Sized> ImportStore for S {
    async fn credential(&self, id: &CredentialId) -> Result<Versioned<Credential>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn credential_by_name(
        &self,
        name: &str,
    ) -> Result<Option<Versioned<Credential>>, StoreError> {
        newest(self, entry(Credential::BY_NAME, name)).await
    }

    async fn credentials(&self, page: Page) -> Result<Vec<Versioned<Credential>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn import_plan(&self, id: &ImportPlanId) -> Result<Versioned<Plan>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn import_plans(&self, page: Page) -> Result<Vec<Versioned<Plan>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn import_batch(
        &self,
        plan: &ImportPlanId,
        number: u32,
    ) -> Result<Versioned<Batch>, StoreError> {
        one(self, Batch::key_of(plan, number)).await
    }
}
