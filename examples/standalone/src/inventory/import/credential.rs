//! What imports show to clouds, and private keys of hosts: kept sealed, under a name.

use std::fmt;

use certlocker_core::import::{Credential, CredentialForm, Holds, NewCredential};
use certlocker_core::{Attribution, Changeset, Page, Secret, SecretPurpose, StoreError, Versioned};
use certlocker_import::credentials::{
    Found, OpenStackCredential, OpenStackFiles, Reading, aws, aws_environment,
    aws_instance_profile, openstack_clouds, openstack_environment, openstack_rc,
};
use certlocker_import::keys::{KeyFile, read_key};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::{Inventory, InventoryError};
use super::cloud::CloudIdentity;

/// A text that is secret on its way in: it shows itself to nobody but the server.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    fn secret(&self) -> Secret {
        Secret::new(self.0.as_bytes().to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// What a credential is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct NewCredentialRequest {
    /// Which identity of the text, if there are several: a profile, a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What it is of: aws, aws-environment, aws-instance-profile, clouds, openrc, openstack-environment or key.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// secure.yaml, beside clouds.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure: Option<SecretText>,
    /// The text, as it was pasted.
    #[serde(default)]
    pub text: SecretText,
}

/// A credential, without what is secret of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CredentialView {
    /// When it was added.
    pub created: String,
    /// Every form in which a cloud may show the fingerprint of a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
    /// Its id.
    pub id: String,
    /// Which identity of the text is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What it is of.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What was ignored, changed on reading, or is worth knowing, when it was added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The public key, of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
}

impl CredentialView {
    fn of(credential: &Credential, notes: Vec<String>) -> Self {
        let (identity, public, fingerprints) = match credential.holds() {
            Holds::Cloud { identity, .. } => (Some(identity.clone()), None, Vec::new()),
            Holds::Key {
                fingerprints,
                public,
            } => (None, Some(public.to_string()), fingerprints.clone()),
        };
        Self {
            created: credential.id().created().to_rfc3339_seconds(),
            fingerprints,
            id: credential.id().to_string(),
            identity,
            kind: credential.kind().to_owned(),
            name: credential.name().to_owned(),
            notes,
            public,
        }
    }
}

/// How many credentials are read at a time.
const PAGE: usize = 1_000;
const LONGEST_NAME: usize = 64;

/// What was read of a text before it is sealed.
struct Read {
    holds: Holds,
    notes: Vec<String>,
    purpose: SecretPurpose,
    secrets: Vec<Secret>,
}

impl Inventory {
    /// Keeps a credential, sealed.
    ///
    /// # Errors
    /// [`InventoryError::Invalid`] says what the text is instead, by line.
    pub async fn keep_credential(
        &self,
        request: &NewCredentialRequest,
        by: &Attribution,
    ) -> Result<CredentialView, InventoryError> {
        let name = checked_name(&request.name)?;
        let (read, now) = (read(request)?, self.clock.now());
        let mut random = crate::random::fill;
        let mut sealed = Vec::new();
        for secret in &read.secrets {
            let seal = self.secrets.seal(secret, read.purpose, &mut random, now);
            sealed.push(seal.await?);
        }
        let new = NewCredential {
            holds: read.holds,
            name,
            secrets: sealed.iter().map(|sealed| *sealed.next().id()).collect(),
        };
        let credential = Credential::create(new, &mut random, now);
        let view = CredentialView::of(credential.next(), read.notes);
        let mut changes = Changeset::of(credential.by(by));
        for sealed in sealed {
            changes = changes.and(sealed.by(by));
        }
        match self.store.commit(changes).await {
            Ok(_) => Ok(view),
            Err(StoreError::Conflict) => Err(InventoryError::Refused(format!(
                "there is a credential named `{}` already",
                view.name
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Credentials that were not removed, oldest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn kept_credentials(&self) -> Result<Vec<CredentialView>, InventoryError> {
        let kept = self.present_credentials().await?;
        let views = kept
            .iter()
            .map(|kept| CredentialView::of(&kept.value, Vec::new()));
        Ok(views.collect())
    }

    /// Removes a credential by its name; its secrets are replaced by nothing in the same write.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn remove_credential(
        &self,
        name: &str,
        by: &Attribution,
    ) -> Result<CredentialView, InventoryError> {
        let (kept, now) = (self.kept(name).await?, self.clock.now());
        let missing = || InventoryError::NotFound(format!("credential {name}"));
        let removed = kept.remove(now).ok_or_else(missing)?;
        let mut changes = Changeset::of(removed.by(by));
        let mut random = crate::random::fill;
        for id in kept.value.secrets() {
            let nothing = Secret::new(Vec::new());
            let replaced = self.secrets.replace(id, &nothing, &mut random, now);
            changes = changes.and(replaced.await?.by(by));
        }
        self.store.commit(changes).await?;
        Ok(CredentialView::of(&kept.value, Vec::new()))
    }

    /// Who one is by a kept credential; that it was opened is on record before this returns.
    pub(super) async fn identity(
        &self,
        name: &str,
        by: &Attribution,
    ) -> Result<CloudIdentity, InventoryError> {
        let kept = self.kept(name).await?;
        let Holds::Cloud { form, identity } = kept.value.holds() else {
            let detail = format!("`{name}` is a private key: a credential of a cloud was expected");
            return Err(InventoryError::Invalid(detail));
        };
        let mut texts = Vec::new();
        for id in kept.value.secrets() {
            let purpose = SecretPurpose::CloudCredential;
            let open = self.secrets.open(id, purpose, by, self.clock.now());
            texts.push(open.await?);
        }
        let changed = || {
            let detail = format!("`{name}` holds no identity `{identity}` any more");
            InventoryError::Refused(detail)
        };
        match form {
            CredentialForm::Aws | CredentialForm::AwsEnvironment => {
                let reading = match texts.first() {
                    Some(text) => aws(text.expose()),
                    None => aws_environment(pairs(&variables())),
                };
                reading.named(identity).ok_or_else(changed)?;
                let name = identity.clone();
                Ok(CloudIdentity::Aws { name, reading })
            }
            CredentialForm::AwsInstanceProfile => Ok(CloudIdentity::Aws {
                name: identity.clone(),
                reading: aws_instance_profile(),
            }),
            form => openstack(*form, &texts)
                .found
                .into_iter()
                .find(|found| found.name == *identity)
                .map(|found| CloudIdentity::OpenStack(Box::new(found.value)))
                .ok_or_else(changed),
        }
    }

    /// Private keys that are kept, as far as plans need them.
    pub(super) async fn kept_keys(&self) -> Result<Vec<KeyFile>, InventoryError> {
        let kept = self.present_credentials().await?;
        let key = |kept: &Versioned<Credential>| match kept.value.holds() {
            Holds::Cloud { .. } => None,
            Holds::Key {
                fingerprints,
                public,
            } => Some(KeyFile::kept(
                kept.value.name(),
                public.clone(),
                fingerprints,
            )),
        };
        Ok(kept.iter().filter_map(key).collect())
    }

    async fn kept(&self, name: &str) -> Result<Versioned<Credential>, InventoryError> {
        let found = self.store.credential_by_name(name).await?;
        found.ok_or_else(|| InventoryError::NotFound(format!("credential {name}")))
    }

    async fn present_credentials(&self) -> Result<Vec<Versioned<Credential>>, InventoryError> {
        let (mut kept, mut after) = (Vec::new(), None);
        loop {
            let page = Page::oldest(PAGE).after(after.take());
            let page = self.store.credentials(page).await?;
            let Some(last) = page.last() else {
                return Ok(kept);
            };
            after = Some(last.value.id().to_string());
            let present = |kept: &Versioned<Credential>| kept.value.removed().is_none();
            kept.extend(page.into_iter().filter(present));
        }
    }
}

fn checked_name(name: &str) -> Result<String, InventoryError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        return Err(InventoryError::Invalid(format!(
            "a credential's name has 1 to {LONGEST_NAME} letters, digits, `.`, `-` and `_`"
        )));
    }
    Ok(name.to_owned())
}

fn read(request: &NewCredentialRequest) -> Result<Read, InventoryError> {
    let text = &request.text;
    let named = request.identity.as_deref();
    let texts = || {
        let all = [Some(text), request.secure.as_ref()].into_iter().flatten();
        all.map(SecretText::secret).collect()
    };
    match request.kind.as_str() {
        "aws" => cloud(CredentialForm::Aws, &aws(text.bytes()), named, texts()),
        "aws-environment" => {
            let variables = variables();
            let reading = aws_environment(pairs(&variables));
            cloud(CredentialForm::AwsEnvironment, &reading, named, Vec::new())
        }
        "aws-instance-profile" => {
            let form = CredentialForm::AwsInstanceProfile;
            cloud(form, &aws_instance_profile(), named, Vec::new())
        }
        "clouds" => of_openstack(CredentialForm::Clouds, named, texts()),
        "openrc" => of_openstack(CredentialForm::Openrc, named, texts()),
        "openstack-environment" => {
            of_openstack(CredentialForm::OpenstackEnvironment, named, Vec::new())
        }
        "key" => key(&request.name, text),
        other => Err(InventoryError::Invalid(format!(
            "a credential is of kind aws, aws-environment, aws-instance-profile, clouds, openrc, openstack-environment or key, and not `{}`",
            other.escape_debug()
        ))),
    }
}

fn of_openstack(
    form: CredentialForm,
    named: Option<&str>,
    texts: Vec<Secret>,
) -> Result<Read, InventoryError> {
    let reading = openstack(form, &texts);
    cloud(form, &reading, named, texts)
}

fn openstack(form: CredentialForm, texts: &[Secret]) -> Reading<OpenStackCredential> {
    let text = texts.first().map(Secret::expose).unwrap_or_default();
    match form {
        CredentialForm::Clouds => openstack_clouds(OpenStackFiles {
            clouds: text,
            public: None,
            secure: texts.get(1).map(Secret::expose),
        }),
        CredentialForm::Openrc => openstack_rc(text),
        _ => openstack_environment(pairs(&variables())),
    }
}

fn cloud<T>(
    form: CredentialForm,
    reading: &Reading<T>,
    named: Option<&str>,
    secrets: Vec<Secret>,
) -> Result<Read, InventoryError> {
    let notes: Vec<String> = reading.notes.iter().map(ToString::to_string).collect();
    if reading.has_problems() && reading.found.is_empty() {
        return Err(InventoryError::Invalid(notes.join("; ")));
    }
    let identity = chosen(reading, named)?.name.clone();
    Ok(Read {
        holds: Holds::Cloud { form, identity },
        notes,
        purpose: SecretPurpose::CloudCredential,
        secrets,
    })
}

fn chosen<'a, T>(
    reading: &'a Reading<T>,
    named: Option<&str>,
) -> Result<&'a Found<T>, InventoryError> {
    let all = || {
        let names: Vec<&str> = reading.found.iter().map(|found| &*found.name).collect();
        names.join(", ")
    };
    match (named, reading.found.as_slice()) {
        (None, [one]) => Ok(one),
        (None, _) => Err(InventoryError::Invalid(format!(
            "the text holds several identities, and one has to be named: {}",
            all()
        ))),
        (Some(name), found) => {
            let missing = || {
                InventoryError::Invalid(format!(
                    "the text holds no identity `{}`, but: {}",
                    name.escape_debug(),
                    all()
                ))
            };
            found
                .iter()
                .find(|found| found.name == name)
                .ok_or_else(missing)
        }
    }
}

fn key(name: &str, text: &SecretText) -> Result<Read, InventoryError> {
    let key = read_key(name, text.bytes());
    let key = key.map_err(|error| InventoryError::Invalid(error.to_string()))?;
    Ok(Read {
        holds: Holds::Key {
            fingerprints: key.fingerprints(),
            public: key.public().clone(),
        },
        notes: Vec::new(),
        purpose: SecretPurpose::HostKey,
        secrets: vec![text.secret()],
    })
}

/// The environment, without what is no text.
fn variables() -> Vec<(String, Zeroizing<String>)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((
            name.into_string().ok()?,
            Zeroizing::new(value.into_string().ok()?),
        ))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn pairs(variables: &[(String, Zeroizing<String>)]) -> impl Iterator<Item = (&str, &str)> {
    variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
}
