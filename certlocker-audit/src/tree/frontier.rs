//! The right edge of a tree: all that is needed to append to it.

use super::{Hash, empty_root, node_hash};

/// The roots of the complete subtrees that a tree of some size is made of, the largest first.
///
/// Appending and taking the root each cost as many hashes as the size has binary digits at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves with these subtrees, the largest first; nothing if there
    /// are more or fewer than such a tree has.
    pub fn of(size: u64, nodes: Vec<Hash>) -> Option<Self> {
        (nodes.len() == size.count_ones() as usize).then_some(Self { size, nodes })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _| {});
    }

    /// Appends a leaf, and tells the level and hash of each subtree that it completes, itself first.
    pub fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u32, Hash)) {
        let mut node = leaf;
        completed(0, node);
        for level in 0..self.size.trailing_ones() {
            let left = self.nodes.pop().expect("each one of the size is a subtree");
            node = node_hash(&left, &node);
            completed(level + 1, node);
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let smallest_first = self.nodes.iter().rev().copied();
        let root = smallest_first.reduce(|right, left| node_hash(&left, &right));
        root.unwrap_or_else(empty_root)
    }
}
