//! Why a configuration cannot be used.

use std::path::PathBuf;

use super::origin::Origin;
use super::value::Misfit;

/// Why a configuration cannot be used; Display is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two settings, each fine alone, do not go together.
    #[error("{key}: {reason} ({origin})")]
    Contradiction {
        /// The setting that has to change.
        key: String,
        /// What does not go together.
        reason: String,
        /// Where its value came from.
        origin: Origin,
    },
    /// A value does not parse.
    #[error("{key}: {misfit} ({origin})")]
    Misfit {
        /// The setting.
        key: String,
        /// What was expected and what was seen.
        misfit: Misfit,
        /// Where the value came from.
        origin: Origin,
    },
    /// An empty list of addresses.
    #[error("listen: expected at least one address for the gateway, got none")]
    NoListener,
    /// The text of an environment variable is not UTF-8.
    #[error("environment variable {0}: expected UTF-8 text, got other bytes")]
    NotText(String),
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        reason: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// A key of the file that no setting has.
    #[error("{}:{line}: unknown key `{key}`{}", path.display(), hint(nearest))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// The key.
        key: String,
        /// A key that looks like it.
        nearest: Option<String>,
    },
    /// A variable with our prefix that no setting has.
    #[error("unknown environment variable {name}{}", hint(nearest))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// A variable that looks like it.
        nearest: Option<String>,
    },
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(known) => format!("; did you mean `{known}`?"),
        None => "; `certlocker config example` lists all that exist".to_owned(),
    }
}

/// The known name that an unknown one was probably meant to be.
pub(super) fn nearest(unknown: &str, known: impl Iterator<Item = String>) -> Option<String> {
    const ALIKE: f64 = 0.6;
    known
        .map(|name| (strsim::normalized_damerau_levenshtein(unknown, &name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}
