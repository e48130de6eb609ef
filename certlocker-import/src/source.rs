//! Where machines are found, page by page.

mod recorded;

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::found::{Discovery, FoundHost, Scope};
use crate::keys::KeyPair;

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
    #[error("the cloud refuses the time of the request: set the clock of this machine right")]
    ClockSkew,
    /// The credentials are right and not enough.
    #[error("the credentials lack a permission: {0}")]
    Denied(String),
    /// The region is not switched on for the account.
    #[error("the region is not enabled for the account")]
    Disabled,
    /// The recording or answer ends before its end.
    #[error("{0}")]
    Incomplete(String),
    /// Too many requests.
    #[error("the cloud asks to be asked less often")]
    Throttled,
    /// Nobody answers.
    #[error("the cloud does not answer: {0}")]
    Unreachable(String),
    /// The credentials are wrong, revoked or expired.
    #[error("the cloud does not accept the credentials")]
    Unauthorized,
}

/// How far a discovery has come; kept, it goes on from there.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Where the next page of a part begins; none of a part that was not begun.
    cursors: BTreeMap<Scope, Cursor>,
    discovery: Discovery,
}

impl Progress {
    /// What was found so far.
    pub fn found(&self) -> &Discovery {
        &self.discovery
    }

    /// What was found. Parts that were not seen to their end count as failed.
    pub fn into_discovery(self) -> Discovery {
        self.discovery
    }
}

/// Reads parts of a source to their ends, as far as they can be seen: one that fails holds up no
/// other. `go_on` is asked before each page.
///
/// Called again with the same progress, it goes on with the parts that had failed, each from its last
/// good page.
///
/// # Errors
/// [`SourceError`] when not even the parts can be found out.
pub async fn discover(
    source: &dyn Source,
    progress: &mut Progress,
    go_on: &(dyn Fn(&Discovery) -> bool + Send + Sync),
) -> Result<(), SourceError> {
    let scopes = source.scopes().await?;
    for scope in scopes {
        if progress.discovery.complete.contains(&scope) {
            continue;
        }
        progress
            .discovery
            .failed
            .retain(|(failed, _)| *failed != scope);
        match part(source, &scope, progress, go_on).await {
            Ok(()) => progress.discovery.complete.push(scope),
            Err(error) => progress.discovery.failed.push((scope, error.to_string())),
        }
    }
    Ok(())
}

async fn part(
    source: &dyn Source,
    scope: &Scope,
    progress: &mut Progress,
    go_on: &(dyn Fn(&Discovery) -> bool + Send + Sync),
) -> Result<(), SourceError> {
    if !progress.cursors.contains_key(scope) {
        pairs(source, scope, progress).await;
    }
    loop {
        if !go_on(&progress.discovery) {
            return Err(SourceError::Cancelled);
        }
        let page = source.page(scope, progress.cursors.get(scope)).await?;
        progress.discovery.hosts.extend(page.hosts);
        match page.next {
            Some(next) => progress.cursors.insert(scope.clone(), next),
            None => {
                progress.cursors.remove(scope);
                return Ok(());
            }
        };
    }
}

/// Key pairs that cannot be listed leave names to go by.
async fn pairs(source: &dyn Source, scope: &Scope, progress: &mut Progress) {
    let pairs = source.key_pairs(scope).await.unwrap_or_default();
    let of_scope = |(known, _): &(Scope, KeyPair)| known == scope;
    if !progress.discovery.key_pairs.iter().any(of_scope) {
        let pairs = pairs.into_iter().map(|pair| (scope.clone(), pair));
        progress.discovery.key_pairs.extend(pairs);
    }
}
