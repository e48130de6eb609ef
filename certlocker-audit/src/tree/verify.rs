//! How proofs are checked: [RFC 9162 sections 2.1.3.2](https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3.2)
//! and 2.1.4.2.

use super::{Hash, empty_root, node_hash};

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf is outside of the tree, or the old tree larger than the new one.
    #[error("{place} is not within a tree of size {size}")]
    Outside {
        /// The index of the leaf, or the size of the old tree.
        place: u64,
        /// The size of the tree.
        size: u64,
    },
    /// It has too many hashes or too few.
    #[error("the proof has {seen} hashes, which is not as many as the sizes ask for")]
    Length {
        /// How many it has.
        seen: usize,
    },
    /// It leads to another root.
    #[error("the proof leads to the root {seen}, and {expected} was expected")]
    Root {
        /// The root that is known.
        expected: Hash,
        /// The root it leads to.
        seen: Hash,
    },
}

/// Checks that `leaf` is at `index` of the tree with this size and root.
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { place: index, size });
    }
    let seen = proof.len();
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length { seen });
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            let up = if at & 1 == 1 { 0 } else { at.trailing_zeros() };
            (at, last) = (at >> up, last >> up);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length { seen });
    }
    same(root, hash)
}

/// Checks that the tree of size `old` is the beginning of that of size `new`.
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Outside {
            place: old,
            size: new,
        });
    }
    if old == 0 || old == new {
        return trivial(old, proof, old_root, new_root);
    }
    let seen = proof.len();
    let too_short = ProofError::Length { seen };
    let mut rest = proof.iter();
    let start = if old.is_power_of_two() {
        *old_root
    } else {
        *rest.next().ok_or_else(|| too_short.clone())?
    };
    let up = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> up, (new - 1) >> up);
    let (mut of_old, mut of_new) = (start, start);
    for hash in rest {
        if last == 0 {
            return Err(too_short);
        }
        if at & 1 == 1 || at == last {
            of_old = node_hash(hash, &of_old);
            of_new = node_hash(hash, &of_new);
            let up = if at & 1 == 1 { 0 } else { at.trailing_zeros() };
            (at, last) = (at >> up, last >> up);
        } else {
            of_new = node_hash(&of_new, hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        return Err(too_short);
    }
    same(old_root, of_old)?;
    same(new_root, of_new)
}

fn trivial(old: u64, proof: &[Hash], old_root: &Hash, new_root: &Hash) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::Length { seen: proof.len() });
    }
    match old {
        0 => same(&empty_root(), *old_root),
        _ => same(old_root, *new_root),
    }
}

fn same(expected: &Hash, seen: Hash) -> Result<(), ProofError> {
    let expected = *expected;
    (expected == seen)
        .then_some(())
        .ok_or(ProofError::Root { expected, seen })
}
