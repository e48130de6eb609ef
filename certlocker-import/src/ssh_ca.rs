//! Short-lived certificates of SSH for those who may use a host, signed by an authority of our own.
//!
#![doc = include_str!("../guide/ssh_ca.md")]

mod contents;
mod key;
mod krl;
mod lint;
mod request;

use certlocker_core::host::access_at;
use certlocker_core::{
    Attribution, AuthorityStore, Changeset, Fact, History, HostStore, IssuedSshCertificate, Ledger,
    Secret, SecretError, SecretPurpose, SecretStore, SshAuthority, SshKey, SshPrincipals,
    StoreError, Timestamp, Versioned,
};

pub use contents::contents;
pub use key::{KeyAlgorithm, SshCaKeyError};
pub use krl::revocation_list;
pub use lint::{Lint, RootLogin, lint};
pub use request::{CertificateRequest, Extension, Refusal};

use key::CaKey;

/// What an authority needs of a store.
pub trait Stores: AuthorityStore + History + HostStore + Ledger {}

impl<S: AuthorityStore + History + HostStore + Ledger + ?Sized> Stores for S {}

/// The authority in a store, asked by somebody.
#[allow(clippy::exhaustive_structs, reason = "put together by every caller")]
pub struct SshCa<'a, S: ?Sized> {
    /// Who asks, and why.
    pub by: &'a Attribution,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Draws randomness.
    pub random: &'a mut (dyn FnMut(&mut [u8]) + Send),
    /// Seals and opens the authority's key.
    pub secrets: &'a dyn SecretStore,
    /// Where everything is.
    pub store: &'a S,
}

impl<S: ?Sized> std::fmt::Debug for SshCa<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshCa")
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

/// A certificate, and what it was signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedCertificate {
    /// What it was signed for.
    pub certificate: IssuedSshCertificate,
    /// Its number, of those of the authority.
    pub serial: u64,
    /// The line for a file beside the private key whose name ends in `-cert.pub`.
    pub text: String,
}

/// Why an authority did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshCaError {
    /// There is one.
    #[error("there is an authority of SSH already: {0}")]
    Exists(String),
    /// Its key cannot be used.
    #[error(transparent)]
    Key(#[from] SshCaKeyError),
    /// There is none.
    #[error("there is no authority of SSH yet")]
    Missing,
    /// No certificate is signed; that is on record.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its key does not open.
    #[error("the key of the authority of SSH cannot be sealed or opened")]
    Secret(#[source] SecretError),
    /// The store failed.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

impl From<SecretError> for SshCaError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => Self::Store(error),
            error => Self::Secret(error),
        }
    }
}

/// How often a certificate is tried again when others are signed at the same time.
const TRIES: usize = 16;
const NONCE: usize = 32;

impl<S: Stores + ?Sized> SshCa<'_, S> {
    /// Makes the authority with a new key. Two that make one at once make one.
    ///
    /// # Errors
    /// [`SshCaError::Exists`] if there is one.
    pub async fn create(
        &mut self,
        algorithm: KeyAlgorithm,
        principals: SshPrincipals,
    ) -> Result<SshAuthority, SshCaError> {
        self.none_yet().await?;
        let now = (self.clock)();
        let (secret, public) = CaKey::generate(algorithm)?;
        let purpose = SecretPurpose::SshCaKey;
        let sealed = self.secrets.seal(&secret, purpose, self.random, now);
        let sealed = sealed.await?;
        let id = *sealed.next().id();
        let created = SshAuthority::create(public, id, principals, &mut *self.random, now);
        let authority = created.next().clone();
        let changes = Changeset::of(sealed.by(self.by)).and(created.by(self.by));
        match self.store.commit(changes).await {
            Ok(_) => Ok(authority),
            Err(StoreError::Conflict) => {
                self.none_yet().await?;
                Err(StoreError::Conflict.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn none_yet(&mut self) -> Result<(), SshCaError> {
        match self.store.ssh_authority().await? {
            Some(authority) => Err(SshCaError::Exists(authority.value.public().to_string())),
            None => Ok(()),
        }
    }

    /// Signs a certificate, if access to the host allows it now. The record of it is durable before this
    /// returns.
    ///
    /// # Errors
    /// [`SshCaError::Refused`], once that is on record.
    pub async fn issue(
        &mut self,
        request: &CertificateRequest,
    ) -> Result<SignedCertificate, SshCaError> {
        let authority = self.store.ssh_authority().await?;
        let authority = authority.ok_or(SshCaError::Missing)?;
        let principals = authority.value.principals();
        let now = (self.clock)();
        let access = access_at(self.store, &request.host, now).await?;
        let certificate = contents(request, &access, principals, &mut *self.random, now);
        let certificate = match certificate {
            Ok(certificate) => certificate,
            Err(refusal) => return Err(self.refused(request, refusal, now).await?),
        };
        self.sign(authority, request, certificate, now).await
    }

    async fn refused(
        &mut self,
        request: &CertificateRequest,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<SshCaError, StoreError> {
        let (key, login) = (request.key.fingerprint(), request.shown_login());
        let why = refusal.to_string();
        let fact = Fact::ssh_certificate_refused(request.host, key, &login, &why, now);
        self.store.commit(Changeset::fact(&fact, self.by)).await?;
        Ok(refusal.into())
    }

    async fn sign(
        &mut self,
        mut authority: Versioned<SshAuthority>,
        request: &CertificateRequest,
        certificate: IssuedSshCertificate,
        now: Timestamp,
    ) -> Result<SignedCertificate, SshCaError> {
        let key = self.open(&authority.value, now).await?;
        for _ in 0..TRIES {
            let serial = authority.value.next_serial();
            let mut nonce = [0; NONCE];
            (self.random)(&mut nonce);
            let text = key.sign(&request.key, &certificate, serial, &nonce)?;
            let issued = authority.issue(certificate.clone(), now).by(self.by);
            match self.store.commit(Changeset::of(issued)).await {
                Ok(_) => {
                    return Ok(SignedCertificate {
                        certificate,
                        serial,
                        text,
                    });
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
            let next = self.store.ssh_authority().await?;
            authority = next.ok_or(SshCaError::Missing)?;
        }
        Err(StoreError::Conflict.into())
    }

    async fn open(
        &mut self,
        authority: &SshAuthority,
        now: Timestamp,
    ) -> Result<CaKey, SshCaError> {
        let purpose = SecretPurpose::SshCaKey;
        let opened = self.secrets.open(authority.key(), purpose, self.by, now);
        let secret: Secret = opened.await?;
        Ok(CaKey::read(&secret, authority.public())?)
    }
}

/// A public key as sshd reads it from the file of `TrustedUserCAKeys`.
pub fn trusted_line(key: &SshKey) -> String {
    format!("{key} certlocker")
}
