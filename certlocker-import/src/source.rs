//! Where machines are found, page by page.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "openstack")]
pub mod openstack;
mod progress;
mod recorded;
mod text;

use async_trait::async_trait;

use crate::found::{FoundHost, Scope};
use crate::keys::KeyPair;

pub use progress::{Progress, discover};
pub use recorded::{Defaults, Recorded, RecordedError, RecordedKind, Recording};

/// A cloud, or a recording of one.
///
/// # Contract
/// - Pages of a part, read one after the other, name every machine that was there all the while.
///   A page may be short or empty and still not be the last.
/// - A [`Cursor`] is for the part that it came from, and may be used again, later and by another
///   process, as long as the cloud honours it.
/// - What cannot be seen is an error and never an empty page.
#[async_trait]
pub trait Source: Send + Sync {
    /// The parts that there are.
    ///
    /// # Errors
    /// [`SourceError`] when not even these can be found out.
    async fn scopes(&self) -> Result<Vec<Scope>, SourceError>;

    /// The key pairs of a part.
    ///
    /// # Errors
    /// [`SourceError`]; the machines of the part may be seen all the same.
    async fn key_pairs(&self, scope: &Scope) -> Result<Vec<KeyPair>, SourceError>;

    /// The page of a part after a cursor, or the first.
    ///
    /// # Errors
    /// [`SourceError`]; the cursor stays good unless the error says that it is not.
    async fn page(&self, scope: &Scope, after: Option<&Cursor>) -> Result<FoundPage, SourceError>;
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor as the cloud wrote it.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// As the cloud wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of what is found.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "built by every source")]
pub struct FoundPage {
    /// The machines.
    pub hosts: Vec<FoundHost>,
    /// Whether only some of the machines were asked for: what is missing then means nothing.
    pub is_selection: bool,
    /// What else could not be seen of them, and why.
    pub lacking: Vec<String>,
    /// Where the next page begins, unless this is the last.
    pub next: Option<Cursor>,
}

/// Why something could not be seen, by what the reader can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nobody wants to know any more.
    #[error("broken off by the one who asked")]
    Cancelled,
    /// The clock here and that of the cloud differ too much.
    #[error("the cloud refuses the time of the request: set the clock of this machine right ({0})")]
    ClockSkew(String),
    /// The cloud does not honour the cursor any more; the part has to be read from its beginning.
    #[error("the cloud no longer knows where the last page ended: the next look begins anew")]
    CursorLost,
    /// The credentials are right and not enough.
    #[error("the credentials lack a permission: {0}")]
    Denied(String),
    /// The region is not switched on for the account.
    #[error("the region is not enabled for the account")]
    Disabled,
    /// The credentials were right once.
    #[error("the credentials have expired")]
    Expired,
    /// The recording or answer ends before its end.
    #[error("{0}")]
    Incomplete(String),
    /// Something else answers there than the region of the cloud that was asked for.
    #[error("{0}")]
    Misdirected(String),
    /// There is nothing to sign requests with.
    #[error("no credentials are to be had: {0}")]
    NoIdentity(String),
    /// The cloud answers that the question is wrong.
    #[error("the cloud refuses the request: {0}")]
    Refused(String),
    /// Too many requests.
    #[error("the cloud asks to be asked less often")]
    Throttled,
    /// Nobody answers.
    #[error("the cloud does not answer: {0}")]
    Unreachable(String),
    /// The credentials are wrong or revoked.
    #[error("the cloud does not accept the credentials: {0}")]
    Unauthorized(String),
}
