//! AWS credentials from any text that people paste.
//!
//! Forms: the files of the command line and the SDKs, shell, PowerShell and cmd, the console's CSV,
//! JSON of STS, IAM, instance metadata and `credential_process`, and bare pairs.

mod assemble;
mod check;
mod lines;
mod setting;
mod structured;
mod table;

use std::fmt;

use certlocker_core::{Secret, Timestamp};

use super::text::Text;
use super::{Found, NoteKind, Reading};
use assemble::Assembler;

/// One way to be somebody at AWS.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "who, and where by default")]
pub struct AwsCredential {
    /// The region that the text names.
    pub region: Option<String>,
    /// What proves who it is.
    pub source: AwsSecretSource,
}

/// What a request is signed with, or how that is obtained.
#[derive(Debug)]
#[non_exhaustive]
pub enum AwsSecretSource {
    /// What the metadata service hands out to the machine that asks.
    InstanceProfile,
    /// A key.
    Keys(AccessKey),
    /// A role that is assumed with another identity.
    Role {
        /// The role.
        arn: String,
        /// Who assumes it.
        base: RoleBase,
        /// For how many seconds.
        duration_seconds: Option<u32>,
        /// What the other account expects to be told.
        external_id: Option<String>,
        /// The device whose code has to be asked for.
        mfa_serial: Option<String>,
        /// The name of the session.
        session_name: Option<String>,
    },
}

/// Who assumes a role.
#[derive(Debug)]
#[non_exhaustive]
pub enum RoleBase {
    /// The environment of the process.
    Environment,
    /// The metadata service of the machine or container.
    InstanceProfile,
    /// A key of the same profile.
    Keys(AccessKey),
    /// Another identity of the same text, by its name.
    Profile(String),
}

/// An access key, long-lived or temporary.
#[allow(clippy::exhaustive_structs, reason = "AWS fixes its parts")]
pub struct AccessKey {
    /// The identifier, which is no secret.
    pub id: String,
    /// Until when a temporary key works, if the text says it.
    pub expires: Option<Timestamp>,
    /// What signs.
    pub secret: Secret,
    /// What a temporary key is sent with.
    pub session_token: Option<Secret>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Reads AWS credentials from a text in any of the forms above.
pub fn aws(bytes: &[u8]) -> Reading<AwsCredential> {
    let text = Text::decode(bytes);
    let mut assembler = Assembler::default();
    if structured::is_json(&text.text) {
        structured::read(&text.text, &mut assembler);
    } else if table::is_table(&text.text) {
        table::read(&text.text, &mut assembler);
    } else {
        lines::read(&text, &mut assembler);
    }
    let mut reading = assembler.finish();
    reading.notes.extend(text.notes);
    if reading.found.is_empty() && !reading.has_problems() {
        reading.note(
            0,
            NoteKind::Problem,
            "there are no AWS credentials in the text",
        );
    }
    reading.in_order()
}

/// The identity that the metadata service gives to this machine, which no text has.
pub fn aws_instance_profile() -> Reading<AwsCredential> {
    let mut reading = Reading::new();
    reading.found.push(Found {
        line: 0,
        name: "instance-profile".to_owned(),
        read_as: "instance profile",
        value: AwsCredential {
            region: None,
            source: AwsSecretSource::InstanceProfile,
        },
    });
    reading
}

/// Reads AWS credentials from environment variables, given as name and value.
pub fn aws_environment<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Reading<AwsCredential> {
    let mut assembler = Assembler::default();
    for (name, value) in variables {
        if let Some(setting) = name
            .starts_with("AWS_")
            .then(|| setting::Setting::named(name))
            .flatten()
        {
            assembler.set(0, setting, value);
        }
    }
    assembler.name_current("environment", "environment variables");
    assembler.finish()
}
