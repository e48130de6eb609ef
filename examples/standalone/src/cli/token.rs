//! The commands for API tokens.

use clap::{Args, Subcommand};

/// What can be done with API tokens.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum TokenCommand {
    /// Make a token; its text is shown once.
    Create(NewTokenArguments),
    /// List tokens, oldest first.
    List,
    /// Show a token, and who made it.
    Show {
        /// Its id.
        token: String,
    },
    /// Revoke a token and every token below it.
    Revoke {
        /// Its id.
        token: String,
    },
    /// Give a token another secret; the one before counts no longer, and tokens below it stay.
    Rotate {
        /// Its id; without it, the token in the file of --token-file or the data directory, which then
        /// gets the new one.
        token: Option<String>,
        /// How long it counts from now on, such as 30d, or until when, in RFC 3339; no sooner than
        /// before.
        #[arg(long, value_name = "SPAN")]
        expires: Option<String>,
    },
}

/// What a token is made with.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct NewTokenArguments {
    /// What it may do: admin, audit:export, audit:read, certificate:read, host:certify, host:read,
    /// host:write, import:write, order:create=NAMES (dns:NAME, dns:*.NAME, ip:CIDR), probe:run, token:create; can be
    /// given several times.
    #[arg(long, required = true, value_name = "SCOPE")]
    pub scope: Vec<String>,
    /// How long it counts, such as 30d, or until when, in RFC 3339.
    #[arg(long, value_name = "SPAN")]
    pub expires: String,
    /// What it is for, in a few words.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// From which networks it counts, in CIDR notation; can be given several times.
    #[arg(long, value_name = "CIDR")]
    pub network: Vec<String>,
    /// The id of the token above it, beyond which it cannot go, and with which it is revoked. Over a
    /// server there is always one: that of the command, if no other is named.
    #[arg(long, value_name = "TOKEN")]
    pub parent: Option<String>,
}
