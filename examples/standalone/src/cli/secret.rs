//! The commands for sealed secrets.

use clap::Subcommand;

/// What can be done with sealed secrets; none of it shows one.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum SecretCommand {
    /// List secrets with their purpose, version and key, and the keys with what they wrap.
    List,
    /// Wrap every secret under a new key, beside running servers; again, if it was interrupted.
    ///
    /// A key in a file is renewed first, unless an earlier rotation is unfinished: then that is
    /// finished. A key from elsewhere is changed in the configuration, the one before being named
    /// as a retired key; this wraps everything under the one that is configured.
    Rotate {
        /// Make no new key; finish what is unfinished.
        #[arg(long)]
        finish: bool,
    },
}
