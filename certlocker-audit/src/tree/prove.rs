//! How proofs are made.

use std::ops::Range;

use super::{Hash, Nodes, empty_root, node_hash};

/// The root of the first `size` leaves.
///
/// # Errors
/// Those of the nodes.
pub fn root_at<N: Nodes + ?Sized>(size: u64, nodes: &N) -> Result<Hash, N::Error> {
    match size {
        0 => Ok(empty_root()),
        _ => subtree(0..size, nodes),
    }
}

/// The audit path of leaf `index` in the tree of `size` leaves, leaf side first; nothing if the
/// tree has no such leaf ([RFC 6962 section 2.1.1](https://www.rfc-editor.org/rfc/rfc6962#section-2.1.1)).
///
/// # Errors
/// Those of the nodes.
pub fn inclusion<N: Nodes + ?Sized>(
    index: u64,
    size: u64,
    nodes: &N,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut siblings, mut within) = (Vec::new(), 0..size);
    while within.end - within.start > 1 {
        let middle = middle(&within);
        let (left, right) = (within.start..middle, middle..within.end);
        let (inside, sibling) = if index < middle {
            (left, right)
        } else {
            (right, left)
        };
        siblings.push(sibling);
        within = inside;
    }
    let path = siblings.into_iter().rev();
    path.map(|sibling| subtree(sibling, nodes))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The proof that the tree of `old` leaves is the beginning of that of `new` leaves; nothing if
/// `old` is larger. It is empty if one of them is empty or both are the same
/// ([RFC 6962 section 2.1.2](https://www.rfc-editor.org/rfc/rfc6962#section-2.1.2)).
///
/// # Errors
/// Those of the nodes.
pub fn consistency<N: Nodes + ?Sized>(
    old: u64,
    new: u64,
    nodes: &N,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if old > new {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    let (mut parts, mut within) = (Vec::new(), 0..new);
    while within.end != old {
        let middle = middle(&within);
        let (left, right) = (within.start..middle, middle..within.end);
        let (inside, sibling) = if old <= middle {
            (left, right)
        } else {
            (right, left)
        };
        parts.push(sibling);
        within = inside;
    }
    // A subtree that starts the old tree is its root, which the verifier knows.
    if within.start > 0 {
        parts.push(within);
    }
    let proof = parts.into_iter().rev();
    proof
        .map(|part| subtree(part, nodes))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Where the largest complete left subtree of two or more leaves ends.
fn middle(leaves: &Range<u64>) -> u64 {
    let count = leaves.end - leaves.start;
    leaves.start + (1 << (count - 1).ilog2())
}

fn subtree<N: Nodes + ?Sized>(leaves: Range<u64>, nodes: &N) -> Result<Hash, N::Error> {
    let count = leaves.end - leaves.start;
    if count.is_power_of_two() {
        return nodes.node(count.ilog2(), leaves.start / count);
    }
    let middle = middle(&leaves);
    let left = subtree(leaves.start..middle, nodes)?;
    Ok(node_hash(&left, &subtree(middle..leaves.end, nodes)?))
}
