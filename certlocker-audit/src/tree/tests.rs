use proptest::prelude::*;

use super::*;

fn leaves(count: usize) -> Vec<Hash> {
    let entry = |seq| format!("{{\"seq\":{seq},\"action\":\"token.create\"}}");
    (0..count)
        .map(|seq| leaf_hash(entry(seq).as_bytes()))
        .collect()
}

/// The definition of RFC 6962 section 2.1, word by word.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        more => {
            let half = more.len().next_power_of_two() / 2;
            node_hash(&defined(&more[..half]), &defined(&more[half..]))
        }
    }
}

#[test]
fn roots_are_the_known_ones() {
    let all = leaves(70_000);
    for (size, expect) in [
        (0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (1, "JghHkaB9XS4/gNmIGDDGG1xixzkGcorUrP9BSaTb4W4="),
        (255, "C+r7CmJOPoRptTBK8c8u2if1Zl47sXHr5I/4EAVYPR8="),
        (256, "/U0sUpT5Eh7nLrNDistccJ/pllw3Pc2NtgS1cNJbDcU="),
        (257, "0wcnaaRovomXkw5HrqQ7EHEZr46An5+3No10Q6hGzeA="),
        (70_000, "iEbNLhRYN2aaa9YYvyNWoofrByKK+pWn/9xgZGodel8="),
    ] {
        assert_eq!(root(&all[..size]).to_string(), expect, "size {size}");
    }
}

#[test]
fn an_edge_gives_the_root_that_is_defined_at_every_size() {
    let (leaves, mut frontier) = (leaves(600), Frontier::default());
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.root(), defined(&leaves[..size]), "size {size}");
        frontier.push(*leaf);
    }
    assert!(Frontier::of(3, vec![empty_root()]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_leaf_is_proven_in_every_tree_and_nothing_else_is(size in 1_usize..300, at in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let leaves = leaves(size);
        let index = at.index(size);
        let (place, size, root) = (index as u64, size as u64, root(&leaves));
        let proof = inclusion(place, size, leaves.as_slice()).unwrap().unwrap();
        prop_assert_eq!(verify_inclusion(&leaves[index], place, size, &proof, &root), Ok(()));
        let flip = |hash: &Hash| { let mut hash = *hash; hash.0[bit / 8] ^= 1 << (bit % 8); hash };
        prop_assert!(verify_inclusion(&flip(&leaves[index]), place, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaves[index], place, size, &proof, &flip(&root)).is_err());
        for part in 0..proof.len() {
            let mut wrong = proof.clone();
            wrong[part] = flip(&wrong[part]);
            prop_assert!(verify_inclusion(&leaves[index], place, size, &wrong, &root).is_err());
            wrong.remove(part);
            prop_assert!(verify_inclusion(&leaves[index], place, size, &wrong, &root).is_err());
        }
        let longer = [&proof[..], &[root]].concat();
        prop_assert!(verify_inclusion(&leaves[index], place, size, &longer, &root).is_err());
        if size > 1 {
            let other = (place + 1) % size;
            prop_assert!(verify_inclusion(&leaves[index], other, size, &proof, &root).is_err());
        }
        prop_assert!(verify_inclusion(&leaves[index], size, size, &proof, &root).is_err());
    }

    #[test]
    fn every_tree_is_the_beginning_of_every_later_one_and_of_no_other(new in 1_usize..300, at in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let leaves = leaves(new);
        let old = at.index(new + 1);
        let (old_root, new_root) = (root(&leaves[..old]), root(&leaves));
        let (from, to) = (old as u64, new as u64);
        let proof = consistency(from, to, leaves.as_slice()).unwrap().unwrap();
        prop_assert_eq!(verify_consistency(from, to, &proof, &old_root, &new_root), Ok(()));
        let flip = |hash: &Hash| { let mut hash = *hash; hash.0[bit / 8] ^= 1 << (bit % 8); hash };
        prop_assert!(verify_consistency(from, to, &proof, &flip(&old_root), &new_root).is_err());
        if old > 0 {
            prop_assert!(verify_consistency(from, to, &proof, &old_root, &flip(&new_root)).is_err());
        }
        for part in 0..proof.len() {
            let mut wrong = proof.clone();
            wrong[part] = flip(&wrong[part]);
            prop_assert!(verify_consistency(from, to, &wrong, &old_root, &new_root).is_err());
            wrong.remove(part);
            prop_assert!(verify_consistency(from, to, &wrong, &old_root, &new_root).is_err());
        }
        let longer = [&proof[..], &[new_root]].concat();
        prop_assert!(verify_consistency(from, to, &longer, &old_root, &new_root).is_err());
        prop_assert!(consistency(to + 1, to, leaves.as_slice()).unwrap().is_none());
    }

    #[test]
    fn proofs_of_any_content_are_refused_without_a_panic(
        index in any::<u64>(), size in any::<u64>(), other in any::<u64>(), proof in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<Hash> = proof.into_iter().map(Hash).collect();
        let root = leaf_hash(b"root");
        prop_assert!(verify_inclusion(&leaf_hash(b"x"), index, size, &proof, &root).is_err());
        if size != other {
            prop_assert!(verify_consistency(size.max(1), other, &proof, &leaf_hash(b"x"), &root).is_err());
        }
    }
}
