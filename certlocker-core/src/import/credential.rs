//! What imports show to clouds, and keys that belong to hosts: under a name, the secret part sealed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::{Entry, private};
use crate::{
    Aggregate, CredentialId, Event, Kind, Random, SecretId, SshKey, Timestamp, Transition,
    Versioned,
};

/// A credential of a cloud, or a private key of hosts.
///
/// What is secret of it is in [sealed secrets](crate::Sealed); here is what tells it from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    id: CredentialId,
    holds: Holds,
    name: String,
    removed: Option<Timestamp>,
    secrets: Vec<SecretId>,
}

/// What a credential is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "a cloud's, or a key")]
pub enum Holds {
    /// Who one is to a cloud.
    Cloud {
        /// How the text reads.
        form: CredentialForm,
        /// Which identity of the text is used: a profile, a cloud.
        identity: String,
    },
    /// A private key.
    Key {
        /// Every form in which a cloud may show its fingerprint.
        fingerprints: Vec<String>,
        /// The public key.
        public: SshKey,
    },
}

/// How a credential of a cloud reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CredentialForm {
    /// Any text of AWS.
    Aws,
    /// What the environment of the process says of AWS.
    AwsEnvironment,
    /// clouds.yaml of OpenStack, and secure.yaml if there are two texts.
    Clouds,
    /// A file of OpenStack to be sourced by a shell.
    Openrc,
    /// What the environment of the process says of OpenStack.
    OpenstackEnvironment,
}

impl CredentialForm {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsEnvironment => "aws-environment",
            Self::Clouds => "clouds",
            Self::Openrc => "openrc",
            Self::OpenstackEnvironment => "openstack-environment",
        }
    }
}

impl fmt::Display for CredentialForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a credential is made with.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct NewCredential {
    /// What it is of.
    pub holds: Holds,
    /// Its name, unique among those that were not removed.
    pub name: String,
    /// Its secret parts, in the order of its form.
    pub secrets: Vec<SecretId>,
}

impl Credential {
    /// Keeps a credential, whose secrets are stored with it.
    pub fn create(new: NewCredential, random: Random<'_>, now: Timestamp) -> Transition<Self> {
        let credential = Self {
            id: CredentialId::new(now, random),
            holds: new.holds,
            name: new.name,
            removed: None,
            secrets: new.secrets,
        };
        let kept = Event::CredentialKept {
            credential_id: credential.id,
            kind: credential.kind().to_owned(),
            name: credential.name.clone(),
            secrets: credential.secrets.clone(),
        };
        Transition::create(credential, vec![kept], now)
    }

    /// Its id.
    pub fn id(&self) -> &CredentialId {
        &self.id
    }

    /// What it is of.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// What it is of, as a word.
    pub fn kind(&self) -> &'static str {
        match &self.holds {
            Holds::Cloud { form, .. } => form.as_str(),
            Holds::Key { .. } => "key",
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it was removed.
    pub fn removed(&self) -> Option<Timestamp> {
        self.removed
    }

    /// Its secret parts.
    pub fn secrets(&self) -> &[SecretId] {
        &self.secrets
    }

    /// The index of credentials that were not removed, by name.
    pub(crate) const BY_NAME: &'static str = "name";
}

impl Versioned<Credential> {
    /// Removes it; nothing if it was. Its secrets are replaced by nothing in the same write.
    pub fn remove(&self, now: Timestamp) -> Option<Transition<Credential>> {
        let removed = Event::CredentialRemoved {
            credential_id: self.value.id,
            name: self.value.name.clone(),
        };
        let next = Credential {
            removed: Some(now),
            ..self.value.clone()
        };
        let is_there = self.value.removed.is_none();
        is_there.then(|| self.step(next, vec![removed], now))
    }
}

impl private::Sealed for Credential {}

impl Aggregate for Credential {
    const KIND: Kind = Kind::Credential;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        match self.removed {
            Some(_) => Vec::new(),
            None => vec![Entry::unique(Self::BY_NAME, &self.name)],
        }
    }
}
