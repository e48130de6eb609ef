//! A key that a passphrase protects, as the bytes of a file.
//!
//! `magic ‖ version ‖ memory ‖ passes ‖ lanes ‖ salt ‖ nonce ‖ ciphertext ‖ tag`, the costs of
//! Argon2id ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)) as big-endian numbers. Everything
//! before the nonce is bound into the ciphertext.

use argon2::{Algorithm, Argon2, Params};
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};

use super::envelope::NONCE;
use super::{KEY, cipher};
use crate::{Random, Secret};

const MAGIC: &[u8; 4] = b"CLPK";
const VERSION: u8 = 1;
const SALT: usize = 16;
const HEAD: usize = MAGIC.len() + 1 + 3 * size_of::<u32>() + SALT;
const TAG: usize = 16;
/// How many bytes a protected key has.
pub(super) const LENGTH: usize = HEAD + NONCE + KEY + TAG;

/// What one guess at a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The second recommended option of
    /// [RFC 9106 section 4](https://www.rfc-editor.org/rfc/rfc9106#section-4).
    pub(super) const RECOMMENDED: Self = Self {
        memory: 64 * 1024,
        passes: 3,
        lanes: 4,
    };
    /// More than this is not begun: a file could otherwise ask for any amount.
    const MOST: Self = Self {
        memory: 4 * 1024 * 1024,
        passes: 1_000,
        lanes: 64,
    };
    #[cfg(test)]
    pub(super) const LEAST: Self = Self {
        memory: 8,
        passes: 1,
        lanes: 1,
    };

    fn is_affordable(self) -> bool {
        self.memory <= Self::MOST.memory
            && self.passes <= Self::MOST.passes
            && self.lanes <= Self::MOST.lanes
    }
}

/// Why a protected key does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locked {
    /// The bytes are no protected key of a known kind.
    Form,
    /// It is protected by another passphrase, or was changed.
    Passphrase,
}

/// Whether these bytes begin like a protected key.
pub(super) fn is_protected(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

pub(super) fn protect(
    key: &[u8],
    passphrase: &Secret,
    cost: Cost,
    random: Random<'_>,
) -> Result<Vec<u8>, Locked> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    random(&mut salt);
    random(&mut nonce);
    let costs = [cost.memory, cost.passes, cost.lanes].map(u32::to_be_bytes);
    let head = [MAGIC, &[VERSION][..], &costs.concat(), &salt].concat();
    let payload = Payload {
        msg: key,
        aad: &head,
    };
    let cipher = cipher(&derived(passphrase, &salt, cost)?).ok_or(Locked::Form)?;
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
    let sealed = sealed.map_err(|_| Locked::Form)?;
    Ok([head, nonce.to_vec(), sealed].concat())
}

pub(super) fn unprotect(bytes: &[u8], passphrase: &Secret) -> Result<Secret, Locked> {
    if bytes.len() != LENGTH || !is_protected(bytes) || bytes[MAGIC.len()] != VERSION {
        return Err(Locked::Form);
    }
    let (head, rest) = bytes.split_at(HEAD);
    let (nonce, msg) = rest.split_first_chunk::<NONCE>().ok_or(Locked::Form)?;
    let (costs, salt) = head[MAGIC.len() + 1..].split_at(3 * size_of::<u32>());
    let (costs, _) = costs.as_chunks::<4>();
    let [memory, passes, lanes] = [0, 1, 2].map(|at: usize| u32::from_be_bytes(costs[at]));
    let cost = Cost {
        memory,
        passes,
        lanes,
    };
    let cipher = cipher(&derived(passphrase, salt, cost)?).ok_or(Locked::Form)?;
    let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: head });
    opened.map(Secret::new).map_err(|_| Locked::Passphrase)
}

fn derived(passphrase: &Secret, salt: &[u8], cost: Cost) -> Result<Secret, Locked> {
    if !cost.is_affordable() {
        return Err(Locked::Form);
    }
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(KEY));
    let argon2 = Argon2::new(
        Algorithm::Argon2id,
        argon2::Version::V0x13,
        params.map_err(|_| Locked::Form)?,
    );
    let mut key = zeroize::Zeroizing::new(vec![0; KEY]);
    let hashed = argon2.hash_password_into(passphrase.expose(), salt, &mut key);
    hashed.map_err(|_| Locked::Form)?;
    Ok(Secret::new(std::mem::take(&mut key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protected() -> Vec<u8> {
        let passphrase = Secret::new(b"correct horse".to_vec());
        protect(&[7; KEY], &passphrase, Cost::LEAST, &mut |bytes| {
            bytes.fill(3);
        })
        .unwrap()
    }

    fn opened(bytes: &[u8], passphrase: &str) -> Result<Vec<u8>, Locked> {
        let passphrase = Secret::new(passphrase.as_bytes().to_vec());
        unprotect(bytes, &passphrase).map(|key| key.expose().to_vec())
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
        digits
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    #[test]
    fn the_bytes_are_the_known_ones_and_open_with_the_passphrase() {
        let bytes = protected();
        let known: [&[u8]; 6] = [
            b"CLPK\x01",
            &[0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1],
            &[3; SALT],
            &[3; NONCE],
            &hex("07f4fef07fd5b6fc6d891617be5a512fe2d1e0c409b03de3201e4da3e1673038"),
            &hex("65f9296761a7902cbb16a873364a1f83"),
        ];
        assert_eq!(bytes, known.concat());
        assert_eq!(opened(&bytes, "correct horse"), Ok(vec![7; KEY]));
        assert_eq!(opened(&bytes, "battery"), Err(Locked::Passphrase));
    }

    #[test]
    fn a_byte_changed_anywhere_does_not_open() {
        let bytes = protected();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(opened(&changed, "correct horse").is_err(), "byte {place}");
        }
    }

    #[test]
    fn costs_without_end_and_other_lengths_are_refused_before_any_work() {
        let mut bytes = protected();
        for place in [5, 9, 13] {
            let mut dear = bytes.clone();
            dear[place] = 0xff;
            assert_eq!(opened(&dear, "correct horse"), Err(Locked::Form));
        }
        assert_eq!(opened(&bytes[..LENGTH - 1], "x"), Err(Locked::Form));
        bytes.push(0);
        assert_eq!(opened(&bytes, "x"), Err(Locked::Form));
    }
}
