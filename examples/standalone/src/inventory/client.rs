//! Scoped clients: make, list, switch off.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::{
    Attribution, Changeset, Client, Method, NewClient, Page, Pattern, Quirk, Scope, Secret,
    SecretId, SecretPurpose, StoreError, Timestamp, Uses, Versioned,
};
use serde::{Deserialize, Serialize};

use super::view::{ClientView, CreatedClient};
use super::{Inventory, InventoryError, client_id};

/// What a client is made with, as people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct NewClientRequest {
    /// A name for people, unique.
    pub name: String,
    /// What it may order: `dns:NAME`, `dns:*.NAME`, `ip:CIDR`.
    pub allow: Vec<String>,
    /// The challenge types that count as proof; all if there are none.
    #[serde(default)]
    pub challenges: Vec<String>,
    /// Until when it may order, in RFC 3339.
    #[serde(default)]
    pub expires: Option<String>,
    /// How many orders it may place in any 24 hours.
    #[serde(default)]
    pub orders_per_day: Option<u32>,
    /// The profiles it may ask for.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Known mistakes that it may make.
    #[serde(default)]
    pub quirks: Vec<String>,
    /// Whether an earlier proof lets a new order start with it.
    #[serde(default)]
    pub reuse_proofs: bool,
    /// Whether its credential registers one account only.
    #[serde(default)]
    pub single_use: bool,
}

/// RFC 7518 section 3.2 asks for the size of the digest at least.
const MAC_KEY_OCTETS: usize = 32;
const LONGEST_NAME: usize = 100;

impl NewClientRequest {
    /// What it may order.
    pub(crate) fn names(&self) -> Result<Vec<Pattern>, InventoryError> {
        let names = self.allow.iter().map(|text| text.parse());
        let names = names.collect::<Result<_, certlocker_core::InvalidPattern>>();
        names.map_err(|error| InventoryError::Invalid(error.to_string()))
    }

    fn scope(&self) -> Result<Scope, InventoryError> {
        if self.allow.is_empty() {
            let detail = "a client needs at least one --allow (dns:NAME, dns:*.NAME or ip:CIDR); without, it could order nothing";
            return Err(InventoryError::Invalid(detail.to_owned()));
        }
        let names = self.names()?;
        let methods = self
            .challenges
            .iter()
            .map(|name| method(name))
            .collect::<Result<_, _>>()?;
        let profiles = self.profiles.iter().cloned().collect();
        Ok(Scope {
            methods,
            names,
            orders_per_day: self.orders_per_day,
            profiles,
        })
    }

    fn checked(&self, mac_key: SecretId, now: Timestamp) -> Result<NewClient, InventoryError> {
        if self.name.trim().is_empty() || self.name.len() > LONGEST_NAME {
            return Err(InventoryError::Invalid(format!(
                "a client's name has 1 to {LONGEST_NAME} characters"
            )));
        }
        let expires = self.expires.as_deref().map(Timestamp::parse).transpose();
        let expires = expires.map_err(|error| InventoryError::Invalid(error.to_string()))?;
        if expires.is_some_and(|at| at <= now) {
            return Err(InventoryError::Invalid(
                "the client would have expired already".to_owned(),
            ));
        }
        Ok(NewClient {
            expires,
            mac_key,
            name: self.name.clone(),
            proof_reuse: self.reuse_proofs,
            quirks: self
                .quirks
                .iter()
                .map(|name| quirk(name))
                .collect::<Result<BTreeSet<_>, _>>()?,
            scope: self.scope()?,
            uses: if self.single_use {
                Uses::Once
            } else {
                Uses::Any
            },
        })
    }
}

fn method(name: &str) -> Result<Method, InventoryError> {
    Method::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Method::ALL.iter().map(|method| method.as_str()).collect();
        InventoryError::Invalid(format!(
            "`{name}` is not a challenge type; {} are",
            known.join(", ")
        ))
    })
}

fn quirk(name: &str) -> Result<Quirk, InventoryError> {
    let found = Quirk::ALL.into_iter().find(|(_, own)| *own == name);
    found.map(|(quirk, _)| quirk).ok_or_else(|| {
        let known: Vec<&str> = Quirk::ALL.iter().map(|(_, own)| *own).collect();
        InventoryError::Invalid(format!(
            "`{name}` is not a known quirk; {} are",
            known.join(", ")
        ))
    })
}

/// A random key whose base64url text does not begin with `-`: certbot and others take that for an
/// option of theirs.
fn mac_key(random: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut key = vec![0; MAC_KEY_OCTETS];
    loop {
        random(&mut key);
        if !URL_SAFE_NO_PAD.encode(&key).starts_with('-') {
            return key;
        }
    }
}

impl Inventory {
    /// Makes a client with a new credential, which is shown this once.
    ///
    /// # Errors
    /// [`InventoryError`]; nothing is left half-made.
    pub async fn create_client(
        &self,
        request: &NewClientRequest,
        by: &Attribution,
    ) -> Result<CreatedClient, InventoryError> {
        let now = self.clock.now();
        let secret = Secret::new(mac_key(crate::random::fill));
        let sealed = self
            .secrets
            .seal(
                &secret,
                SecretPurpose::EabMacKey,
                &mut crate::random::fill,
                now,
            )
            .await?;
        let id = *sealed.next().id();
        let client = Client::create(request.checked(id, now)?, &mut crate::random::fill, now);
        let kid = client.next().id().to_string();
        let changes = Changeset::of(sealed.by(by)).and(client.by(by));
        self.store
            .commit(changes)
            .await
            .map_err(|error| match error {
                StoreError::Conflict => InventoryError::Invalid(format!(
                    "there is a client named `{}` already",
                    request.name
                )),
                other => other.into(),
            })?;
        Ok(CreatedClient {
            directory: self.links.directory(),
            hmac_key: URL_SAFE_NO_PAD.encode(secret.expose()),
            kid,
            name: request.name.clone(),
            token_directory: None,
        })
    }

    /// Clients, oldest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn clients(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<ClientView>, InventoryError> {
        let clients = self.store.clients(Page::oldest(limit).after(after)).await?;
        Ok(clients
            .iter()
            .map(|client| ClientView::from(&client.value))
            .collect())
    }

    /// One client, by id or name.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn client(&self, id_or_name: &str) -> Result<ClientView, InventoryError> {
        Ok(ClientView::from(&self.find_client(id_or_name).await?.value))
    }

    /// Switches a client off: no new account and no new order from now on.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn disable_client(
        &self,
        id_or_name: &str,
        by: &Attribution,
    ) -> Result<ClientView, InventoryError> {
        let client = self.find_client(id_or_name).await?;
        if client.value.disabled().is_some() {
            return Ok(ClientView::from(&client.value));
        }
        let change = client.disable(self.clock.now()).by(by);
        let after = change.after();
        self.store.commit(change.into()).await?;
        Ok(ClientView::from(&after.value))
    }

    pub(crate) async fn find_client(
        &self,
        id_or_name: &str,
    ) -> Result<Versioned<Client>, InventoryError> {
        let not_found = || InventoryError::NotFound(format!("client `{id_or_name}`"));
        if let Some(id) = client_id(id_or_name) {
            return self
                .store
                .client(&id)
                .await
                .map_err(|error| InventoryError::store(error, || format!("client `{id}`")));
        }
        self.store
            .client_by_name(id_or_name)
            .await?
            .ok_or_else(not_found)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_text_of_a_key_is_never_taken_for_an_option() {
        let next = Cell::new(0xf8);
        let key = mac_key(|key| key.fill(next.replace(0xfc)));
        assert_eq!(key, [0xfc; MAC_KEY_OCTETS]);
        assert!(
            URL_SAFE_NO_PAD
                .encode([0xf8; MAC_KEY_OCTETS])
                .starts_with('-')
        );
    }
}
