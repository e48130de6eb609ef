//! The authority that signs certificates of SSH for those who may use a host, as it is kept.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::change::{Entry, private};
use crate::{
    AccessId, Aggregate, AuthorityId, Event, HostId, KeyFingerprint, Kind, Random, SecretId,
    SshCertificateId, SshKey, Timestamp, Transition, Versioned,
};

/// An authority for user certificates of SSH whose key we hold. There is one at a time: hosts trust
/// its public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshAuthority {
    id: AuthorityId,
    issued: u64,
    key: SecretId,
    principals: SshPrincipals,
    public: SshKey,
}

/// What the certificates of an authority are valid for. Hosts are set up for the one or the other,
/// so that it is decided with the authority and not by whoever asks for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "one host, or all")]
pub enum SshPrincipals {
    /// An account of one host: `login@` and the host's id, which that host alone accepts by its
    /// `AuthorizedPrincipalsFile`.
    Host,
    /// An account of every host that trusts the authority: the name of the account.
    Login,
}

impl SshPrincipals {
    /// The principal for an account of a host.
    pub fn principal(self, login: &str, host: &HostId) -> String {
        match self {
            Self::Host => format!("{login}@{host}"),
            Self::Login => login.to_owned(),
        }
    }
}

impl fmt::Display for SshPrincipals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Login => "login",
        })
    }
}

impl FromStr for SshPrincipals {
    type Err = InvalidSshPrincipals;

    fn from_str(text: &str) -> Result<Self, InvalidSshPrincipals> {
        match text {
            "host" => Ok(Self::Host),
            "login" => Ok(Self::Login),
            _ => Err(InvalidSshPrincipals),
        }
    }
}

/// A text that is no form of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("principals were expected to be of a `host` or of a `login`")]
#[non_exhaustive]
pub struct InvalidSshPrincipals;

/// A certificate that was signed, and what it was signed for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct IssuedSshCertificate {
    /// The entry by which the key may use the account.
    pub access_id: AccessId,
    /// What it lets its holder do besides running commands.
    pub extensions: BTreeSet<String>,
    /// The only command that may be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_command: Option<String>,
    /// The host.
    pub host_id: HostId,
    /// Its id.
    pub id: SshCertificateId,
    /// The key that it is for.
    pub key: KeyFingerprint,
    /// The account.
    pub login: String,
    /// What it is valid for.
    pub principals: Vec<String>,
    /// Where it may be used from; anywhere if none is named.
    pub source_addresses: BTreeSet<IpNet>,
    /// Since when it is valid.
    pub valid_after: Timestamp,
    /// Until when it is valid.
    pub valid_before: Timestamp,
    /// Whose key it is.
    pub who: String,
}

impl SshAuthority {
    /// Keeps an authority; committed together with its sealed key.
    pub fn create(
        public: SshKey,
        key: SecretId,
        principals: SshPrincipals,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let id = AuthorityId::new(now, random);
        let created = Event::SshAuthorityCreated {
            authority_id: id,
            key: public.fingerprint(),
            principals,
        };
        let authority = Self {
            id,
            issued: 0,
            key,
            principals,
            public,
        };
        Transition::create(authority, vec![created], now)
    }

    /// Its id.
    pub fn id(&self) -> &AuthorityId {
        &self.id
    }

    /// The secret that holds its private key.
    pub fn key(&self) -> &SecretId {
        &self.key
    }

    /// What its certificates are valid for.
    pub fn principals(&self) -> SshPrincipals {
        self.principals
    }

    /// Its public key, which hosts are to trust.
    pub fn public(&self) -> &SshKey {
        &self.public
    }

    /// The serial number of the next certificate.
    pub fn next_serial(&self) -> u64 {
        self.issued.saturating_add(1)
    }
}

impl Versioned<SshAuthority> {
    /// Says that a certificate was signed under [`SshAuthority::next_serial`]; it is given away once
    /// this is committed. That it counts on the authority keeps serial numbers apart.
    pub fn issue(
        &self,
        certificate: IssuedSshCertificate,
        now: Timestamp,
    ) -> Transition<SshAuthority> {
        let serial = self.value.next_serial();
        let issued = Event::SshCertificateIssued {
            authority_id: self.value.id,
            certificate,
            serial,
        };
        let next = SshAuthority {
            issued: serial,
            ..self.value.clone()
        };
        self.step(next, vec![issued], now)
    }
}

impl private::Sealed for SshAuthority {}

impl Aggregate for SshAuthority {
    const KIND: Kind = Kind::SshAuthority;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        vec![Entry::unique(Self::BY_PURPOSE, Self::USERS)]
    }
}

impl SshAuthority {
    /// The index of authorities by what they sign.
    pub(crate) const BY_PURPOSE: &'static str = "purpose";
    /// Certificates of users.
    pub(crate) const USERS: &'static str = "users";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Actor, Attribution, AuthorityStore, Changeset, Ledger, MemoryStore, StoreError, Subject,
        Trigger,
    };
    use pollster::block_on;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn by() -> Attribution {
        Attribution::new(Actor::Command("jo".to_owned()), Trigger::Command)
    }

    fn created() -> Transition<SshAuthority> {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P";
        let mut next = 0;
        let mut random = |bytes: &mut [u8]| {
            next += 1;
            bytes.fill(next);
        };
        let (key, secret) = (key.parse().unwrap(), SecretId::first_at(NOW));
        SshAuthority::create(key, secret, SshPrincipals::Host, &mut random, NOW)
    }

    fn certificate(at: i64) -> IssuedSshCertificate {
        let at = Timestamp::from_seconds(1_700_000_000 + at);
        IssuedSshCertificate {
            access_id: AccessId::first_at(NOW),
            extensions: BTreeSet::new(),
            force_command: None,
            host_id: HostId::first_at(NOW),
            id: SshCertificateId::first_at(at),
            key: created().next().public().fingerprint(),
            login: "ubuntu".to_owned(),
            principals: vec!["ubuntu".to_owned()],
            source_addresses: BTreeSet::new(),
            valid_after: NOW,
            valid_before: at,
            who: "ann".to_owned(),
        }
    }

    #[test]
    fn there_is_one_authority_at_a_time() {
        let store = MemoryStore::default();
        let first = created().by(&by());
        block_on(store.commit(Changeset::of(first))).unwrap();
        let other = SshAuthority {
            id: AuthorityId::first_at(NOW),
            ..created().next().clone()
        };
        let other = Transition::create(other, Vec::new(), NOW);
        let second = block_on(store.commit(Changeset::of(other.by(&by()))));
        assert!(matches!(second, Err(StoreError::Conflict)));
    }

    #[test]
    fn no_two_certificates_have_one_serial_number() {
        let store = MemoryStore::default();
        block_on(store.commit(Changeset::of(created().by(&by())))).unwrap();
        let read = || block_on(store.ssh_authority()).unwrap().unwrap();
        let (one, other) = (read(), read());
        assert_eq!(one.value.next_serial(), 1);
        let issue = |authority: &Versioned<SshAuthority>, at| {
            let issued = authority.issue(certificate(at), NOW).by(&by());
            block_on(store.commit(Changeset::of(issued)))
        };
        issue(&one, 1).unwrap();
        assert!(matches!(issue(&other, 2), Err(StoreError::Conflict)));
        assert_eq!(read().value.next_serial(), 2);
        let about = Subject::SshCertificate(certificate(1).id);
        let records = block_on(store.records(Some(&about), crate::Sequence::START, 10)).unwrap();
        assert!(matches!(
            records[0].event,
            Event::SshCertificateIssued { serial: 1, .. }
        ));
    }

    #[test]
    fn a_principal_is_of_one_host_or_of_all() {
        let host = HostId::first_at(NOW);
        for (form, expect) in [
            ("host", format!("ubuntu@{host}")),
            ("login", "ubuntu".into()),
        ] {
            let form: SshPrincipals = form.parse().unwrap();
            assert_eq!(form.principal("ubuntu", &host), expect);
            assert_eq!(form.to_string().parse(), Ok(form));
        }
    }
}
