//! Keys and signatures that are too weak.

use serde::Serialize;

use crate::{Facts, Key, SignatureHash, Unreadable};

/// Something in a chain that is too weak, or that clients refuse for its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Weakness {
    /// A key is too short.
    ShortKey {
        /// The key.
        key: Key,
        /// The place of its certificate, the leaf's being zero.
        position: usize,
    },
    /// A key is of a kind that few clients know.
    UncommonKey {
        /// The key.
        key: Key,
        /// The place of its certificate, the leaf's being zero.
        position: usize,
    },
    /// A signature has a hash inside that can be made to collide, or one that is not known.
    WeakSignature {
        /// The hash.
        hash: SignatureHash,
        /// The place of its certificate, the leaf's being zero.
        position: usize,
    },
}

/// NIST SP 800-57 and the Baseline Requirements, section 6.1.5.
const SHORTEST_RSA: u32 = 2048;

/// What is weak in a chain. The signature of a root on itself protects nothing and is not looked at.
pub(crate) fn weaknesses(chain: &[Result<Facts, Unreadable>]) -> Vec<Weakness> {
    let mut found = Vec::new();
    for (position, facts) in chain.iter().enumerate() {
        let Ok(facts) = facts else { continue };
        found.extend(of_key(&facts.key, position));
        if !(facts.is_authority && facts.is_self_issued())
            && facts.signature_hash != SignatureHash::Strong
        {
            found.push(Weakness::WeakSignature {
                hash: facts.signature_hash.clone(),
                position,
            });
        }
    }
    found
}

fn of_key(key: &Key, position: usize) -> Option<Weakness> {
    let key = key.clone();
    match key {
        Key::Rsa { bits } if bits < SHORTEST_RSA => Some(Weakness::ShortKey { key, position }),
        Key::Rsa { .. } | Key::Ec { .. } | Key::Ed25519 => None,
        Key::Ed448 | Key::Other { .. } => Some(Weakness::UncommonKey { key, position }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, Leaf};

    fn facts() -> Facts {
        Facts::read(
            &Authority::root("root")
                .issue(&Leaf::named(&["a.example"]))
                .der
                .0,
        )
        .unwrap()
    }

    #[test]
    fn short_and_uncommon_keys_are_found_with_their_place() {
        let (short, other) = (
            Key::Rsa { bits: 1024 },
            Key::Other {
                oid: "1.2.3".to_owned(),
            },
        );
        let with = |key: &Key| {
            Ok(Facts {
                key: key.clone(),
                ..facts()
            })
        };
        let chain = [
            with(&short),
            with(&Key::Rsa { bits: 2048 }),
            with(&Key::Ed25519),
            with(&other),
        ];
        assert_eq!(
            weaknesses(&chain),
            [
                Weakness::ShortKey {
                    key: short,
                    position: 0
                },
                Weakness::UncommonKey {
                    key: other,
                    position: 3
                }
            ]
        );
    }

    #[test]
    fn an_old_hash_counts_in_every_signature_but_that_of_a_root_on_itself() {
        let with = |facts: Facts| {
            Ok(Facts {
                signature_hash: SignatureHash::Sha1,
                ..facts
            })
        };
        let root = Facts::read(&Authority::root("root").der.0).unwrap();
        let found = weaknesses(&[with(facts()), with(root)]);
        assert_eq!(
            found,
            [Weakness::WeakSignature {
                hash: SignatureHash::Sha1,
                position: 0
            }]
        );
    }
}
