//! Who signs requests to AWS: a key, what the machine is given, or a role that these assume.

use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use certlocker_core::Timestamp;

use crate::credentials::{
    AccessKey, AwsCredential, AwsSecretSource, Reading, RoleBase, aws_environment,
};

/// Who signs requests.
pub struct Identity {
    pub(super) base: Base,
    pub(super) region: Option<String>,
    /// In the order in which they are assumed.
    pub(super) roles: Vec<Role>,
}

pub(super) enum Base {
    InstanceProfile,
    Key(Credentials),
}

/// A role that is assumed.
#[derive(Clone)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) duration_seconds: Option<u32>,
    pub(super) external_id: Option<String>,
    pub(super) mfa_serial: Option<String>,
    pub(super) session_name: Option<String>,
}

/// Why nobody can sign requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A profile leads back to itself.
    #[error("profile `{0}` is assumed with itself, by way of other profiles")]
    Circle(String),
    /// The environment has no key.
    #[error(
        "the environment has no AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY were expected"
    )]
    NoEnvironment,
    /// There is no such profile.
    #[error("there are no credentials of the name `{0}`")]
    NoSuch(String),
    /// A key that is no text cannot be sent.
    #[error("the secret of the key, or its token, is no text")]
    NoText,
}

impl Identity {
    /// The one of this name in a text, with the others that it is assumed with.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn of(reading: &Reading<AwsCredential>, name: &str) -> Result<Self, IdentityError> {
        let mut roles = Vec::new();
        let mut region = None;
        let mut seen = BTreeSet::new();
        let mut at = name.to_owned();
        let base = loop {
            if !seen.insert(at.clone()) {
                return Err(IdentityError::Circle(at));
            }
            let credential = reading.named(&at);
            let credential = credential.ok_or(IdentityError::NoSuch(at))?;
            region = region.or_else(|| credential.region.clone());
            match step(credential, &mut roles)? {
                Step::Base(base) => break base,
                Step::Profile(profile) => at = profile,
            }
        };
        roles.reverse();
        Ok(Self {
            base,
            region,
            roles,
        })
    }

    /// What the environment of the process has.
    ///
    /// # Errors
    /// [`IdentityError::NoEnvironment`].
    pub fn environment() -> Result<Self, IdentityError> {
        let reading = environment();
        let found = reading.found.first().ok_or(IdentityError::NoEnvironment)?;
        Self::of(&reading, &found.name)
    }

    /// What the metadata service gives to this machine.
    pub fn instance_profile() -> Self {
        Self {
            base: Base::InstanceProfile,
            region: None,
            roles: Vec::new(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.arn.as_str()).collect();
        f.debug_struct("Identity")
            .field("roles", &roles)
            .finish_non_exhaustive()
    }
}

enum Step {
    Base(Base),
    Profile(String),
}

fn step(credential: &AwsCredential, roles: &mut Vec<Role>) -> Result<Step, IdentityError> {
    match &credential.source {
        AwsSecretSource::InstanceProfile => Ok(Step::Base(Base::InstanceProfile)),
        AwsSecretSource::Keys(key) => Ok(Step::Base(Base::Key(credentials(key)?))),
        AwsSecretSource::Role {
            arn,
            base,
            duration_seconds,
            external_id,
            mfa_serial,
            session_name,
        } => {
            roles.push(Role {
                arn: arn.clone(),
                duration_seconds: *duration_seconds,
                external_id: external_id.clone(),
                mfa_serial: mfa_serial.clone(),
                session_name: session_name.clone(),
            });
            base_of(base)
        }
    }
}

fn base_of(base: &RoleBase) -> Result<Step, IdentityError> {
    Ok(match base {
        RoleBase::Environment => Step::Base(Identity::environment()?.base),
        RoleBase::InstanceProfile => Step::Base(Base::InstanceProfile),
        RoleBase::Keys(key) => Step::Base(Base::Key(credentials(key)?)),
        RoleBase::Profile(name) => Step::Profile(name.clone()),
    })
}

fn environment() -> Reading<AwsCredential> {
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"))
        .collect();
    let borrowed = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    aws_environment(borrowed)
}

/// The SDK overwrites its copy when it is dropped, as we do with ours.
fn credentials(key: &AccessKey) -> Result<Credentials, IdentityError> {
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(|_| IdentityError::NoText)?;
        Ok(text.to_owned())
    };
    let token = key.session_token.as_ref();
    let token = token.map(|token| text(token.expose())).transpose()?;
    let secret = text(key.secret.expose())?;
    let expires = key.expires.map(system_time);
    Ok(Credentials::new(&*key.id, secret, token, expires, "text"))
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + at.since(Timestamp::from_seconds(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::aws;

    const CHAIN: &str = "
[default]
aws_access_key_id=AKIAQWERTYUIOPASDFGH
aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
region=eu-west-1

[profile first]
role_arn=arn:aws:iam::111111111111:role/first
source_profile=default
external_id=told

[profile second]
role_arn=arn:aws:iam::222222222222:role/second
source_profile=first

[profile one]
role_arn=arn:aws:iam::222222222222:role/one
source_profile=two

[profile two]
role_arn=arn:aws:iam::222222222222:role/two
source_profile=one
";

    #[test]
    fn a_role_is_assumed_with_those_before_it_in_their_order() {
        let identity = Identity::of(&aws(CHAIN.as_bytes()), "second").unwrap();
        let roles: Vec<&str> = identity.roles.iter().map(|role| &*role.arn).collect();
        let expected = [
            "arn:aws:iam::111111111111:role/first",
            "arn:aws:iam::222222222222:role/second",
        ];
        assert_eq!(roles, expected);
        assert_eq!(identity.roles[0].external_id.as_deref(), Some("told"));
        assert_eq!(identity.region.as_deref(), Some("eu-west-1"));
        assert!(matches!(identity.base, Base::Key(_)));
    }

    #[test]
    fn what_leads_nowhere_is_told_and_does_not_go_round() {
        let reading = aws(CHAIN.as_bytes());
        let error = |name| Identity::of(&reading, name).unwrap_err();
        assert_eq!(error("one"), IdentityError::Circle("one".to_owned()));
        assert_eq!(error("nobody"), IdentityError::NoSuch("nobody".to_owned()));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let identity = Identity::of(&aws(CHAIN.as_bytes()), "first").unwrap();
        let shown = format!("{identity:?}");
        assert!(shown.contains("role/first"), "{shown}");
        for secret in ["wJalr", "told"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
