//! Hosts as files that other programs read.

use std::collections::BTreeSet;

use certlocker_core::{GroupId, Timestamp};
use certlocker_import::export::ansible::{Form, host_variables, inventory};
use certlocker_import::export::authorized_keys::authorized_keys;
use certlocker_import::export::ssh_config::ssh_config;
use certlocker_import::export::{Export, ExportError, Preference, Selection, Settings, gather};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Inventory, InventoryError};

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExportFormat {
    /// An inventory of Ansible in INI.
    AnsibleIni,
    /// An inventory of Ansible as a script of one prints it.
    AnsibleJson,
    /// An inventory of Ansible in YAML.
    AnsibleYaml,
    /// The keys that may use an account of a host.
    AuthorizedKeys,
    /// The principals that an account of a host accepts.
    #[cfg(feature = "ssh-ca")]
    AuthorizedPrincipals,
    /// The configuration of SSH clients.
    SshConfig,
}

/// Which address is used where a host has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AddressPreference {
    /// One of the private network.
    Private,
    /// One that is reached from everywhere.
    #[default]
    Public,
}

/// Which hosts are exported, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the query of a request")]
pub struct ExportRequest {
    /// Which address is used where a host has several.
    #[serde(default)]
    pub address: AddressPreference,
    /// The time; now if it is not said.
    #[serde(default)]
    pub at: Option<String>,
    /// The form.
    pub format: ExportFormat,
    /// Where keys are accepted from, separated by commas.
    #[serde(default)]
    pub from: Option<String>,
    /// Hosts of this group only.
    #[serde(default)]
    pub group: Option<String>,
    /// This host only.
    #[serde(default)]
    pub host: Option<String>,
    /// The folder with the private keys.
    #[serde(default)]
    pub identity_dir: Option<String>,
    /// Hosts that are used as this account; of keys and principals, those of it.
    #[serde(default)]
    pub login: Option<String>,
    /// The port of SSH.
    #[serde(default)]
    pub port: Option<u16>,
}

/// A file, and what is not in it as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportView {
    /// What was changed or left out.
    pub notes: Vec<String>,
    /// The file.
    pub text: String,
}

impl From<Export> for ExportView {
    fn from(export: Export) -> Self {
        let Export { notes, text } = export;
        Self { notes, text }
    }
}

impl From<ExportError> for InventoryError {
    fn from(error: ExportError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl Inventory {
    /// Hosts as a file.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn export_hosts(
        &self,
        request: &ExportRequest,
    ) -> Result<ExportView, InventoryError> {
        use ExportFormat::{AnsibleIni, AnsibleJson, AnsibleYaml, SshConfig};
        let from = networks(request.from.as_deref())?;
        if !from.is_empty() && request.format != ExportFormat::AuthorizedKeys {
            let text = "`from` is of use only with authorized-keys";
            return Err(InventoryError::Invalid(text.to_owned()));
        }
        let (settings, login) = (request.settings(), request.login.clone());
        let export = match (request.format, &request.host) {
            #[cfg(feature = "ssh-ca")]
            (ExportFormat::AuthorizedPrincipals, _) => self.principals(request).await?,
            (ExportFormat::AuthorizedKeys, _) => self.account_keys(request, &from).await?,
            (AnsibleJson, Some(name)) => {
                let all = self.selected(request, None, login).await?;
                host_variables(&all, &settings, name)?
            }
            (format, host) => {
                let hosts = self.selected(request, host.as_deref(), login).await?;
                match format {
                    AnsibleIni => inventory(&hosts, &settings, Form::Ini)?,
                    AnsibleYaml => inventory(&hosts, &settings, Form::Yaml)?,
                    AnsibleJson => inventory(&hosts, &settings, Form::Json)?,
                    SshConfig => ssh_config(&hosts, &settings)?,
                    _ => Export::default(),
                }
            }
        };
        Ok(export.into())
    }

    async fn selected(
        &self,
        request: &ExportRequest,
        host: Option<&str>,
        login: Option<String>,
    ) -> Result<certlocker_import::export::Snapshot, InventoryError> {
        let host = match host {
            Some(named) => Some(*self.host(named).await?.value.id()),
            None => None,
        };
        let group = match &request.group {
            Some(named) => Some(self.group(named).await?),
            None => None,
        };
        let selection = Selection { group, host, login };
        let at = match &request.at {
            Some(text) => Timestamp::parse(text)
                .map_err(|error| InventoryError::Invalid(error.to_string()))?,
            None => self.clock.now(),
        };
        Ok(gather(&*self.store, &selection, at).await?)
    }

    async fn group(&self, named: &str) -> Result<GroupId, InventoryError> {
        if let Some(group) = self.store.group_by_name(named).await? {
            return Ok(*group.value.id());
        }
        let missing = || InventoryError::NotFound(format!("group {named}"));
        let id: GroupId = named.parse().map_err(|_| missing())?;
        let group = self.store.group(&id).await;
        let group = group.map_err(|error| InventoryError::store(error, || named.to_owned()))?;
        Ok(*group.value.id())
    }

    async fn account_keys(
        &self,
        request: &ExportRequest,
        from: &BTreeSet<IpNet>,
    ) -> Result<Export, InventoryError> {
        let named = one_host(request)?;
        let hosts = self.selected(request, Some(named), None).await?;
        let login = request.login.as_deref();
        match hosts.hosts.values().next() {
            Some(host) => Ok(authorized_keys(&hosts, host, login, from)?),
            // It was not there.
            None => Ok(Export::default()),
        }
    }
}

/// What opens an account is of one host: the keys of many in one file would open each for all.
pub(super) fn one_host(request: &ExportRequest) -> Result<&str, InventoryError> {
    let missing = || InventoryError::Invalid("this file is of one host: name it".to_owned());
    request.host.as_deref().ok_or_else(missing)
}

fn networks(text: Option<&str>) -> Result<BTreeSet<IpNet>, InventoryError> {
    let texts = text.into_iter().flat_map(|text| text.split(','));
    let network = |text: &str| {
        let invalid =
            |_| InventoryError::Invalid(format!("`{text}` is no network in CIDR notation"));
        text.trim().parse::<IpNet>().map_err(invalid)
    };
    texts.filter(|text| !text.is_empty()).map(network).collect()
}

impl ExportRequest {
    fn settings(&self) -> Settings {
        Settings {
            address: match self.address {
                AddressPreference::Private => Preference::Private,
                AddressPreference::Public => Preference::Public,
            },
            identities: self.identity_dir.clone(),
            port: self.port,
        }
    }

    /// The path of the API that answers it.
    pub fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let members = serde_json::to_value(self).unwrap_or_default();
        for (name, value) in members.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => {
                    query.append_pair(name, text);
                }
                other => {
                    query.append_pair(name, &other.to_string());
                }
            }
        }
        format!("/hosts/export?{}", query.finish())
    }
}
