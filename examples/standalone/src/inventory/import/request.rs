//! What is asked for when machines are to be brought in.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::Attribution;
use certlocker_core::import::KeyProposal;
use certlocker_import::edit::Edit;
use certlocker_import::found::Discovery;
use certlocker_import::keys::{KeyFile, read_key};
use certlocker_import::rules::Rules;
use certlocker_import::source::{Defaults, Recording, Source};
use serde::{Deserialize, Serialize};

use super::super::{Inventory, InventoryError};
use super::cloud::{CloudOptions, source};
use super::credential::SecretText;

/// From what a plan is made, and by which rules.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct PlanRequest {
    /// The account or project, if a recording does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The machines of every project, where the credential allows it.
    pub all_projects: bool,
    /// Where the cloud is asked, if it is not where everybody asks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Only machines that fit all of these: `NAME=VALUE,…` in the words of EC2.
    pub filters: Vec<String>,
    /// The name of a kept credential: its cloud is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Rules for groups: `GROUP [if FIELD = PATTERN]`.
    pub groups: Vec<String>,
    /// Private keys to be matched with key pairs, besides those that are kept; these are not.
    pub keys: Vec<NamedText>,
    /// The account of a group's hosts.
    pub logins: BTreeMap<String, String>,
    /// Recorded answers of a cloud.
    pub recordings: Vec<NamedText>,
    /// The region, if a recording does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The regions of the cloud that is asked; those of the credential, or all, if there is none.
    pub regions: Vec<String>,
}

/// How a line of a plan is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(clippy::exhaustive_enums, reason = "the body of a request")]
pub enum EditRequest {
    /// The groups that it joins, and no others.
    Groups(BTreeSet<String>),
    /// The kept key with which it is used, by its name; none is a host without one.
    Key(Option<String>),
    /// The account that is used on it.
    Login(String),
    /// Its name.
    Name(String),
    /// Answers the question: a new host.
    New,
    /// Answers the question: this host, by its id or name.
    Same(String),
    /// Whether it is to be done.
    Selected(bool),
}

/// A text with the name of its file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a file")]
pub struct NamedText {
    /// The name.
    pub name: String,
    /// The text.
    pub text: SecretText,
}

/// Where machines are looked for.
pub(super) struct Looking {
    pub(super) name: String,
    pub(super) source: Box<dyn Source>,
}

impl PlanRequest {
    pub(super) fn rules(&self) -> Result<Rules, InventoryError> {
        let groups = self.groups.iter().map(|rule| rule.parse());
        let groups: Result<Vec<_>, certlocker_import::rules::InvalidRule> = groups.collect();
        Ok(Rules {
            groups: groups.map_err(|error| InventoryError::Invalid(error.to_string()))?,
            logins: self.logins.clone(),
        })
    }

    fn given_keys(&self) -> Result<Vec<KeyFile>, InventoryError> {
        let key = |given: &NamedText| {
            let read = read_key(&given.name, given.text.bytes());
            read.map_err(|error| InventoryError::Invalid(format!("{}: {error}", given.name)))
        };
        self.keys.iter().map(key).collect()
    }

    fn recorded(&self) -> Result<Looking, InventoryError> {
        let defaults = Defaults {
            account: self.account.clone(),
            region: self.region.clone(),
        };
        let mut recording = Recording::default();
        for given in &self.recordings {
            let added = recording.add(given.text.bytes(), &defaults);
            added.map_err(|error| InventoryError::Invalid(format!("{}: {error}", given.name)))?;
        }
        let names: Vec<&str> = self.recordings.iter().map(|given| &*given.name).collect();
        Ok(Looking {
            name: names.join(", "),
            source: Box::new(recording.into_source()),
        })
    }
}

impl Inventory {
    /// What looks for the machines; a kept credential is opened, which is on record.
    pub(super) async fn looking(
        &self,
        request: &PlanRequest,
        by: &Attribution,
    ) -> Result<Looking, InventoryError> {
        match (&request.from, request.recordings.is_empty()) {
            (Some(name), true) => {
                let options = CloudOptions {
                    all_projects: request.all_projects,
                    endpoint: request.endpoint.clone(),
                    filters: request.filters.clone(),
                    regions: request.regions.clone(),
                };
                let identity = self.identity(name, by).await?;
                Ok(Looking {
                    name: format!("credential {name}"),
                    source: source(identity, &options)?,
                })
            }
            (None, false) => request.recorded(),
            _ => Err(InventoryError::Invalid(
                "a plan is made either from recordings or from a kept credential".to_owned(),
            )),
        }
    }

    pub(super) async fn edit_of(&self, request: &EditRequest) -> Result<Edit, InventoryError> {
        Ok(match request.clone() {
            EditRequest::Groups(groups) => Edit::Regroup(groups),
            EditRequest::Key(None) => Edit::Key(None),
            EditRequest::Key(Some(name)) => Edit::Key(Some(self.chosen_key(name).await?)),
            EditRequest::Login(user) => Edit::Login(user),
            EditRequest::Name(name) => Edit::Rename(name),
            EditRequest::New => Edit::New,
            EditRequest::Same(host) => Edit::Same(Box::new(self.host(&host).await?)),
            EditRequest::Selected(selected) => Edit::Select(selected),
        })
    }

    async fn chosen_key(&self, name: String) -> Result<KeyProposal, InventoryError> {
        let kept = self.kept_keys().await?;
        let found = kept.into_iter().find(|key| key.name() == name);
        let missing = || InventoryError::NotFound(format!("key {name}"));
        let key = found.ok_or_else(missing)?.public().clone();
        Ok(KeyProposal {
            key,
            proof: "chosen by hand".to_owned(),
            who: format!("key {name}"),
        })
    }

    /// Keys that were given for this plan, and those that are kept.
    pub(super) async fn keys(&self, request: &PlanRequest) -> Result<Vec<KeyFile>, InventoryError> {
        let mut keys = request.given_keys()?;
        keys.extend(self.kept_keys().await?);
        Ok(keys)
    }
}

/// Asked before each page: whether to go on.
pub type GoOn<'a> = &'a (dyn Fn(&Discovery) -> bool + Send + Sync);
