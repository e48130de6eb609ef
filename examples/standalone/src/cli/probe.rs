//! The commands for what endpoints serve.

use std::net::{IpAddr, SocketAddr};

use clap::{Args, Subcommand};

/// What can be done about endpoints.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum ProbeCommand {
    /// Look once, and end with 1 if something is not as expected.
    Run(ProbeRun),
    /// Look again and again at endpoints of the store, and say what becomes different.
    Watch(ProbeWatch),
    /// Say what is served at an endpoint of the store, against what, since when, why, and who must act.
    Explain {
        /// Its id, or HOST:PORT.
        endpoint: String,
    },
}

/// How long to look.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct ProbeWatch {
    /// Endpoints by id or HOST:PORT; all of the store without any.
    #[arg(value_name = "ENDPOINT")]
    pub endpoints: Vec<String>,
    /// End with 0 once all of them serve what is expected, with 1 if the time is up before.
    #[arg(long)]
    pub until_converged: bool,
    /// How long at most, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

/// Where to look, and how.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct ProbeRun {
    /// HOST, HOST:PORT or PROTOCOL://HOST:PORT, as in smtp://mail.example:587. Without any: every
    /// endpoint of the store, whose answers are kept; if it has none, every name of every current
    /// certificate, at port 443.
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Go to this address instead of those that a host has; can be given several times.
    #[arg(long, value_name = "ADDR:PORT")]
    pub connect_to: Vec<SocketAddr>,
    /// How long after a rotation the previous certificate is only waited for to go, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub grace: u64,
    /// At most so many connections at the same time.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub in_flight: usize,
    /// Look at each address with many connections at once, for workers that serve different certificates.
    #[arg(long)]
    pub sample: bool,
    /// A source address for connections; several are taken in turn.
    #[arg(long, value_name = "ADDR")]
    pub source: Vec<IpAddr>,
    /// Have every server prove that it has its key, also where the right certificate is seen.
    #[arg(long)]
    pub thorough: bool,
    /// Look, besides, at what is shown to a client that names no host.
    #[arg(long)]
    pub without_name: bool,
}
