//! The tree cut into tiles, and entries gathered in bundles: paths and contents.
//!
//! [c2sp.org/tlog-tiles](https://c2sp.org/tlog-tiles): a tile has 256 hashes of one level of the
//! tree, a bundle the 256 entries below a tile of level 0; the last of each level has fewer and its
//! width in its path.

mod bundle;
mod path;

use crate::tree::{Frontier, Hash};

pub use bundle::{EntryTooLong, MAX_ENTRY, encode_entry, entries};
pub use path::{InvalidPath, Resource};

/// How many hashes a full tile has, and how many entries a full bundle.
pub const WIDTH: u64 = 256;

/// How many levels of the tree one tile spans.
pub const HEIGHT: u32 = 8;

/// Where the checkpoint is.
pub const CHECKPOINT: &str = "checkpoint";

/// A place in the tree of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs, reason = "the specification fixes it")]
pub struct Tile {
    /// The level, 0 for hashes of entries.
    pub level: u8,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes it has, from 1 to [`WIDTH`].
    pub width: u16,
}

impl Tile {
    /// The tile of a tree of `size` leaves that has the hash `number` of a level; nothing if the
    /// tree has none there.
    pub fn holding(level: u8, number: u64, size: u64) -> Option<Self> {
        let hashes = hashes(level, size);
        let index = number / WIDTH;
        let width = hashes.checked_sub(index * WIDTH)?.min(WIDTH);
        (number < hashes).then_some(Self {
            level,
            index,
            width: u16::try_from(width).expect("a tile is not wider than its width"),
        })
    }

    /// Whether it has all its hashes.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }
}

/// How many hashes a level of the tiles has in a tree of `size` leaves.
pub fn hashes(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * HEIGHT).unwrap_or(0)
}

/// How many levels of tiles a tree of `size` leaves has.
pub fn levels(size: u64) -> u8 {
    let level = (0..8).find(|level| hashes(*level, size) == 0);
    level.unwrap_or(8)
}

/// The hash of a complete subtree within a tile: of the `2^height` hashes from
/// `position * 2^height`; nothing if the tile does not have them.
pub fn node_in(tile: &[Hash], height: u32, position: usize) -> Option<Hash> {
    let from = position.checked_shl(height)?;
    let below = tile.get(from..from.checked_add(1 << height)?)?;
    let mut frontier = Frontier::default();
    below.iter().for_each(|hash| frontier.push(*hash));
    Some(frontier.root())
}

/// The hashes in the bytes of a tile; nothing if there are not `width` of them.
pub fn parse(bytes: &[u8], width: u16) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<{ Hash::SIZE }>();
    let whole = rest.is_empty() && hashes.len() == usize::from(width);
    whole.then(|| hashes.iter().copied().map(Hash).collect())
}

/// The bytes of a tile.
pub fn encode(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{leaf_hash, root};

    #[test]
    fn each_size_has_the_tiles_of_the_specification() {
        let tile = |level, index, width| Tile {
            level,
            index,
            width,
        };
        for (level, number, size, expect) in [
            (0, 0, 1, Some(tile(0, 0, 1))),
            (0, 255, 256, Some(tile(0, 0, 256))),
            (1, 0, 256, Some(tile(1, 0, 1))),
            (1, 0, 255, None),
            (0, 69_999, 70_000, Some(tile(0, 273, 112))),
            (1, 0, 70_000, Some(tile(1, 0, 256))),
            (1, 272, 70_000, Some(tile(1, 1, 17))),
            (1, 273, 70_000, None),
            (2, 0, 70_000, Some(tile(2, 0, 1))),
            (3, 0, 70_000, None),
            (7, 0, u64::MAX, Some(tile(7, 0, 255))),
            (8, 0, u64::MAX, None),
        ] {
            assert_eq!(
                Tile::holding(level, number, size),
                expect,
                "{level} {number} {size}"
            );
        }
        assert_eq!([0, 1, 255, 256, 70_000].map(levels), [0, 1, 1, 2, 3]);
    }

    #[test]
    fn a_tile_gives_the_nodes_above_its_hashes() {
        let leaves: Vec<Hash> = (0_u16..256).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        assert_eq!(node_in(&leaves, 8, 0), Some(root(&leaves)));
        assert_eq!(node_in(&leaves, 0, 255), Some(leaves[255]));
        assert_eq!(node_in(&leaves, 2, 3), Some(root(&leaves[12..16])));
        assert_eq!(node_in(&leaves[..15], 2, 3), None);
        assert_eq!(parse(&encode(&leaves), 256), Some(leaves.clone()));
        assert_eq!(parse(&encode(&leaves)[1..], 255), None);
        assert_eq!(parse(&encode(&leaves[..9]), 8), None);
    }
}
