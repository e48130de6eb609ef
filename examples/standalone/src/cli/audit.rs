//! The commands for the record of what happened.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be done with the record of what happened.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum AuditCommand {
    /// Tell what changed who may use a host, newest first: the line of which plan, who applied it, and
    /// who made their token.
    Access(AccessFilter),
    /// Print the newest signed checkpoint, to be kept elsewhere as an anchor.
    Checkpoint,
    /// List records, newest first.
    List(RecordFilter),
    /// Show which entries of the log the policy of retention, audit-retention, allows to be removed;
    /// and remove them with --apply. The records stay in the database.
    Prune(PruneArguments),
    /// Print the proof that a record is in the log, to be checked without it.
    Receipt {
        /// The number of the record.
        record: u64,
    },
    /// Tell what happened during a renewal, from what set it off to what came of it.
    Renewal {
        /// What it is known by: certificate or order.
        kind: String,
        /// Its id; of a certificate also the serial number, of an order also the URL.
        id: String,
    },
    /// Check that nobody changed, removed or added a record; the answer is no if somebody did.
    Verify(VerifyArguments),
    /// Say why something is there, back to what set it off.
    Why {
        /// What it is: certificate, order, account, client, token, person, authority or
        /// secret.
        kind: String,
        /// Its id; of a certificate also the serial number, of an order also the URL.
        id: String,
    },
}

/// Which changes are told.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct AccessFilter {
    /// The host's id, name, or instance id.
    pub host: String,
    /// With this key only, by its fingerprint.
    #[arg(long, value_name = "SHA256:BASE64")]
    pub key: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// To this account of the host only.
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
}

/// Which records are listed.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct RecordFilter {
    /// By this actor, such as command:root, token:ID, person:ID, account:ID, server:validator.
    #[arg(long, value_name = "KIND:NAME")]
    pub actor: Option<String>,
    /// Of this kind, by name or code, such as certificate.stored or CLA070I.
    #[arg(long, value_name = "NAME")]
    pub action: Option<String>,
    /// About this, such as order:ID or client:ID.
    #[arg(long, value_name = "KIND:ID")]
    pub about: Option<String>,
    /// At this time or later, in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time, in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// After the record with this number, the last one of the page before.
    #[arg(long, value_name = "RECORD")]
    pub cursor: Option<u64>,
    /// The oldest first.
    #[arg(long)]
    pub oldest_first: bool,
}

/// Which entries are removed.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct PruneArguments {
    /// Those written before this time, in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub before: String,
    /// Remove them, if the first one that stays is still the one that was shown.
    #[arg(long, value_name = "INDEX")]
    pub apply: Option<u64>,
}

/// What is checked, against what.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct VerifyArguments {
    /// A checkpoint that was kept elsewhere; the log has to have it in it. Can be given several times.
    #[arg(long, value_name = "FILE")]
    pub anchor: Vec<PathBuf>,
    /// The log's verifier key, or a file with it, from where you trust it; otherwise that of the
    /// data directory.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Check the files of a log in this directory, and no database.
    #[arg(long, value_name = "DIR")]
    pub tiles: Option<PathBuf>,
    /// A policy of witnesses that the checkpoint has to satisfy.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Entries below this index may have been removed.
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    pub minimum: u64,
}
