//! Recorded answers of clouds as a source: what `aws` and `openstack` print as JSON.

mod aws;
pub(super) mod openstack;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use super::text::line;
use super::{Cursor, FoundPage, Source, SourceError};
use crate::found::{FoundHost, Scope};
use crate::keys::KeyPair;

/// What a recording turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordedKind {
    /// `aws ec2 describe-images`.
    AwsImages,
    /// `aws ec2 describe-instances`.
    AwsInstances,
    /// `aws ec2 describe-key-pairs`.
    AwsKeyPairs,
    /// `openstack keypair list -f json`, or `GET /os-keypairs`.
    OpenStackKeyPairs,
    /// `openstack server list --long -f json`, or `GET /servers/detail`.
    OpenStackServers,
}

/// What a recording may not say of itself.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "two names")]
pub struct Defaults {
    /// The account or project.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// Why a file is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// It is no JSON.
    #[error("this is no JSON: line {line}, column {column}")]
    NoJson {
        /// Where it ends to be.
        column: usize,
        /// Where it ends to be.
        line: usize,
    },
    /// It does not say where it is from.
    #[error("the recording does not say its {0}: give it")]
    Nowhere(&'static str),
    /// It is JSON of something else.
    #[error(
        "this is none of describe-instances, describe-key-pairs, describe-images, server list, keypair list"
    )]
    Unknown,
}

/// Recordings that are put together: machines, their images, key pairs.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    images: BTreeMap<String, Image>,
    parts: BTreeMap<Scope, Part>,
    unplaced: Vec<KeyPair>,
}

/// What there is to know of an image.
#[derive(Clone, Debug)]
struct Image {
    name: String,
    owner: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Part {
    hosts: Vec<FoundHost>,
    incomplete: Option<String>,
    pairs: Vec<KeyPair>,
}

impl Recording {
    /// Adds a file; the order of files does not matter.
    ///
    /// # Errors
    /// [`RecordedError`].
    pub fn add(
        &mut self,
        bytes: &[u8],
        defaults: &Defaults,
    ) -> Result<RecordedKind, RecordedError> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| RecordedError::NoJson {
                column: error.column(),
                line: error.line(),
            })?;
        let kind = kind(&value).ok_or(RecordedError::Unknown)?;
        match kind {
            RecordedKind::AwsImages => self.images.extend(aws::images(&value)),
            RecordedKind::AwsInstances => self.take(aws::instances(&value, defaults))?,
            RecordedKind::AwsKeyPairs => self.unplaced.extend(aws::key_pairs(&value)),
            RecordedKind::OpenStackKeyPairs => self.unplaced.extend(openstack::key_pairs(&value)),
            RecordedKind::OpenStackServers => self.take(openstack::servers(&value, defaults))?,
        }
        Ok(kind)
    }

    fn take(&mut self, found: Result<Machines, RecordedError>) -> Result<(), RecordedError> {
        let Machines { hosts, incomplete } = found?;
        for (scope, host) in hosts {
            self.parts.entry(scope).or_default().hosts.push(host);
        }
        for (scope, why) in incomplete {
            self.parts.entry(scope).or_default().incomplete = Some(why);
        }
        Ok(())
    }

    /// The source that answers with what was recorded.
    pub fn into_source(mut self) -> Recorded {
        for part in self.parts.values_mut() {
            part.pairs.extend(self.unplaced.iter().cloned());
            for host in &mut part.hosts {
                let image = host.facts.image.as_ref();
                if let Some(image) = image.and_then(|image| self.images.get(image).cloned()) {
                    host.image_name = Some(image.name);
                    host.image_owner = image.owner;
                }
            }
        }
        Recorded { parts: self.parts }
    }
}

/// The machines of a recording, and the parts of which it lacks some.
#[derive(Default)]
struct Machines {
    hosts: Vec<(Scope, FoundHost)>,
    incomplete: Vec<(Scope, String)>,
}

fn kind(value: &Value) -> Option<RecordedKind> {
    let has = |name: &str| value.get(name).is_some_and(Value::is_array);
    let first = value.as_array().map(|items| items.first());
    let item = |name: &str| matches!(first, Some(Some(item)) if item.get(name).is_some());
    if has("Reservations") {
        Some(RecordedKind::AwsInstances)
    } else if has("KeyPairs") {
        Some(RecordedKind::AwsKeyPairs)
    } else if has("Images") {
        Some(RecordedKind::AwsImages)
    } else if has("servers") || (item("ID") && item("Status")) || first == Some(None) {
        Some(RecordedKind::OpenStackServers)
    } else if has("keypairs") || (item("Name") && item("Fingerprint")) {
        Some(RecordedKind::OpenStackKeyPairs)
    } else {
        None
    }
}

/// Recorded answers as a source.
#[derive(Clone, Debug)]
pub struct Recorded {
    parts: BTreeMap<Scope, Part>,
}

/// How many machines a page has.
const PAGE: usize = 1_000;

#[async_trait]
impl Source for Recorded {
    async fn scopes(&self) -> Result<Vec<Scope>, SourceError> {
        Ok(self.parts.keys().cloned().collect())
    }

    async fn key_pairs(&self, scope: &Scope) -> Result<Vec<KeyPair>, SourceError> {
        let part = self.parts.get(scope);
        Ok(part.map(|part| part.pairs.clone()).unwrap_or_default())
    }

    async fn page(&self, scope: &Scope, after: Option<&Cursor>) -> Result<FoundPage, SourceError> {
        let unknown = || SourceError::Incomplete("the recording has no such part".to_owned());
        let part = self.parts.get(scope).ok_or_else(unknown)?;
        let start = after.map_or(Ok(0), |cursor| cursor.as_str().parse());
        let start: usize = start.map_err(|_| unknown())?;
        let end = part.hosts.len().min(start.saturating_add(PAGE));
        let hosts = part.hosts.get(start..end).unwrap_or_default().to_vec();
        if hosts.is_empty() && start > 0 {
            return match part.incomplete.clone() {
                Some(why) => Err(SourceError::Incomplete(why)),
                None => Ok(FoundPage::default()),
            };
        }
        let more = end < part.hosts.len() || part.incomplete.is_some();
        let next = more.then(|| Cursor::new(end.to_string()));
        Ok(FoundPage {
            hosts,
            next,
            ..FoundPage::default()
        })
    }
}

/// A text of a cloud: printable and bounded.
fn text(value: &Value) -> Option<String> {
    line(value.as_str()?)
}

/// A member that is a text.
fn member(of: &Value, name: &str) -> Option<String> {
    text(of.get(name)?)
}

/// The items of a member that is a list.
fn items<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}
