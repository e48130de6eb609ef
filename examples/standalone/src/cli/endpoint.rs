//! The commands for where certificates should be served.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

/// What can be done with endpoints.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum EndpointCommand {
    /// Add an endpoint, or change the one at the same place; the server looks at it from then on.
    Add(NewEndpointArguments),
    /// Show which endpoints follow from current certificates and hosts and are not there; with --apply,
    /// add them.
    Derive {
        /// The fingerprint of the plan that was read; another one is not applied.
        #[arg(long, value_name = "FINGERPRINT")]
        apply: Option<String>,
    },
    /// List endpoints, oldest first.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 500)]
        limit: usize,
    },
    /// Show an endpoint, with what was last seen there.
    Show {
        /// Its id, or HOST:PORT.
        endpoint: String,
    },
    /// Remove an endpoint; its history stays.
    Remove {
        /// Its id, or HOST:PORT.
        endpoint: String,
    },
}

/// What an endpoint is made with.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct NewEndpointArguments {
    /// HOST, HOST:PORT or PROTOCOL://HOST:PORT.
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Go to this address instead of those that the host has; can be given several times.
    #[arg(long, value_name = "ADDR:PORT")]
    pub connect_to: Vec<SocketAddr>,
    /// SHA-256 of the certificate in the file that the server reads: tells what was not deployed from what
    /// was not reloaded. Say it anew with each deployment, by adding the endpoint again.
    #[arg(long, value_name = "SHA256")]
    pub disk: Option<String>,
    /// The certificate whose successors should be there, by id or serial number, or an order; without it,
    /// the newest that names the host.
    #[arg(long, value_name = "CERTIFICATE")]
    pub expect: Option<String>,
    /// How long after a rotation the previous certificate is only waited for to go, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub grace: u64,
    /// How long between two looks while all is as expected, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = crate::inventory::USUAL_INTERVAL)]
    pub interval: u64,
    /// What the server is told, where the target is an address.
    #[arg(long, value_name = "HOST")]
    pub name: Option<String>,
    /// What is spoken before TLS; without it, what is usual on the port.
    #[arg(long, value_name = "PROTOCOL")]
    pub protocol: Option<String>,
    /// Look, besides, at what is shown to a client that names no host.
    #[arg(long)]
    pub without_name: bool,
}
