//! `secret rotate`: every data key under another key, while servers run.

use std::collections::BTreeSet;

use certlocker_acme::{Clock, SystemClock};
use certlocker_core::{Changeset, Fact, KeyWrap, SecretError, SecretId, StoreError};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{KeyState, KeyView, keys, keys_text, secrets};
use crate::assemble::Opened;
use crate::cli::Exit;
use crate::commands::{CommandError, by_command};
use crate::inventory::InventoryError;
use crate::keys::KeyError;
use crate::output::Output;

/// How many secrets are wrapped at the same time: their records are one write, or a few.
const BATCH: usize = 100;

/// Which key secrets are wrapped under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Key {
    /// The one that was in use already, or was configured.
    InUse,
    /// One that was made now.
    New,
}

#[derive(Serialize)]
struct Rotated {
    key: String,
    made: Key,
    rewrapped: usize,
    failed: usize,
    keys: Vec<KeyView>,
}

/// Puts a new key in the place of the one in use, unless an earlier rotation is unfinished or the
/// key is not ours to make.
pub(super) async fn begin(opened: &Opened) -> Result<Key, CommandError> {
    let Some(file) = &opened.keys.file else {
        return Ok(Key::InUse);
    };
    if !left(opened).await?.is_empty() {
        return Ok(Key::InUse);
    }
    file.renew(&mut crate::random::fill)
        .map_err(KeyError::File)?;
    Ok(Key::New)
}

/// Wraps everything under the key in use.
pub(super) async fn finish(
    opened: &Opened,
    made: Key,
    output: Output,
) -> Result<Exit, CommandError> {
    let key = opened.keys.ring.key_id();
    if !left(opened).await?.is_empty() {
        let loaded = Fact::wrapping_key_loaded(&key, SystemClock::default().now());
        let loaded = opened.store.commit(Changeset::fact(&loaded, &by_command()));
        loaded.await.map_err(InventoryError::Store)?;
    }
    let (rewrapped, failed) = rewrap(opened).await?;
    let secrets = secrets(opened.store.as_ref()).await?;
    let rotated = Rotated {
        key,
        made,
        rewrapped,
        failed,
        keys: keys(opened, &secrets)?,
    };
    output.print(&rotated, text)?;
    Ok(match rotated.failed {
        0 => Exit::Done,
        _ => Exit::No,
    })
}

/// What is not under the key that wraps now.
async fn left(opened: &Opened) -> Result<Vec<SecretId>, CommandError> {
    let current = opened.keys.ring.key_id();
    let secrets = secrets(opened.store.as_ref()).await?;
    let left = secrets.iter().filter(|secret| secret.key != current);
    Ok(left.filter_map(|secret| secret.id.parse().ok()).collect())
}

/// Goes through the secrets until a look finds nothing more to do; how many were wrapped, and how
/// many cannot be.
async fn rewrap(opened: &Opened) -> Result<(usize, usize), CommandError> {
    let (mut done, mut failed) = (0, BTreeSet::new());
    loop {
        let mut left = left(opened).await?;
        left.retain(|id| !failed.contains(id));
        if left.is_empty() {
            return Ok((done, failed.len()));
        }
        let all = done + left.len();
        for batch in left.chunks(BATCH) {
            done += rewrap_batch(opened, batch, &mut failed).await?;
            eprintln!("certlocker: {done} of {all} secrets are wrapped anew");
        }
    }
}

async fn rewrap_batch(
    opened: &Opened,
    batch: &[SecretId],
    failed: &mut BTreeSet<SecretId>,
) -> Result<usize, CommandError> {
    let mut wrapping = JoinSet::new();
    for id in batch {
        wrapping.spawn(rewrap_one(opened.clone(), *id));
    }
    let mut done = 0;
    for (id, outcome) in wrapping.join_all().await {
        match outcome {
            Ok(()) => done += 1,
            // A running server was first; the next look finds what became of it.
            Err(SecretError::Store(StoreError::Conflict)) => {}
            Err(SecretError::Store(error)) => return Err(InventoryError::Store(error).into()),
            Err(error) => {
                eprintln!("certlocker: secret {id}: {}", with_causes(&error));
                failed.insert(id);
            }
        }
    }
    Ok(done)
}

async fn rewrap_one(opened: Opened, id: SecretId) -> (SecretId, Result<(), SecretError>) {
    let now = SystemClock::default().now();
    let rewrapped = async {
        if let Some(transition) = opened.secrets.rewrap(&id, now).await? {
            let change = transition.by(&by_command());
            opened.store.commit(change.into()).await?;
        }
        Ok(())
    };
    (id, rewrapped.await)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn text(rotated: &Rotated) -> String {
    let Rotated { key, rewrapped, .. } = rotated;
    let new = match rotated.made {
        Key::InUse => "the key",
        Key::New => "the new key",
    };
    let mut sentences = vec![match (rewrapped, rotated.failed) {
        (0, 0) => format!("Every secret is under {new} {key}."),
        (_, 0) => format!("Every secret is under {new} {key}; {rewrapped} were wrapped anew."),
        (_, failed) => format!(
            "{rewrapped} secrets were wrapped anew under {new} {key}, and {failed} could not be."
        ),
    }];
    let unused = rotated
        .keys
        .iter()
        .filter(|key| key.state == KeyState::Unused);
    for unused in unused {
        let place = unused.file.as_ref().map(|file| format!(" ({file})"));
        sentences.push(format!(
            "Nothing is under {}{} any more: it may be removed, once every server of this database has the key in use and no backup from before is needed.",
            unused.key,
            place.unwrap_or_default()
        ));
    }
    format!("{}\n\n{}", sentences.join("\n"), keys_text(&rotated.keys))
}
