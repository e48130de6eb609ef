//! OpenStack credentials from clouds.yaml, openrc files, the environment and forms.

mod build;
mod clouds;
mod rc;
mod settings;

use std::fmt;

use certlocker_core::Secret;

use super::{NoteKind, Reading};
pub use clouds::{OpenStackFiles, openstack_clouds};
pub use rc::openstack_rc;
use settings::Settings;

/// One way to be somebody at an OpenStack cloud.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "where, who, for what")]
pub struct OpenStackCredential {
    /// What proves who it is.
    pub auth: OpenStackAuth,
    /// The URL of Keystone.
    pub auth_url: String,
    /// Which of a service's endpoints are used.
    pub interface: Interface,
    /// The regions to look into; none is whatever the catalog names first.
    pub regions: Vec<Region>,
    /// What the token is for.
    pub scope: OpenStackScope,
    /// Whose certificates are trusted.
    pub trust: Trust,
}

/// What proves who somebody is to Keystone.
#[non_exhaustive]
pub enum OpenStackAuth {
    /// An application credential, which is for one project and is sent without a scope.
    ApplicationCredential {
        /// Which.
        credential: ApplicationCredential,
        /// What proves it.
        secret: Secret,
    },
    /// A user and a password.
    Password {
        /// None has to be asked for: the file asks, too.
        password: Option<Secret>,
        /// Who.
        user: User,
    },
    /// A token that somebody else got.
    Token(Secret),
}

impl fmt::Debug for OpenStackAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApplicationCredential { credential, .. } => {
                write!(f, "ApplicationCredential({credential:?})")
            }
            Self::Password { user, .. } => write!(f, "Password({user:?})"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// How an application credential is named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "Keystone knows these two")]
pub enum ApplicationCredential {
    /// By its id.
    Id(String),
    /// By its name among those of a user.
    Named {
        /// The name.
        name: String,
        /// Whose it is.
        user: User,
    },
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "Keystone knows these two")]
pub enum User {
    /// By id.
    Id(String),
    /// By name within a domain.
    Named {
        /// The domain.
        domain: Named,
        /// The name.
        name: String,
    },
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "Keystone knows these two")]
pub enum Project {
    /// By id.
    Id(String),
    /// By name within a domain.
    Named {
        /// The domain.
        domain: Named,
        /// The name.
        name: String,
    },
}

/// Something that has an id and a name, by one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "Keystone knows these two")]
pub enum Named {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenStackScope {
    /// What Keystone or the credential itself says.
    Default,
    /// A domain.
    Domain(Named),
    /// A project.
    Project(Project),
    /// The whole system.
    System,
}

/// Which of a service's endpoints are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the catalog knows these three")]
pub enum Interface {
    /// Those for administrators.
    Admin,
    /// Those inside of the cloud.
    Internal,
    /// Those for everybody.
    Public,
}

/// A region to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "a name, and perhaps its Keystone"
)]
pub struct Region {
    /// The URL of its own Keystone.
    pub auth_url: Option<String>,
    /// Its name, upper and lower case as it is.
    pub name: String,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "some, others, or anybody's")]
pub enum Trust {
    /// Anybody's: whoever is between here and the cloud can read the credentials.
    Anybody,
    /// Those under these roots, in PEM.
    Roots(String),
    /// Those under the roots of the system.
    System,
}

/// Reads the fields of a form, named as in clouds.yaml (`auth_url`, `username`, `password`, …).
pub fn openstack_form<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Reading<OpenStackCredential> {
    let mut settings = Settings::default();
    let mut reading = Reading::new();
    for (name, value) in fields {
        settings.set(0, name, value, &mut reading);
    }
    build::credential("form", "form fields", 0, settings, &mut reading);
    reading
}

/// Reads environment variables (`OS_…`), given as name and value.
pub fn openstack_environment<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Reading<OpenStackCredential> {
    let mut settings = Settings::default();
    let mut reading = Reading::new();
    for (name, value) in variables {
        if let Some(name) = name.strip_prefix("OS_") {
            settings.set(0, name, value, &mut reading);
        }
    }
    build::credential(
        "environment",
        "environment variables",
        0,
        settings,
        &mut reading,
    );
    reading
}

/// What there is to say when a text holds nothing at all.
fn nothing(reading: &mut Reading<OpenStackCredential>) {
    if reading.found.is_empty() && !reading.has_problems() {
        let text = "there are no OpenStack credentials in the text";
        reading.note(0, NoteKind::Problem, text);
    }
}
