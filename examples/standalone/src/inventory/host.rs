//! Hosts, and who may use them.

use std::collections::BTreeMap;

use certlocker_core::host::{Access, AccessOrigin, AccessTarget, Host, NewAccess, access_at};
use certlocker_core::{
    AccessId, Attribution, Changeset, HostId, Page, SshKey, StoreError, Timestamp, Versioned,
};
use certlocker_import::plan::known;
use serde::{Deserialize, Serialize};

use super::import_view::{HostAccessView, HostView};
use super::{Inventory, InventoryError};

/// Who is to use a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct GrantRequest {
    /// Until when, in RFC 3339; without an end if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The public key, as in `authorized_keys`.
    pub key: String,
    /// The account; that of the host if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Who.
    pub who: String,
}

/// What lets somebody use hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrantView {
    /// Its id.
    pub id: String,
    /// The fingerprint of the key.
    pub key: String,
    /// Who.
    pub who: String,
}

impl GrantView {
    fn of(access: &Access) -> Self {
        Self {
            id: access.id().to_string(),
            key: access.key().fingerprint().to_string(),
            who: access.who().to_owned(),
        }
    }
}

const LONGEST_NAME: usize = 64;

/// A name that is safe in files and on command lines.
fn plain(what: &str, name: &str) -> Result<String, InventoryError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if begins_well && name.len() <= LONGEST_NAME && name.chars().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(InventoryError::Invalid(format!(
        "{what} has 1 to {LONGEST_NAME} letters, digits, `.`, `-`, `_` and `@`, and begins with a letter or digit"
    )))
}

impl Inventory {
    /// Lets somebody use a host, by hand.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn grant_access(
        &self,
        host: &str,
        request: &GrantRequest,
        by: &Attribution,
    ) -> Result<GrantView, InventoryError> {
        let now = self.clock.now();
        let expires = request.expires.as_deref().map(Timestamp::parse).transpose();
        let expires = expires.map_err(|error| InventoryError::Invalid(error.to_string()))?;
        if expires.is_some_and(|expires| expires <= now) {
            let detail = "an entry that has ended lets nobody in: name a time to come";
            return Err(InventoryError::Invalid(detail.to_owned()));
        }
        let key: SshKey =
            request
                .key
                .parse()
                .map_err(|error: certlocker_core::InvalidSshKey| {
                    InventoryError::Invalid(error.to_string())
                })?;
        let login = request.login.as_deref();
        let host = self.host(host).await?;
        let new = NewAccess {
            expires,
            key,
            login: login.map(|login| plain("an account", login)).transpose()?,
            origin: AccessOrigin::Manual,
            target: AccessTarget::Host(*host.value.id()),
            who: plain("who it is", &request.who)?,
        };
        let granted = Access::grant(new, &mut crate::random::fill, now);
        let view = GrantView::of(granted.next());
        self.store.commit(Changeset::of(granted.by(by))).await?;
        Ok(view)
    }

    /// Ends what lets somebody use hosts.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn revoke_access(
        &self,
        id: &str,
        by: &Attribution,
    ) -> Result<GrantView, InventoryError> {
        let missing = || InventoryError::NotFound(format!("access {id}"));
        let id: AccessId = id.parse().map_err(|_| missing())?;
        let access = self.store.access(&id).await.map_err(|error| match error {
            StoreError::NotFound => missing(),
            other => other.into(),
        })?;
        let view = GrantView::of(&access.value);
        if let Some(revoked) = access.revoke(&AccessOrigin::Manual, self.clock.now()) {
            self.store.commit(Changeset::of(revoked.by(by))).await?;
        }
        Ok(view)
    }

    /// Hosts in the order of their ids, those that are gone among them.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn hosts_page(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<HostView>, InventoryError> {
        let hosts = self.store.hosts(Page::oldest(limit).after(after)).await?;
        let mut groups = BTreeMap::new();
        for id in hosts.iter().flat_map(|host| host.value.groups().keys()) {
            if !groups.contains_key(id) {
                let group = self.store.group(id).await?;
                groups.insert(*id, group.value.name().to_owned());
            }
        }
        let view = |host: &Versioned<Host>| HostView::of(&host.value, &groups);
        Ok(hosts.iter().map(view).collect())
    }

    /// A host by its id, its name if no other has it, or what its cloud calls it.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn host(&self, named: &str) -> Result<Versioned<Host>, InventoryError> {
        if let Ok(id) = named.parse::<HostId>() {
            let host = self.store.host(&id).await;
            return host.map_err(|error| InventoryError::store(error, || format!("host {named}")));
        }
        let mut hosts = self.store.hosts_by_name(named, Page::oldest(2)).await?;
        if hosts.is_empty() {
            let known = known(&*self.store, self.clock.now())
                .await?
                .hosts
                .into_iter();
            let is_it = |host: &Host| host.cloud().is_some_and(|cloud| cloud.instance() == named);
            hosts.extend(
                known
                    .map(|known| known.host)
                    .filter(|host| is_it(&host.value)),
            );
        }
        match hosts.len() {
            0 => Err(InventoryError::NotFound(format!("host {named}"))),
            1 => Ok(hosts.remove(0)),
            _ => Err(InventoryError::Invalid(format!(
                "several hosts are called {named}: give an id"
            ))),
        }
    }

    /// Who could use a host at a time, or can now.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn host_access(
        &self,
        named: &str,
        at: Option<&str>,
    ) -> Result<HostAccessView, InventoryError> {
        let invalid =
            |error: certlocker_core::InvalidTimestamp| InventoryError::Invalid(error.to_string());
        let at = at.map(Timestamp::parse).transpose().map_err(invalid)?;
        let at = at.unwrap_or_else(|| self.clock.now());
        let host = self.host(named).await?;
        let access = access_at(&*self.store, host.value.id(), at).await?;
        let mut groups = BTreeMap::new();
        for id in &access.groups {
            let group = self.store.group(id).await?;
            groups.insert(*id, group.value.name().to_owned());
        }
        Ok(HostAccessView::of(&host.value, &access, &groups, at))
    }
}
