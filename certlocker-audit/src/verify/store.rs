//! The ledger from its store: every record under the log's root, and found by what it says; every
//! sealed secret the one that the records say.

use certlocker_core::{History, Record, SecretRows, Sequence, StoreError, StoredRecord};

use super::secrets::Secrets;
use super::tiles::checkpoint;
use super::trail::Trail;
use super::{Kind, Known, Report};
use crate::files::Source;
use crate::leaf::entry_of;
use crate::note::VerifierKey;
use crate::reader::Tiles;
use crate::tile::WIDTH;
use crate::tree::{Hash, leaf_hash};

const PAGE: usize = 1_000;

/// Checks the records of a ledger: that each reads, is in its canonical form and is found by what
/// it says; that none is missing; that each is the entry which the log in `source` has at its
/// place; and that what is known from elsewhere is in it. Records that the log does not have yet
/// are no finding. Checks too that each sealed secret is the one that was stored last: an older copy
/// in its place is named.
///
/// # Errors
/// When the store cannot be read; what is wrong with what it gives is in the report.
pub async fn verify_store(
    history: &dyn History,
    rows: &dyn SecretRows,
    source: &dyn Source,
    log: &VerifierKey,
    known: &Known,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let signed = checkpoint(source, log, &mut report);
    let signed = signed.as_ref().map(|signed| signed.checkpoint());
    let size = signed.map_or(0, |signed| signed.size);
    let mut check = Check {
        tiles: Tiles::new(source, size),
        tile: Vec::new(),
        expected: Sequence::START,
        secrets: Secrets::default(),
        trail: Some(Trail::new(known, signed)),
        report,
    };
    check.records(history).await?;
    let mut wrong = check.secrets.compare(rows).await?;
    while !wrong.is_empty() {
        // A running server may have stored another one since its records were read.
        check.records(history).await?;
        let again = check.secrets.compare(rows).await?;
        if again == wrong {
            again
                .into_iter()
                .for_each(|finding| check.report.add(finding));
            break;
        }
        wrong = again;
    }
    Ok(check.end())
}

struct Check<'a> {
    tiles: Tiles<&'a dyn Source>,
    /// The hashes of the entries around the one that is next.
    tile: Vec<Hash>,
    expected: Sequence,
    secrets: Secrets,
    /// Nothing once a record is missing: the tree ends there.
    trail: Option<Trail>,
    report: Report,
}

impl Check<'_> {
    /// Reads on to the end.
    async fn records(&mut self, history: &dyn History) -> Result<(), StoreError> {
        loop {
            let page = history.stored_records(self.expected, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            page.iter().for_each(|record| self.record(record));
        }
    }

    fn record(&mut self, stored: &StoredRecord) {
        self.report.looked_at += 1;
        let expected = self.expected.next();
        self.expected = stored.sequence;
        if stored.sequence != expected {
            let index = expected.get() - 1;
            let place = "the ledger";
            let wanted = format!("record {expected}");
            let seen = format!("record {}", stored.sequence);
            self.report
                .wrong(Kind::Gap, Some(index), place, wanted, seen);
            self.trail = None;
        }
        self.content(stored);
        self.leaf(stored);
    }

    /// What a record says of itself.
    fn content(&mut self, stored: &StoredRecord) {
        let place = format!("record {}", stored.sequence);
        let index = Some(stored.sequence.get().saturating_sub(1));
        let record = match Record::from_canonical(&stored.bytes) {
            Ok(record) => record,
            Err(error) => {
                let expected = "a record that reads";
                return self
                    .report
                    .wrong(Kind::Record, index, place, expected, error);
            }
        };
        self.secrets
            .note(stored.sequence.get().saturating_sub(1), &record.event);
        let canonical = record.to_canonical();
        if canonical != stored.bytes || record.sequence != stored.sequence {
            let (expected, seen) = (text(&canonical), text(&stored.bytes));
            self.report
                .wrong(Kind::Record, index, &place, expected, seen);
        }
        let subjects = record.event.subjects();
        let mut subjects: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        subjects.sort_unstable();
        let expected = (record.event.code(), subjects);
        let seen = (stored.code.as_str(), stored.subjects.clone());
        if expected != seen {
            let shown =
                |(code, subjects): (&str, Vec<String>)| format!("{code} [{}]", subjects.join(", "));
            self.report
                .wrong(Kind::Index, index, place, shown(expected), shown(seen));
        }
    }

    /// Whether the log has the record at its place.
    fn leaf(&mut self, stored: &StoredRecord) {
        let Some(trail) = &mut self.trail else { return };
        let leaf = leaf_hash(&entry_of(stored.sequence, &stored.bytes));
        let index = trail.frontier().size();
        if index.is_multiple_of(WIDTH) {
            // That a tile is missing is for those to say who look at the files.
            self.tile = self.tiles.tile(0, index).unwrap_or_default();
        }
        let hash = self.tile.get((index % WIDTH) as usize);
        if let Some(hash) = hash.filter(|hash| **hash != leaf) {
            let place = format!("record {}", stored.sequence);
            let expected = format!("the record with the hash {hash} in the log");
            let seen = format!("one with {leaf}");
            self.report
                .wrong(Kind::Entry, Some(index), place, expected, seen);
        }
        trail.push(leaf, &mut self.report, |_, _| {});
    }

    fn end(mut self) -> Report {
        if let Some(trail) = self.trail {
            trail.end(&mut self.report);
        }
        self.report
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
