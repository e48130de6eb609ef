//! Certificate authorities of our own, as they are kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::certificate::Der;
use crate::change::{Entry, private};
use crate::secret::hexadecimal;
use crate::{Aggregate, AuthorityId, Event, Kind, Random, SecretId, Timestamp, Transition};

/// A certificate authority whose key we hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    id: AuthorityId,
    certificate: Der,
    key: SecretId,
    role: AuthorityRole,
}

/// What an authority signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a chain has these two")]
pub enum AuthorityRole {
    /// Certificates for end entities, and lists of those it revoked.
    Intermediate,
    /// Intermediates; relying parties trust it by itself.
    Root,
}

impl AuthorityRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Intermediate => "intermediate",
            Self::Root => "root",
        }
    }
}

impl Authority {
    /// Keeps an authority; committed together with its sealed key.
    pub fn create(
        role: AuthorityRole,
        certificate: Der,
        key: SecretId,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let id = AuthorityId::new(now, random);
        let sha256 = hexadecimal(&Sha256::digest(&certificate.0));
        let created = Event::AuthorityCreated {
            authority_id: id,
            role,
            sha256,
        };
        Transition::create(
            Self {
                id,
                certificate,
                key,
                role,
            },
            vec![created],
            now,
        )
    }

    /// Its id.
    pub fn id(&self) -> &AuthorityId {
        &self.id
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Der {
        &self.certificate
    }

    /// The secret that holds its private key.
    pub fn key(&self) -> &SecretId {
        &self.key
    }

    /// What it signs.
    pub fn role(&self) -> AuthorityRole {
        self.role
    }
}

impl private::Sealed for Authority {}

impl Aggregate for Authority {
    const KIND: Kind = Kind::Authority;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::new(Self::BY_ROLE, self.role.as_str())]
    }
}

impl Authority {
    /// The index of authorities by role.
    pub(crate) const BY_ROLE: &'static str = "role";

    pub(crate) fn role_value(role: AuthorityRole) -> &'static str {
        role.as_str()
    }
}
