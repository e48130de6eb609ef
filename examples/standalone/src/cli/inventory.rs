//! The commands for what the server keeps.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be done with scoped clients.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum ClientCommand {
    /// Make a client; its credential is shown once.
    Create(NewClientArguments),
    /// List clients.
    List,
    /// Show a client.
    Show {
        /// Its name or key identifier.
        client: String,
    },
    /// Switch a client off: no new account, no new order.
    Disable {
        /// Its name or key identifier.
        client: String,
    },
}

/// What a client is made with.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct NewClientArguments {
    /// A name for people, unique.
    pub name: String,
    /// What it may order: dns:NAME, dns:*.NAME (any name below), ip:CIDR; can be given several times.
    #[arg(long, required = true, value_name = "SCOPE")]
    pub allow: Vec<String>,
    /// A challenge type that counts as proof; all do if none is given.
    #[arg(long, value_name = "TYPE")]
    pub challenge: Vec<String>,
    /// Until when it may order, in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// How many orders it may place in any 24 hours.
    #[arg(long, value_name = "N")]
    pub orders_per_day: Option<u32>,
    /// A profile it may ask for.
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
    /// A known mistake it may make: padded-csr, polled-finalize, short-signature.
    #[arg(long, value_name = "NAME")]
    pub quirk: Vec<String>,
    /// Let an earlier proof count for a new order.
    #[arg(long)]
    pub reuse_proofs: bool,
    /// Let its credential register one account only.
    #[arg(long)]
    pub single_use: bool,
}

/// What can be done with orders.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum OrderCommand {
    /// List orders, newest first.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show an order with its stages, identifiers and history.
    Show {
        /// Its id or URL.
        order: String,
    },
    /// Say in one sentence where an order stands, why, and who must act next.
    Explain {
        /// Its id or URL.
        order: String,
    },
}

/// What can be done with certificates.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum CertificateCommand {
    /// List certificates, newest first.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show a certificate.
    Show {
        /// Its id or serial number.
        certificate: String,
    },
}

/// Where a backup goes.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct BackupCommand {
    /// A directory, which is made for it.
    pub to: PathBuf,
}

/// Where a backup comes from.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct RestoreCommand {
    /// The directory of the backup.
    pub from: PathBuf,
    /// Only show that it can be restored; nothing is changed.
    #[arg(long)]
    pub drill: bool,
}
