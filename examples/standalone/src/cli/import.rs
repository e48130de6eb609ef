//! The commands for hosts, and for bringing them in.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ExportArguments;
#[cfg(feature = "ssh-ca")]
use super::{SshCaCommand, SshCertificateArguments};

/// What can be done to bring hosts in: plan, look, change, apply.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum ImportCommand {
    /// Work out what importing recorded machines would do, and keep that as a plan.
    Plan(PlanArguments),
    /// List plans.
    List,
    /// Show a plan, line by line.
    Show {
        /// Its id.
        plan: String,
        /// Show lines that do nothing, too.
        #[arg(long)]
        all: bool,
    },
    /// Change a line of a plan.
    Edit(EditArguments),
    /// Do what a plan says, or go on with it; refused if hosts have changed since it was made.
    Apply {
        /// Its id.
        plan: String,
    },
    /// Make a plan that takes another back.
    Undo {
        /// The id of the plan that was applied.
        plan: String,
    },
    /// Keep credentials of clouds and private keys of hosts, sealed.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Say what a file of credentials holds, and what of it is ignored; nothing is kept or shown.
    Credentials {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// What it is of; aws if it is not said.
        #[arg(long, value_enum, default_value_t = CredentialKind::Aws)]
        kind: CredentialKind,
        /// secure.yaml, beside clouds.yaml.
        #[arg(long, value_name = "FILE")]
        secure: Option<PathBuf>,
    },
}

/// What can be done with credentials.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum CredentialCommand {
    /// Keep one: what is secret of it is sealed, and shown to nobody any more.
    Add(NewCredentialArguments),
    /// List them.
    List,
    /// Remove one, with what is sealed of it.
    Remove {
        /// Its name.
        name: String,
    },
}

/// What is kept.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct NewCredentialArguments {
    /// Its name.
    pub name: String,
    /// The text; `-` is standard input. The environments need none.
    pub file: Option<PathBuf>,
    /// What it is of; aws if it is not said.
    #[arg(long, value_enum, default_value_t = KeptKind::Aws)]
    pub kind: KeptKind,
    /// Which identity of the text, if there are several: a profile, a cloud.
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
    /// secure.yaml, beside clouds.yaml.
    #[arg(long, value_name = "FILE")]
    pub secure: Option<PathBuf>,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum KeptKind {
    /// AWS, in any form.
    Aws,
    /// What the environment of the server says of AWS.
    AwsEnvironment,
    /// clouds.yaml of OpenStack.
    Clouds,
    /// An openrc file of OpenStack.
    Openrc,
    /// What the environment of the server says of OpenStack.
    OpenstackEnvironment,
    /// A private key.
    Key,
}

impl KeptKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsEnvironment => "aws-environment",
            Self::Clouds => "clouds",
            Self::Openrc => "openrc",
            Self::OpenstackEnvironment => "openstack-environment",
            Self::Key => "key",
        }
    }
}

/// What credentials are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum CredentialKind {
    /// AWS, in any form.
    Aws,
    /// clouds.yaml of OpenStack.
    Clouds,
    /// An openrc file of OpenStack.
    Openrc,
}

/// What a plan is made from.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct PlanArguments {
    /// A recording: JSON of `aws ec2 describe-instances`, `describe-images`, `describe-key-pairs`, or
    /// of `openstack server list --long`, `keypair list`; can be given several times.
    #[arg(long = "file", required_unless_present = "from", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The name of a kept credential, whose cloud is asked, in place of recordings.
    #[arg(long, conflicts_with_all = ["files", "account"], value_name = "NAME")]
    pub from: Option<String>,
    /// Where the cloud is asked, if it is not where everybody asks it.
    #[arg(long, requires = "from", value_name = "URL")]
    pub endpoint: Option<String>,
    /// The machines of every project, where the credential allows it.
    #[arg(long, requires = "from")]
    pub all_projects: bool,
    /// The account or project, if the recording does not say it.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The region, if the recording does not say it; or a region of the cloud that is asked, which can
    /// be given several times.
    #[arg(long, value_name = "NAME")]
    pub region: Vec<String>,
    /// A private key to be matched with key pairs, besides those that are kept; this one is not. Can
    /// be given several times.
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// A rule for groups: `GROUP [if FIELD = PATTERN]`, as in `{tag:env} if region = eu-*`; can be
    /// given several times.
    #[arg(long = "group", value_name = "RULE")]
    pub groups: Vec<String>,
    /// The account of a group's hosts, as GROUP=USER; can be given several times.
    #[arg(long = "login", value_name = "GROUP=USER")]
    pub logins: Vec<String>,
}

/// How a line is changed.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct EditArguments {
    /// The id of the plan.
    pub plan: String,
    /// The number of the line.
    pub line: u32,
    /// What becomes of it.
    #[command(flatten)]
    pub edit: EditChoice,
}

/// What becomes of a line; one of them.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
#[non_exhaustive]
pub struct EditChoice {
    /// Do it.
    #[arg(long)]
    pub select: bool,
    /// Do not do it.
    #[arg(long)]
    pub deselect: bool,
    /// Answer a question: it is a new host.
    #[arg(long)]
    pub new: bool,
    /// Answer a question: it is this host.
    #[arg(long, value_name = "HOST")]
    pub same: Option<String>,
    /// Give the host this name.
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// Use this account on it.
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
    /// Let it join these groups, separated by commas, and no others.
    #[arg(long, value_name = "GROUPS")]
    pub groups: Option<String>,
    /// Use it with this key, which is kept.
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// Use it without the key that is proposed.
    #[arg(long)]
    pub no_key: bool,
}

/// What can be asked about hosts.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum HostCommand {
    /// List hosts.
    List,
    /// Let somebody use a host.
    Grant(GrantArguments),
    /// End what lets somebody use hosts.
    Revoke {
        /// The id of the entry.
        access: String,
    },
    /// Say who may use a host, or could at a time, and what made it so.
    Access {
        /// Its id, name, or instance id.
        host: String,
        /// The time, in RFC 3339; now if it is not said.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Print hosts as an inventory of Ansible, as ssh_config, or the keys of an account as authorized_keys.
    Export(ExportArguments),
    /// Make and look at the authority that signs certificates of SSH.
    #[cfg(feature = "ssh-ca")]
    #[command(subcommand)]
    SshCa(SshCaCommand),
    /// Sign a short-lived certificate of SSH for a key that may use an account of a host.
    #[cfg(feature = "ssh-ca")]
    SshCertificate(SshCertificateArguments),
}

/// Who is to use a host.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct GrantArguments {
    /// The host: its id, name, or instance id.
    pub host: String,
    /// Who.
    #[arg(long, value_name = "NAME")]
    pub who: String,
    /// The public key.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The account; that of the host if it is not said.
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
    /// Until when, in RFC 3339; without an end if it is not said.
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
}
