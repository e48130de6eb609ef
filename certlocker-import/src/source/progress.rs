//! Parts of a source read to their ends, several at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::{Cursor, FoundPage, Source, SourceError};
use crate::found::{Discovery, Scope};
use crate::keys::KeyPair;

/// So many parts are read at once.
const AT_ONCE: usize = 8;

/// How far a discovery has come; kept, it goes on from there.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Where the next page of a part begins; none of a part that was not begun.
    cursors: BTreeMap<Scope, Cursor>,
    discovery: Discovery,
    /// Parts that were not seen to their end, of those that there are.
    open: BTreeSet<Scope>,
}

impl Progress {
    /// What was found so far.
    pub fn found(&self) -> &Discovery {
        &self.discovery
    }

    /// What was found. Parts that were not seen to their end count as failed.
    pub fn into_discovery(mut self) -> Discovery {
        let failed = self.discovery.failed.iter().map(|(scope, _)| scope);
        let told: BTreeSet<&Scope> = failed.collect();
        let untold: Vec<Scope> = self
            .open
            .iter()
            .filter(|scope| !told.contains(scope))
            .cloned()
            .collect();
        let why = SourceError::Cancelled.to_string();
        let untold = untold.into_iter().map(|scope| (scope, why.clone()));
        self.discovery.failed.extend(untold);
        self.discovery
    }

    /// The parts that are still to be read.
    fn begin(&mut self, scopes: Vec<Scope>) -> Vec<Scope> {
        let Discovery {
            complete, selected, ..
        } = &self.discovery;
        let seen: BTreeSet<&Scope> = complete.iter().chain(selected).collect();
        let open: Vec<Scope> = scopes
            .into_iter()
            .filter(|scope| !seen.contains(scope))
            .collect();
        self.open = open.iter().cloned().collect();
        let is_open = |(scope, _): &(Scope, String)| !self.open.contains(scope);
        self.discovery.failed.retain(is_open);
        self.discovery.lacking.retain(is_open);
        open
    }

    /// Keeps what a step found; the part, if there is more of it.
    fn keep(&mut self, step: Step) -> Option<Scope> {
        let Step { page, pairs, scope } = step;
        match pairs {
            Some(Ok(pairs)) => self.keep_pairs(&scope, pairs),
            // Key pairs that cannot be listed leave names to go by.
            Some(Err(error)) => self.lack(&scope, format!("key pairs: {error}")),
            None => {}
        }
        match page {
            Ok(page) => self.keep_page(scope, page),
            Err(error) => {
                self.fail(scope, &error);
                None
            }
        }
    }

    fn keep_pairs(&mut self, scope: &Scope, pairs: Vec<KeyPair>) {
        let of_scope = |(known, _): &(Scope, KeyPair)| known == scope;
        if !self.discovery.key_pairs.iter().any(of_scope) {
            let pairs = pairs.into_iter().map(|pair| (scope.clone(), pair));
            self.discovery.key_pairs.extend(pairs);
        }
    }

    fn keep_page(&mut self, scope: Scope, page: FoundPage) -> Option<Scope> {
        self.discovery.hosts.extend(page.hosts);
        for lacking in page.lacking {
            self.lack(&scope, lacking);
        }
        if let Some(next) = page.next {
            self.cursors.insert(scope.clone(), next);
            return Some(scope);
        }
        self.cursors.remove(&scope);
        self.open.remove(&scope);
        let seen = match page.is_selection {
            true => &mut self.discovery.selected,
            false => &mut self.discovery.complete,
        };
        seen.push(scope);
        None
    }

    fn fail(&mut self, scope: Scope, error: &SourceError) {
        if *error == SourceError::CursorLost {
            self.cursors.remove(&scope);
            let elsewhere = |of: &Scope| *of != scope;
            self.discovery
                .hosts
                .retain(|host| elsewhere(&Scope::of(&host.cloud)));
        }
        self.discovery.failed.push((scope, error.to_string()));
    }

    fn lack(&mut self, scope: &Scope, what: String) {
        let lacking = (scope.clone(), what);
        if !self.discovery.lacking.contains(&lacking) {
            self.discovery.lacking.push(lacking);
        }
    }
}

/// What came of one page of a part.
struct Step {
    page: Result<FoundPage, SourceError>,
    /// If they were asked for: before the first page.
    pairs: Option<Result<Vec<KeyPair>, SourceError>>,
    scope: Scope,
}

/// Reads parts of a source to their ends, several at once, as far as they can be seen: one that
/// fails holds up no other. `go_on` is asked before each page.
///
/// Called again with the same progress, it goes on with the parts that had failed, each from its last
/// good page; so it does when the future was dropped before it was finished.
///
/// # Errors
/// [`SourceError`] when not even the parts can be found out.
pub async fn discover(
    source: &dyn Source,
    progress: &mut Progress,
    go_on: &(dyn Fn(&Discovery) -> bool + Send + Sync),
) -> Result<(), SourceError> {
    let mut waiting = progress.begin(source.scopes().await?).into_iter();
    let mut reading = FuturesUnordered::new();
    let mut next = None;
    loop {
        while reading.len() < AT_ONCE {
            let Some(scope) = next.take().or_else(|| waiting.next()) else {
                break;
            };
            if go_on(&progress.discovery) {
                let after = progress.cursors.get(&scope).cloned();
                reading.push(read(source, scope, after));
            } else {
                progress.fail(scope, &SourceError::Cancelled);
            }
        }
        let Some(step) = reading.next().await else {
            break;
        };
        next = progress.keep(step);
    }
    progress.discovery.in_order();
    Ok(())
}

async fn read(source: &dyn Source, scope: Scope, after: Option<Cursor>) -> Step {
    let pairs = match after {
        None => Some(source.key_pairs(&scope).await),
        Some(_) => None,
    };
    let page = source.page(&scope, after.as_ref()).await;
    Step { page, pairs, scope }
}
