//! Typed reads, one trait for each aggregate, over rows or over tables of one's own.

use async_trait::async_trait;

use super::find::entry;
use super::{By, Page, Row, Rows, StoreError};
use crate::order::{names_digest, proof_key};
use crate::{
    Account, AccountId, Aggregate, Authority, AuthorityRole, Certificate, CertificateId, Client,
    ClientId, Identifier, NewOrder, Order, OrderId, Proof, Sealed, SecretId, SecretPurpose, Serial,
    SshAuthority, Thumbprint, Timestamp, Versioned,
};

/// Reads accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The account with this id; [`StoreError::NotFound`] if there is none.
    async fn account(&self, id: &AccountId) -> Result<Versioned<Account>, StoreError>;

    /// The account with this key, whatever its state.
    async fn account_by_key(
        &self,
        key: &Thumbprint,
    ) -> Result<Option<Versioned<Account>>, StoreError>;

    /// Accounts.
    async fn accounts(&self, page: Page) -> Result<Vec<Versioned<Account>>, StoreError>;

    /// Accounts that this scoped client vouched for.
    async fn accounts_of_client(
        &self,
        client: &ClientId,
        page: Page,
    ) -> Result<Vec<Versioned<Account>>, StoreError>;
}

/// Reads authorities.
#[async_trait]
pub trait AuthorityStore: Send + Sync {
    /// The newest authority with this role.
    async fn newest_authority(
        &self,
        role: AuthorityRole,
    ) -> Result<Option<Versioned<Authority>>, StoreError>;

    /// Authorities.
    async fn authorities(&self, page: Page) -> Result<Vec<Versioned<Authority>>, StoreError>;

    /// The authority that signs certificates of SSH.
    async fn ssh_authority(&self) -> Result<Option<Versioned<SshAuthority>>, StoreError>;
}

/// Reads certificates.
#[async_trait]
pub trait CertificateStore: Send + Sync {
    /// The certificate with this id; [`StoreError::NotFound`] if there is none.
    async fn certificate(&self, id: &CertificateId) -> Result<Versioned<Certificate>, StoreError>;

    /// The certificate whose leaf has this digest, in lower-case hexadecimal.
    async fn certificate_by_sha256(
        &self,
        sha256: &str,
    ) -> Result<Option<Versioned<Certificate>>, StoreError>;

    /// Certificates with this serial number.
    async fn certificates_by_serial(
        &self,
        serial: &Serial,
        page: Page,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError>;

    /// The newest certificate of an account for exactly these names.
    async fn latest_certificate(
        &self,
        account: &AccountId,
        identifiers: &[Identifier],
    ) -> Result<Option<Versioned<Certificate>>, StoreError>;

    /// Certificates.
    async fn certificates(&self, page: Page) -> Result<Vec<Versioned<Certificate>>, StoreError>;

    /// Certificates that were revoked.
    async fn revoked_certificates(
        &self,
        page: Page,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError>;
}

/// Reads scoped clients.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// The client with this id; [`StoreError::NotFound`] if there is none.
    async fn client(&self, id: &ClientId) -> Result<Versioned<Client>, StoreError>;

    /// The client with this name.
    async fn client_by_name(&self, name: &str) -> Result<Option<Versioned<Client>>, StoreError>;

    /// Clients.
    async fn clients(&self, page: Page) -> Result<Vec<Versioned<Client>>, StoreError>;
}

/// Reads orders.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// The order with this id; [`StoreError::NotFound`] if there is none.
    async fn order(&self, id: &OrderId) -> Result<Versioned<Order>, StoreError>;

    /// Orders.
    async fn orders(&self, page: Page) -> Result<Vec<Versioned<Order>>, StoreError>;

    /// Orders of an account that are not invalid, as its orders list shows them.
    async fn listed_orders(
        &self,
        account: &AccountId,
        page: Page,
    ) -> Result<Vec<Versioned<Order>>, StoreError>;

    /// Orders of an account, whatever their state.
    async fn orders_of_account(
        &self,
        account: &AccountId,
        page: Page,
    ) -> Result<Vec<Versioned<Order>>, StoreError>;

    /// Orders of an account that are not final.
    async fn open_orders(
        &self,
        account: &AccountId,
        page: Page,
    ) -> Result<Vec<Versioned<Order>>, StoreError>;

    /// How many orders a scoped client has placed since `since`, up to `limit`.
    async fn orders_since(
        &self,
        client: &ClientId,
        since: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// The newest pending order for the same request on which no client has acted.
    async fn untouched_order(
        &self,
        request: &NewOrder,
    ) -> Result<Option<Versioned<Order>>, StoreError>;

    /// The newest proof that an account controls `identifier`, as it would be ordered, that has
    /// not run out at `now`.
    async fn proof(
        &self,
        account: &AccountId,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Result<Option<Proof>, StoreError>;
}

/// Reads sealed secrets.
#[async_trait]
pub trait SecretRows: Send + Sync {
    /// The sealed secret with this id; [`StoreError::NotFound`] if there is none.
    async fn sealed(&self, id: &SecretId) -> Result<Versioned<Sealed>, StoreError>;

    /// Sealed secrets.
    async fn sealed_secrets(&self, page: Page) -> Result<Vec<Versioned<Sealed>>, StoreError>;

    /// Sealed secrets for a purpose.
    async fn sealed_for(
        &self,
        purpose: SecretPurpose,
        page: Page,
    ) -> Result<Vec<Versioned<Sealed>>, StoreError>;
}

fn restored<T: Aggregate>(row: &Row) -> Result<Versioned<T>, StoreError> {
    Ok(Versioned {
        value: T::restore(&row.snapshot)?,
        version: row.version,
    })
}

pub(super) async fn one<T: Aggregate>(
    rows: &(impl Rows + ?Sized),
    key: String,
) -> Result<Versioned<T>, StoreError> {
    restored(&rows.row(T::KIND, &key).await?)
}

pub(super) async fn many<T: Aggregate>(
    rows: &(impl Rows + ?Sized),
    by: By,
    page: Page,
) -> Result<Vec<Versioned<T>>, StoreError> {
    rows.rows(&page.of(T::KIND, by))
        .await?
        .iter()
        .map(restored)
        .collect()
}

pub(super) async fn newest<T: Aggregate>(
    rows: &(impl Rows + ?Sized),
    by: By,
) -> Result<Option<Versioned<T>>, StoreError> {
    Ok(many(rows, by, Page::newest(1)).await?.pop())
}

#[async_trait]
impl<S: Rows + ?Sized> AccountStore for S {
    async fn account(&self, id: &AccountId) -> Result<Versioned<Account>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn account_by_key(
        &self,
        key: &Thumbprint,
    ) -> Result<Option<Versioned<Account>>, StoreError> {
        newest(self, entry(Account::BY_KEY, key)).await
    }

    async fn accounts(&self, page: Page) -> Result<Vec<Versioned<Account>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn accounts_of_client(
        &self,
        client: &ClientId,
        page: Page,
    ) -> Result<Vec<Versioned<Account>>, StoreError> {
        many(self, entry(Account::BY_CLIENT, client), page).await
    }
}

#[async_trait]
impl<S: Rows + ?Sized> AuthorityStore for S {
    async fn newest_authority(
        &self,
        role: AuthorityRole,
    ) -> Result<Option<Versioned<Authority>>, StoreError> {
        newest(self, entry(Authority::BY_ROLE, Authority::role_value(role))).await
    }

    async fn authorities(&self, page: Page) -> Result<Vec<Versioned<Authority>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn ssh_authority(&self) -> Result<Option<Versioned<SshAuthority>>, StoreError> {
        newest(self, entry(SshAuthority::BY_PURPOSE, SshAuthority::USERS)).await
    }
}

#[async_trait]
impl<S: Rows + ?Sized> CertificateStore for S {
    async fn certificate(&self, id: &CertificateId) -> Result<Versioned<Certificate>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn certificate_by_sha256(
        &self,
        sha256: &str,
    ) -> Result<Option<Versioned<Certificate>>, StoreError> {
        newest(self, entry(Certificate::BY_SHA256, sha256)).await
    }

    async fn certificates_by_serial(
        &self,
        serial: &Serial,
        page: Page,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError> {
        many(self, entry(Certificate::BY_SERIAL, serial), page).await
    }

    async fn latest_certificate(
        &self,
        account: &AccountId,
        identifiers: &[Identifier],
    ) -> Result<Option<Versioned<Certificate>>, StoreError> {
        newest(
            self,
            entry(Certificate::BY_NAMES, names_digest(account, identifiers)),
        )
        .await
    }

    async fn certificates(&self, page: Page) -> Result<Vec<Versioned<Certificate>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn revoked_certificates(
        &self,
        page: Page,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError> {
        many(
            self,
            entry(Certificate::BY_STATE, Certificate::REVOKED),
            page,
        )
        .await
    }
}

#[async_trait]
impl<S: Rows + ?Sized> ClientStore for S {
    async fn client(&self, id: &ClientId) -> Result<Versioned<Client>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn client_by_name(&self, name: &str) -> Result<Option<Versioned<Client>>, StoreError> {
        newest(self, entry(Client::BY_NAME, name)).await
    }

    async fn clients(&self, page: Page) -> Result<Vec<Versioned<Client>>, StoreError> {
        many(self, By::Key, page).await
    }
}

#[async_trait]
impl<S: Rows + ?Sized> OrderStore for S {
    async fn order(&self, id: &OrderId) -> Result<Versioned<Order>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn orders(&self, page: Page) -> Result<Vec<Versioned<Order>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn listed_orders(
        &self,
        account: &AccountId,
        page: Page,
    ) -> Result<Vec<Versioned<Order>>, StoreError> {
        many(self, entry(Order::LISTED, account), page).await
    }

    async fn orders_of_account(
        &self,
        account: &AccountId,
        page: Page,
    ) -> Result<Vec<Versioned<Order>>, StoreError> {
        many(self, entry(Order::BY_ACCOUNT, account), page).await
    }

    async fn open_orders(
        &self,
        account: &AccountId,
        page: Page,
    ) -> Result<Vec<Versioned<Order>>, StoreError> {
        many(self, entry(Order::OPEN, account), page).await
    }

    async fn orders_since(
        &self,
        client: &ClientId,
        since: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let bound = OrderId::first_at(since).to_string();
        let page = Page::oldest(limit).after(Some(bound));
        self.count(&page.of(Order::KIND, entry(Order::BY_CLIENT, client)))
            .await
    }

    async fn untouched_order(
        &self,
        request: &NewOrder,
    ) -> Result<Option<Versioned<Order>>, StoreError> {
        newest(self, entry(Order::UNTOUCHED, request.digest())).await
    }

    async fn proof(
        &self,
        account: &AccountId,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Result<Option<Proof>, StoreError> {
        let order: Option<Versioned<Order>> =
            newest(self, entry(Order::PROOF, proof_key(account, identifier))).await?;
        let proofs = order
            .map(|order| order.value.proofs(now))
            .unwrap_or_default();
        Ok(proofs
            .into_iter()
            .find(|proof| proof.identifier == *identifier))
    }
}

#[async_trait]
impl<S: Rows + ?Sized> SecretRows for S {
    async fn sealed(&self, id: &SecretId) -> Result<Versioned<Sealed>, StoreError> {
        one(self, id.to_string()).await
    }

    async fn sealed_secrets(&self, page: Page) -> Result<Vec<Versioned<Sealed>>, StoreError> {
        many(self, By::Key, page).await
    }

    async fn sealed_for(
        &self,
        purpose: SecretPurpose,
        page: Page,
    ) -> Result<Vec<Versioned<Sealed>>, StoreError> {
        many(self, entry(Sealed::BY_PURPOSE, purpose.as_str()), page).await
    }
}
