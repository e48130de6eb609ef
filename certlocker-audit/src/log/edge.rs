//! The part of a log that an append changes: the last tile of each level and the last bundle.

use crate::files::Source;
use crate::reader::{ReadError, Tiles};
use crate::tile::{
    EntryTooLong, HEIGHT, Resource, Tile, WIDTH, encode, encode_entry, entries, hashes, levels,
};
use crate::tree::{Frontier, Hash, Nodes, leaf_hash};

/// What is at the right edge of a log of some size.
#[derive(Clone, Debug, Default)]
pub(super) struct Edge {
    frontier: Frontier,
    /// The hashes of the last tile of each level that is not full.
    tails: Vec<Vec<Hash>>,
    /// The entries of the last bundle, if it is not full.
    bundle: Vec<u8>,
}

impl Edge {
    pub(super) fn read<S: Source>(source: &S, size: u64) -> Result<Self, ReadError> {
        let tiles = Tiles::new(source, size);
        let tail = |level| match hashes(level, size) {
            count if count % WIDTH == 0 => Ok(Vec::new()),
            count => tiles.tile(level, count - 1),
        };
        Ok(Self {
            frontier: frontier(&tiles)?,
            tails: (0..levels(size)).map(tail).collect::<Result<_, _>>()?,
            bundle: bundle(&tiles)?,
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Takes entries in, and tells which files change: bundles first, then tiles.
    pub(super) fn extend<E: AsRef<[u8]>>(
        &mut self,
        entries: &[E],
    ) -> Result<Vec<(Resource, Vec<u8>)>, EntryTooLong> {
        let (mut bundles, mut tiles) = (Vec::new(), Vec::new());
        let before = self.size();
        for entry in entries {
            encode_entry(entry.as_ref(), &mut self.bundle)?;
            self.push(leaf_hash(entry.as_ref()), &mut tiles);
            if self.size().is_multiple_of(WIDTH) {
                let full = self.bundle_at(self.size());
                bundles.push((full, std::mem::take(&mut self.bundle)));
            }
        }
        if !self.bundle.is_empty() && self.size() > before {
            bundles.push((self.bundle_at(self.size()), self.bundle.clone()));
        }
        tiles.extend(self.partial_tiles(before));
        bundles.extend(tiles);
        Ok(bundles)
    }

    fn push(&mut self, leaf: Hash, full: &mut Vec<(Resource, Vec<u8>)>) {
        let (tails, size) = (&mut self.tails, self.frontier.size() + 1);
        self.frontier.push_with(leaf, |level, hash| {
            if level % HEIGHT != 0 {
                return;
            }
            let level = usize::try_from(level / HEIGHT).expect("a tree has few levels");
            if tails.len() == level {
                tails.push(Vec::new());
            }
            tails[level].push(hash);
            if tails[level].len() as u64 == WIDTH {
                let hashes = std::mem::take(&mut tails[level]);
                full.push((last_tile(level, size), encode(&hashes)));
            }
        });
    }

    fn bundle_at(&self, size: u64) -> Resource {
        let tile = Tile::holding(0, size - 1, size).expect("the last entry has a tile");
        Resource::entries_of(&tile)
    }

    /// The tiles that are not full and have changed since the log had `before` entries.
    fn partial_tiles(&self, before: u64) -> Vec<(Resource, Vec<u8>)> {
        let size = self.size();
        let tails = self.tails.iter().enumerate();
        let changed = tails.filter(|(level, tail)| {
            let level = u8::try_from(*level).expect("a tree has few levels");
            !tail.is_empty() && hashes(level, size) != hashes(level, before)
        });
        changed
            .map(|(level, tail)| (last_tile(level, size), encode(tail)))
            .collect()
    }
}

fn last_tile(level: usize, size: u64) -> Resource {
    let level = u8::try_from(level).expect("a tree has few levels");
    let last = hashes(level, size) - 1;
    Resource::Tile(Tile::holding(level, last, size).expect("the last hash has a tile"))
}

fn frontier<S: Source>(tiles: &Tiles<S>) -> Result<Frontier, ReadError> {
    let (size, mut nodes) = (tiles.size(), Vec::new());
    for level in (0..u64::BITS).rev() {
        if size >> level & 1 == 1 {
            nodes.push(tiles.node(level, (size >> level) - 1)?);
        }
    }
    Ok(Frontier::of(size, nodes).expect("each one of the size is a subtree"))
}

/// The last bundle, which has to have the entries that the tree has.
fn bundle<S: Source>(tiles: &Tiles<S>) -> Result<Vec<u8>, ReadError> {
    let (size, width) = (tiles.size(), tiles.size() % WIDTH);
    if width == 0 {
        return Ok(Vec::new());
    }
    let ((path, bytes), hashes) = (tiles.bundle(size - 1)?, tiles.tile(0, size - 1)?);
    let mut bundle = Vec::new();
    let mut read = 0;
    for (entry, hash) in entries(&bytes).zip(&hashes) {
        let entry = entry.filter(|entry| leaf_hash(entry) == *hash);
        let Some(entry) = entry else { break };
        encode_entry(entry, &mut bundle).expect("it was in a bundle");
        read += 1;
    }
    if read != width {
        return Err(ReadError::Length {
            path,
            expected: format!("{width} entries"),
            seen: format!("{read} entries that are in the tree"),
        });
    }
    Ok(bundle)
}
