//! The commands for people who sign in.

use clap::Subcommand;

/// What can be done with people who sign in.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum PersonCommand {
    /// Add a person; their password and the key of their codes are shown once.
    Add {
        /// Their name, unique among people.
        name: String,
        /// What they are: viewer, operator, auditor, admin; can be given several times.
        #[arg(long, required = true, value_name = "ROLE")]
        role: Vec<String>,
    },
    /// List people.
    List,
    /// Switch a person off, end their sessions, and revoke the tokens that they made.
    Disable {
        /// Their name or id.
        person: String,
    },
    /// Give a person another password and another key for their codes, and end their sessions.
    Reset {
        /// Their name or id.
        person: String,
    },
}
