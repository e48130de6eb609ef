//! What is asked of an authority, and why it says no.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use certlocker_core::{HostId, SshKey};
use ipnet::IpNet;

use super::lint::{Lint, RootLogin};

/// A certificate that somebody wants.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct CertificateRequest {
    /// What it lets its holder do besides running commands.
    pub extensions: BTreeSet<Extension>,
    /// The only command that may be run.
    pub force_command: Option<String>,
    /// The host.
    pub host: HostId,
    /// The public key.
    pub key: SshKey,
    /// The account.
    pub login: String,
    /// Whether that may be root.
    pub root: RootLogin,
    /// Where it may be used from; anywhere if none is named.
    pub source_addresses: BTreeSet<IpNet>,
    /// How long it is valid.
    pub ttl: Duration,
}

/// What a certificate lets its holder do besides running commands
/// ([PROTOCOL.certkeys](https://github.com/openssh/openssh-portable/blob/V_9_2/PROTOCOL.certkeys)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Extension {
    /// Forward the agent.
    AgentForwarding,
    /// Forward ports.
    PortForwarding,
    /// Have a terminal.
    Pty,
    /// Have `~/.ssh/rc` run.
    UserRc,
    /// Forward X11.
    X11Forwarding,
}

impl Extension {
    /// Every extension.
    pub const ALL: [Self; 5] = [
        Self::AgentForwarding,
        Self::PortForwarding,
        Self::Pty,
        Self::UserRc,
        Self::X11Forwarding,
    ];

    /// Its name in a certificate.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AgentForwarding => "permit-agent-forwarding",
            Self::PortForwarding => "permit-port-forwarding",
            Self::Pty => "permit-pty",
            Self::UserRc => "permit-user-rc",
            Self::X11Forwarding => "permit-X11-forwarding",
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl CertificateRequest {
    /// The account as a record has it: printable, cut short.
    pub(super) fn shown_login(&self) -> String {
        const LONGEST: usize = 64;
        let shown = self.login.chars().take(LONGEST);
        shown.flat_map(char::escape_debug).collect()
    }
}

/// Why no certificate is signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The host is not there.
    #[error("the host is not under management any more")]
    Gone,
    /// A certificate would not be one to give away.
    #[error(transparent)]
    Lint(#[from] Lint),
    /// The key may not use the host.
    #[error("no entry lets this key use the host")]
    NoEntry,
    /// The key may use other accounts.
    #[error("this key may use the host as {}, and not as the account that was asked for", .0.join(", "))]
    OtherLogins(Vec<String>),
    /// The key may use the host, and nobody knows as what.
    #[error("this key may use the host, but neither the entry nor the host says as which account")]
    UnknownLogin,
}
