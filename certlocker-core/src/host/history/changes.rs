//! When it became different who could use a host, and by what.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccessHistory, Fold};
use crate::host::{AccessLine, Difference};
use crate::{AccessId, Event, HostId, Ledger, Record, StoreError, Timestamp};

/// A change of who could use a host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessChange {
    /// When it came about.
    pub at: Timestamp,
    /// How it came about.
    pub became: Became,
    /// Who gained and who lost a way to use the host; never nobody.
    pub difference: Difference,
    /// What made it so; of an entry that ended by itself, the record that granted it.
    pub record: Record,
}

/// How a change of access came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "by a change, or by the clock")]
pub enum Became {
    /// By what the record says.
    ByRecord,
    /// By the end of the time for which the record granted it.
    ByTime,
}

/// Every change of who could use `host` up to `until`, in their order, from the records about it and
/// about every group it was ever in, in theirs.
///
/// Records that change nothing about it are none of them, such as a grant to a group that it is not
/// in; when it joins, that is the change.
pub fn access_changes<'a>(
    host: &HostId,
    records: impl IntoIterator<Item = &'a Record>,
    until: Timestamp,
) -> Vec<AccessChange> {
    let mut walk = Walk::new(*host);
    for record in records {
        if record.time <= until {
            walk.end(record.time);
            walk.take(record);
        }
    }
    walk.end(until);
    walk.changes
}

/// The same, with the records read from a store.
///
/// # Errors
/// [`StoreError`] when the records cannot be read.
pub async fn access_changes_until(
    store: &(impl Ledger + ?Sized),
    host: &HostId,
    until: Timestamp,
) -> Result<Vec<AccessChange>, StoreError> {
    let mut history = AccessHistory::new(store);
    let own = history.own(host).await?;
    Ok(access_changes(host, history.with_groups(&own), until))
}

struct Walk<'a> {
    changes: Vec<AccessChange>,
    ends: BTreeSet<(Timestamp, AccessId)>,
    fold: Fold,
    grants: BTreeMap<AccessId, &'a Record>,
    /// The way that each entry gives now.
    given: BTreeMap<AccessId, AccessLine>,
    /// How many entries give each way.
    ways: BTreeMap<AccessLine, usize>,
}

impl<'a> Walk<'a> {
    fn new(host: HostId) -> Self {
        Self {
            changes: Vec::new(),
            ends: BTreeSet::new(),
            fold: Fold::new(host),
            grants: BTreeMap::new(),
            given: BTreeMap::new(),
            ways: BTreeMap::new(),
        }
    }

    fn take(&mut self, record: &'a Record) {
        self.fold.take(record);
        let entries: Vec<AccessId> = match &record.event {
            Event::AccessGranted {
                access_id, expires, ..
            } => {
                self.grants.insert(*access_id, record);
                self.ends.extend(expires.map(|at| (at, *access_id)));
                vec![*access_id]
            }
            Event::AccessRevoked { access_id, .. } => vec![*access_id],
            // What follows from the records before it.
            Event::HostAccessChanged { .. } => return,
            _ => self.fold.granted.keys().copied().collect(),
        };
        let difference = self.look_at(&entries);
        self.note(record.time, Became::ByRecord, difference, record);
    }

    /// Ends what ends by itself up to `now`.
    fn end(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.ends.first().copied()
            && at <= now
        {
            self.ends.pop_first();
            self.fold.granted.remove(&id);
            let difference = self.look_at(&[id]);
            if let Some(record) = self.grants.get(&id).copied() {
                self.note(at, Became::ByTime, difference, record);
            }
        }
    }

    fn note(&mut self, at: Timestamp, became: Became, difference: Difference, record: &Record) {
        if !difference.is_empty() {
            self.changes.push(AccessChange {
                at,
                became,
                difference,
                record: record.clone(),
            });
        }
    }

    /// What is different in the ways that these entries give.
    fn look_at(&mut self, entries: &[AccessId]) -> Difference {
        let mut difference = Difference::default();
        for id in entries {
            let granted = self.fold.granted.get(id);
            let now = granted.and_then(|granted| self.fold.effective(id, granted));
            let now = now.map(|entry| entry.line);
            if self.given.get(id) != now.as_ref() {
                self.replace(*id, now, &mut difference);
            }
        }
        difference
    }

    fn replace(&mut self, id: AccessId, now: Option<AccessLine>, difference: &mut Difference) {
        let before = match &now {
            Some(line) => self.given.insert(id, line.clone()),
            None => self.given.remove(&id),
        };
        if let Some(line) = before
            && self.leave(&line)
            && !difference.gained.remove(&line)
        {
            difference.lost.insert(line);
        }
        if let Some(line) = now
            && self.join(&line)
            && !difference.lost.remove(&line)
        {
            difference.gained.insert(line);
        }
    }

    /// Whether this was the only entry that gave the way.
    fn leave(&mut self, line: &AccessLine) -> bool {
        let Some(count) = self.ways.get_mut(line) else {
            return false;
        };
        *count -= 1;
        let last = *count == 0;
        if last {
            self.ways.remove(line);
        }
        last
    }

    /// Whether this is the first entry that gives the way.
    fn join(&mut self, line: &AccessLine) -> bool {
        let count = self.ways.entry(line.clone()).or_default();
        *count += 1;
        *count == 1
    }
}
