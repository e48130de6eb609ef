//! The log from its files: entries, tiles above them, the signed root.

use super::trail::Trail;
use super::{Kind, Known, Report};
use crate::checkpoint::SignedCheckpoint;
use crate::files::Source;
use crate::note::VerifierKey;
use crate::reader::{ReadError, Tiles};
use crate::tile::{CHECKPOINT, HEIGHT, Resource, Tile, WIDTH, entries};
use crate::tree::{Frontier, Hash, leaf_hash};

/// Checks the files of a log: that its key signed the checkpoint, that every entry is under every
/// tile above it and under the signed root, and that what is known from elsewhere is in it.
pub fn verify_tiles(source: &dyn Source, log: &VerifierKey, known: &Known) -> Report {
    let mut report = Report::default();
    let Some(signed) = checkpoint(source, log, &mut report) else {
        return report;
    };
    let size = signed.checkpoint().size;
    let mut check = Check {
        tiles: Tiles::new(source, size),
        trail: Trail::new(known, Some(signed.checkpoint())),
        by_tiles: None,
        minimum: known.minimum,
        report,
    };
    for bundle in 0..size.div_ceil(WIDTH) {
        if check.bundle(bundle * WIDTH).is_none() {
            // Without its hashes nothing behind it can be placed in the tree.
            return check.report;
        }
    }
    check.end(signed.checkpoint().root)
}

/// The checkpoint of a log, or the finding that there is none to rely on.
pub(super) fn checkpoint(
    source: &dyn Source,
    log: &VerifierKey,
    report: &mut Report,
) -> Option<SignedCheckpoint> {
    let expected = format!("a checkpoint that {} signed", log.name());
    let opened = match source.read(CHECKPOINT) {
        Ok(bytes) => SignedCheckpoint::open(&bytes, log).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match opened {
        Ok(signed) => {
            (report.size, report.root) = (
                Some(signed.checkpoint().size),
                Some(signed.checkpoint().root),
            );
            Some(signed)
        }
        Err(error) => {
            report.wrong(Kind::Checkpoint, None, CHECKPOINT, expected, error);
            None
        }
    }
}

struct Check<'a> {
    tiles: Tiles<&'a dyn Source>,
    trail: Trail,
    /// The tree by the tiles instead of the entries, from where they differ.
    by_tiles: Option<Frontier>,
    minimum: u64,
    report: Report,
}

impl Check<'_> {
    /// Reads one bundle with the tile above it; nothing if neither gives the hashes.
    fn bundle(&mut self, first: u64) -> Option<()> {
        let tile = self.tile(first);
        let width = (self.tiles.size() - first).min(WIDTH);
        let bytes = match self.tiles.bundle(first) {
            Ok((path, bytes)) => Some((path, bytes)),
            Err(_) if first + width <= self.minimum => None,
            Err(error) => {
                self.unreadable(first, &error);
                None
            }
        };
        let (path, bytes) = bytes.unwrap_or_default();
        let mut entries = entries(&bytes);
        for index in first..first + width {
            let entry = entries.next().flatten();
            let hash = tile.as_ref().map(|tile| tile[(index - first) as usize]);
            if entry.is_none() && !path.is_empty() {
                self.cut_off(index, &path);
                // The rest of it is read from the tile.
                entries_end(&mut entries);
            }
            self.entry(index, entry.map(leaf_hash), hash, &path)?;
            if entry.is_some() {
                self.report.looked_at += 1;
                self.report.first.get_or_insert(index);
            }
        }
        let is_whole = path.ends_with(&format!(".p/{width}")) || width == WIDTH;
        if is_whole && entries.next().is_some() {
            let seen = "more bytes";
            self.report
                .wrong(Kind::Missing, Some(first + width), path, "its end", seen);
        }
        Some(())
    }

    fn entry(
        &mut self,
        index: u64,
        seen: Option<Hash>,
        tile: Option<Hash>,
        path: &str,
    ) -> Option<()> {
        if let (Some(seen), Some(tile)) = (seen, tile)
            && seen != tile
        {
            self.by_tiles
                .get_or_insert_with(|| self.trail.frontier().clone());
            let expected = format!("the entry with the hash {tile} of its tile");
            self.report.wrong(
                Kind::Entry,
                Some(index),
                path,
                expected,
                format!("one with {seen}"),
            );
        }
        let leaf = seen.or(tile)?;
        let mut completed = Vec::new();
        self.trail.push(leaf, &mut self.report, |level, hash| {
            if level > 0 && level.is_multiple_of(HEIGHT) {
                completed.push((level, hash));
            }
        });
        if let Some(by_tiles) = &mut self.by_tiles {
            by_tiles.push(tile.unwrap_or(leaf));
        }
        for (level, hash) in completed {
            self.above(level, hash);
        }
        Some(())
    }

    /// Compares a hash with the one in the tile above.
    fn above(&mut self, level: u32, seen: Hash) {
        let number = (self.trail.frontier().size() >> level) - 1;
        let tile_level = u8::try_from(level / HEIGHT).expect("a tree has few levels");
        let first = number << level;
        match self.tiles.tile(tile_level, number) {
            Ok(tile) => {
                let hash = tile[(number % WIDTH) as usize];
                if hash != seen {
                    let place = self.path(tile_level, number);
                    let expected = format!("the hash {seen} of what is below it");
                    self.report
                        .wrong(Kind::Tile, Some(first), place, expected, hash);
                }
            }
            Err(error) => self.unreadable(first, &error),
        }
    }

    fn tile(&mut self, first: u64) -> Option<Vec<Hash>> {
        let tile = self.tiles.tile(0, first);
        tile.map_err(|error| self.unreadable(first, &error)).ok()
    }

    fn path(&self, level: u8, number: u64) -> String {
        let tile = Tile::holding(level, number, self.tiles.size());
        tile.map(|tile| Resource::Tile(tile).to_string())
            .unwrap_or_default()
    }

    fn cut_off(&mut self, index: u64, path: &str) {
        let expected = "an entry behind its length";
        self.report.wrong(
            Kind::Missing,
            Some(index),
            path,
            expected,
            "the end of the file",
        );
    }

    fn unreadable(&mut self, index: u64, error: &ReadError) {
        let (place, expected, seen) = match error {
            ReadError::Length {
                path,
                expected,
                seen,
            } => (path.clone(), expected.clone(), seen.clone()),
            ReadError::Unreadable { path, source } => {
                (path.clone(), "a file".to_owned(), source.to_string())
            }
            other => (
                "the tree".to_owned(),
                "a hash".to_owned(),
                other.to_string(),
            ),
        };
        let said = self
            .report
            .findings
            .iter()
            .any(|finding| finding.place == place);
        if !said {
            self.report
                .wrong(Kind::Missing, Some(index), place, expected, seen);
        }
    }

    fn end(self, root: Hash) -> Report {
        let Self {
            trail,
            by_tiles,
            mut report,
            ..
        } = self;
        let by_entries = trail.frontier().root();
        trail.end(&mut report);
        if by_tiles.is_some_and(|tiles| tiles.root() == root) {
            // What the tiles say was signed, so that the entries that differ are the changed ones.
            report.findings.retain(|finding| finding.kind != Kind::Root);
        } else if by_entries == root {
            for finding in &mut report.findings {
                as_changed_tile(finding);
            }
        }
        report
    }
}

/// The entries lead to the signed root, so that the hash in the tile is the one that was changed.
fn as_changed_tile(finding: &mut super::Finding) {
    if finding.kind == Kind::Entry {
        finding.kind = Kind::Tile;
        finding.place = finding.place.replacen("tile/entries/", "tile/0/", 1);
        std::mem::swap(&mut finding.expected, &mut finding.seen);
    }
}

fn entries_end<'a>(entries: &mut impl Iterator<Item = Option<&'a [u8]>>) {
    entries.for_each(drop);
}
