//! The commands for hosts, and for bringing them in.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
    #[arg(long = "file", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The account or project, if the recording does not say it.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The region, if the recording does not say it.
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// A private key to be matched with key pairs; it is not kept. Can be given several times.
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
    /// Say who may use a host, or could at a time, and what made it so.
    Access {
        /// Its id, name, or instance id.
        host: String,
        /// The time, in RFC 3339; now if it is not said.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
}
