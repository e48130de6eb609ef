//! The authority for certificates of SSH, and certificates.

use std::time::Duration;

use certlocker_core::{Attribution, SecretError, SshAuthority, SshPrincipals, Store, Timestamp};
use certlocker_import::export::Export;
use certlocker_import::export::principals::authorized_principals;
use certlocker_import::ssh_ca::{
    CertificateRequest, Extension, KeyAlgorithm, RootLogin, SignedCertificate, SshCa, SshCaError,
    trusted_line,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::export::{ExportRequest, one_host};
use super::{Inventory, InventoryError};
use crate::config::Scalar;

/// The algorithm of an authority's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SshCaAlgorithm {
    /// ECDSA on P-256.
    EcdsaP256,
    /// Ed25519.
    #[default]
    Ed25519,
}

/// What an authority is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct NewSshCaRequest {
    /// The algorithm of its key.
    #[serde(default)]
    pub algorithm: SshCaAlgorithm,
    /// What its certificates are valid for.
    pub principals: SshPrincipals,
}

/// The authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SshCaView {
    /// The fingerprint of its key.
    pub fingerprint: String,
    /// Its id.
    pub id: String,
    /// What its certificates are valid for.
    pub principals: SshPrincipals,
    /// Its public key, for the file of `TrustedUserCAKeys`.
    pub trusted_key: String,
}

impl SshCaView {
    fn of(authority: &SshAuthority) -> Self {
        Self {
            fingerprint: authority.public().fingerprint().to_string(),
            id: authority.id().to_string(),
            principals: authority.principals(),
            trusted_key: trusted_line(authority.public()),
        }
    }
}

/// What a certificate permits besides running commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Permit {
    /// Forwarding the agent.
    AgentForwarding,
    /// Nothing.
    None,
    /// Forwarding ports.
    PortForwarding,
    /// A terminal.
    Pty,
    /// `~/.ssh/rc`.
    UserRc,
    /// Forwarding X11.
    X11Forwarding,
}

impl Permit {
    fn extension(self) -> Option<Extension> {
        Some(match self {
            Self::AgentForwarding => Extension::AgentForwarding,
            Self::None => return None,
            Self::PortForwarding => Extension::PortForwarding,
            Self::Pty => Extension::Pty,
            Self::UserRc => Extension::UserRc,
            Self::X11Forwarding => Extension::X11Forwarding,
        })
    }
}

/// A certificate that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct SshCertificateRequest {
    /// Whether it may be for root.
    #[serde(default)]
    pub allow_root: bool,
    /// The only command that it runs.
    #[serde(default)]
    pub force_command: Option<String>,
    /// The public key, as `ssh-keygen` writes it.
    pub key: String,
    /// The account.
    pub login: String,
    /// What it permits besides running commands.
    #[serde(default = "terminal")]
    pub permit: Vec<Permit>,
    /// Where it may be used from.
    #[serde(default)]
    pub source_addresses: Vec<IpNet>,
    /// How long it is valid, such as `1h`.
    #[serde(default = "an_hour")]
    pub ttl: String,
}

fn terminal() -> Vec<Permit> {
    vec![Permit::Pty]
}

fn an_hour() -> String {
    "1h".to_owned()
}

/// A certificate that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SshCertificateView {
    /// The line for the file whose name ends in `-cert.pub`.
    pub certificate: String,
    /// Its id, which is the subject of its record.
    pub key_id: String,
    /// What it is valid for.
    pub principals: Vec<String>,
    /// Its number.
    pub serial: u64,
    /// Since when it is valid.
    pub valid_after: String,
    /// Until when it is valid.
    pub valid_before: String,
    /// Whose key it is.
    pub who: String,
}

impl From<SignedCertificate> for SshCertificateView {
    fn from(signed: SignedCertificate) -> Self {
        let certificate = signed.certificate;
        Self {
            certificate: signed.text,
            key_id: certlocker_core::Subject::SshCertificate(certificate.id).to_string(),
            principals: certificate.principals,
            serial: signed.serial,
            valid_after: certificate.valid_after.to_rfc3339_seconds(),
            valid_before: certificate.valid_before.to_rfc3339_seconds(),
            who: certificate.who,
        }
    }
}

impl From<SshCaError> for InventoryError {
    fn from(error: SshCaError) -> Self {
        match error {
            SshCaError::Key(error) => Self::Secret(SecretError::Unreadable(error.to_string())),
            SshCaError::Missing => Self::Refused(format!(
                "{error}: `certlocker host ssh-ca create` makes one"
            )),
            SshCaError::Secret(error) => Self::Secret(error),
            SshCaError::Store(error) => error.into(),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl Inventory {
    /// Makes the authority.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] if there is one.
    pub async fn create_ssh_ca(
        &self,
        request: NewSshCaRequest,
        by: &Attribution,
    ) -> Result<SshCaView, InventoryError> {
        let algorithm = match request.algorithm {
            SshCaAlgorithm::EcdsaP256 => KeyAlgorithm::EcdsaP256,
            SshCaAlgorithm::Ed25519 => KeyAlgorithm::Ed25519,
        };
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let mut ca = self.ssh_ca(by, &clock, &mut random);
        let made = ca.create(algorithm, request.principals).await?;
        Ok(SshCaView::of(&made))
    }

    /// The authority.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] if there is none.
    pub async fn show_ssh_ca(&self) -> Result<SshCaView, InventoryError> {
        let authority = self.store.ssh_authority().await?;
        let authority = authority.ok_or(SshCaError::Missing)?;
        Ok(SshCaView::of(&authority.value))
    }

    /// Signs a certificate for a key that may use an account of a host.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] if it may not, once that is on record.
    pub async fn sign_ssh_certificate(
        &self,
        host: &str,
        request: &SshCertificateRequest,
        by: &Attribution,
    ) -> Result<SshCertificateView, InventoryError> {
        let invalid = |text: String| InventoryError::Invalid(text);
        let key = request.key.parse();
        let key =
            key.map_err(|error: certlocker_core::InvalidSshKey| invalid(error.to_string()))?;
        let ttl = Duration::from_text(&request.ttl)
            .map_err(|_| invalid(format!("`{}` is no span such as 1h or 30m", request.ttl)))?;
        let permits = request.permit.iter();
        let request = CertificateRequest {
            extensions: permits.filter_map(|permit| permit.extension()).collect(),
            force_command: request.force_command.clone(),
            host: *self.host(host).await?.value.id(),
            key,
            login: request.login.clone(),
            root: match request.allow_root {
                true => RootLogin::Allowed,
                false => RootLogin::Refused,
            },
            source_addresses: request.source_addresses.iter().copied().collect(),
            ttl,
        };
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let mut ca = self.ssh_ca(by, &clock, &mut random);
        Ok(ca.issue(&request).await?.into())
    }

    /// The certificates whose holders lost access since, as sshd reads them.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn revoked_ssh_certificates(
        &self,
        by: &Attribution,
    ) -> Result<Vec<u8>, InventoryError> {
        let (clock, mut random) = (|| self.clock.now(), crate::random::fill);
        let mut ca = self.ssh_ca(by, &clock, &mut random);
        Ok(ca.revocation_list().await?)
    }

    /// The principals that an account of a host accepts.
    pub(super) async fn principals(
        &self,
        request: &ExportRequest,
    ) -> Result<Export, InventoryError> {
        let host = *self.host(one_host(request)?).await?.value.id();
        let missing = || InventoryError::Invalid("this file is of one account: name it".to_owned());
        let login = request.login.as_deref().ok_or_else(missing)?;
        let authority = self.store.ssh_authority().await?;
        let form = authority.ok_or(SshCaError::Missing)?.value.principals();
        Ok(authorized_principals(&host, login, form)?)
    }

    fn ssh_ca<'a>(
        &'a self,
        by: &'a Attribution,
        clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
        random: &'a mut (dyn FnMut(&mut [u8]) + Send),
    ) -> SshCa<'a, dyn Store> {
        SshCa {
            by,
            clock,
            random,
            secrets: &*self.secrets,
            store: &*self.store,
        }
    }
}
