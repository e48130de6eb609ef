//! The commands that make files of hosts, and certificates for those who may use them.

#[cfg(feature = "ssh-ca")]
use std::path::PathBuf;

use clap::Args;
#[cfg(feature = "ssh-ca")]
use clap::Subcommand;
use ipnet::IpNet;

use crate::inventory::export::{AddressPreference, ExportFormat};

/// Which hosts are exported, and how.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct ExportArguments {
    /// The form of the file.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Hosts of this group only.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// This host only, by id, name or instance id; with ansible-json, the variables of the host that has
    /// this name in the inventory, as Ansible asks for them.
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Hosts that are used as this account; with authorized-keys, its keys.
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
    /// As it was at this time, in RFC 3339; now if it is not said.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Taken with ansible-json, and does nothing: Ansible asks an inventory script so.
    #[arg(long, conflicts_with = "host")]
    pub list: bool,
    /// The port of SSH.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// The folder with the private keys, each in a file that is called as the key pair of its hosts.
    #[arg(long, value_name = "DIR")]
    pub identity_dir: Option<String>,
    /// Which address is used where a host has several.
    #[arg(long, value_enum, default_value_t)]
    pub address: AddressPreference,
    /// With authorized-keys: accept the keys from these addresses only; can be given several times.
    #[arg(long, value_name = "CIDR")]
    pub from: Vec<IpNet>,
}

/// What can be done with the authority for certificates of SSH.
#[cfg(feature = "ssh-ca")]
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum SshCaCommand {
    /// Make the authority; there is one.
    Create {
        /// The algorithm of its key.
        #[arg(long, value_enum, default_value_t)]
        algorithm: crate::inventory::ssh_ca::SshCaAlgorithm,
        /// What certificates are valid for: an account of one host, by its AuthorizedPrincipalsFile, or
        /// that account of every host.
        #[arg(long, value_name = "host|login", default_value_t = certlocker_core::SshPrincipals::Host)]
        principals: certlocker_core::SshPrincipals,
    },
    /// Print the public key, for the file of TrustedUserCAKeys.
    Show,
    /// Write the certificates whose holders lost access since, for RevokedKeys.
    Revoked {
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// A certificate of SSH that somebody wants.
#[cfg(feature = "ssh-ca")]
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct SshCertificateArguments {
    /// The host, by id, name or instance id.
    pub host: String,
    /// The account.
    #[arg(long, value_name = "USER")]
    pub login: String,
    /// The public key, as ssh-keygen writes it.
    #[arg(long, value_name = "FILE.pub")]
    pub key: PathBuf,
    /// How long it is valid.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub ttl: String,
    /// Where it may be used from; can be given several times.
    #[arg(long = "source-address", value_name = "CIDR")]
    pub source_addresses: Vec<IpNet>,
    /// The only command that it runs.
    #[arg(long, value_name = "COMMAND")]
    pub force_command: Option<String>,
    /// What it permits besides running commands, in place of a terminal; can be given several times.
    #[arg(long, value_enum, default_value = "pty")]
    pub permit: Vec<crate::inventory::ssh_ca::Permit>,
    /// Let it be for root.
    #[arg(long)]
    pub allow_root: bool,
}
