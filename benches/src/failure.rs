//! What can go wrong between a client and a server.

/// Why a step of an order did not work.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No connection, or it broke.
    #[error("connection: {0}")]
    Connection(String),
    /// The server refused, with a problem document.
    #[error("{status} {kind}: {detail}")]
    Problem {
        /// The sentence for the reader.
        detail: String,
        /// The problem type without its prefix.
        kind: String,
        /// The HTTP status.
        status: u16,
    },
    /// No answer in time.
    #[error("no answer within the time for one")]
    Timeout,
    /// The server answered something that does not fit.
    #[error("unexpected: {0}")]
    Unexpected(String),
}

impl Failure {
    /// From whatever broke a connection.
    pub fn connection(error: &dyn std::fmt::Display) -> Self {
        Self::Connection(error.to_string())
    }

    /// Its kind, to be counted by.
    pub fn kind(&self) -> &str {
        match self {
            Self::Connection(_) => "connection",
            Self::Problem { kind, .. } => kind,
            Self::Timeout => "timeout",
            Self::Unexpected(_) => "unexpected",
        }
    }

    /// Whether the server refused for this reason.
    pub fn is_problem(&self, wanted: &str) -> bool {
        matches!(self, Self::Problem { kind, .. } if kind == wanted)
    }
}
