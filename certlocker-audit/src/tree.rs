//! The Merkle tree: hashes of leaves and nodes, roots, and the two kinds of proof.
//!
//! The tree has the shape of [RFC 6962 section 2.1](https://www.rfc-editor.org/rfc/rfc6962#section-2.1).
//! Proofs are made from the hashes of complete subtrees ([`Nodes`]) and checked with nothing but
//! the roots.

mod frontier;
mod prove;
mod verify;

use std::convert::Infallible;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::encoding::{base64, from_base64};

pub use frontier::Frontier;
pub use prove::{consistency, inclusion, root_at};
pub use verify::{ProofError, verify_consistency, verify_inclusion};

/// A SHA-256 of the tree. The text form is base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs, reason = "any 32 bytes are a hash")]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// How many bytes it has.
    pub const SIZE: usize = 32;

    /// From these bytes, if there are as many as it takes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From its text form.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&from_base64(text)?)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of an entry: SHA-256 of 0x00 and its bytes
/// ([RFC 6962 section 2.1](https://www.rfc-editor.org/rfc/rfc6962#section-2.1)).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(
        Sha256::new_with_prefix([0])
            .chain_update(entry)
            .finalize()
            .into(),
    )
}

/// The hash of a node: SHA-256 of 0x01 and the hashes of its children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(&left.0);
    input[33..].copy_from_slice(&right.0);
    Hash(Sha256::digest(input).into())
}

/// The root of a tree without entries: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The root over these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The hashes of complete subtrees.
///
/// The node at `(level, index)` covers the `2^level` leaves from `index * 2^level`; it is asked for
/// only if the tree has all of them.
pub trait Nodes {
    /// Why a hash cannot be given.
    type Error;

    /// The hash of a complete subtree.
    ///
    /// # Errors
    /// When it cannot be read.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Leaves in memory.
impl Nodes for [Hash] {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let from = usize::try_from(index << level).expect("leaves in memory have such an index");
        Ok(root(&self[from..from + (1 << level)]))
    }
}

#[cfg(test)]
mod tests;
