//! Nonces: issued without a write, spent exactly once.

mod shared;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::StoreError;

pub use shared::{SharedNonces, SharedNoncesError};

/// Issues nonces and takes each back once ([RFC 8555 section 6.5]).
///
/// Nodes that share traffic must accept each other's nonces, and each exactly once in all.
///
/// [RFC 8555 section 6.5]: https://www.rfc-editor.org/rfc/rfc8555#section-6.5
#[async_trait]
pub trait Nonces: Send + Sync {
    /// A fresh nonce.
    fn issue(&self) -> String;

    /// Whether `nonce` was issued here, is recent, and was not redeemed before; it is spent with
    /// this. A false "no" costs the client one more request, a false "yes" is a replay.
    ///
    /// # Errors
    /// When nobody can tell now.
    async fn redeem(&self, nonce: &str) -> Result<bool, StoreError>;
}

/// Nonces of one process: a counter under a MAC, and one bit for each of the latest.
///
/// The key is new with each process, so that nothing from before a restart is accepted.
#[derive(Debug)]
pub struct ProcessNonces {
    key: hmac::Key,
    window: Mutex<Window>,
}

impl ProcessNonces {
    /// How many of the latest nonces can be redeemed. Older ones are refused, and the client gets
    /// another with the refusal.
    pub const WINDOW: u64 = 1 << 20;

    /// Nonces under a fresh random key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, NoRandomness> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| NoRandomness)?;
        Ok(Self {
            key,
            window: Mutex::new(Window::new(Self::WINDOW)),
        })
    }

    fn tag(&self, number: u64) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&hmac::sign(&self.key, &number.to_be_bytes()).as_ref()[..TAG]);
        tag
    }
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
#[non_exhaustive]
pub struct NoRandomness;

const NUMBER: usize = 8;
const TAG: usize = 16;

#[async_trait]
impl Nonces for ProcessNonces {
    fn issue(&self) -> String {
        let number = self
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .issue();
        let mut bytes = [0; NUMBER + TAG];
        bytes[..NUMBER].copy_from_slice(&number.to_be_bytes());
        bytes[NUMBER..].copy_from_slice(&self.tag(number));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    async fn redeem(&self, nonce: &str) -> Result<bool, StoreError> {
        Ok(self.redeem_now(nonce))
    }
}

impl ProcessNonces {
    fn redeem_now(&self, nonce: &str) -> bool {
        let mut bytes = [0; NUMBER + TAG];
        if URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(NUMBER + TAG) {
            return false;
        }
        let mut number = [0; NUMBER];
        number.copy_from_slice(&bytes[..NUMBER]);
        let number = u64::from_be_bytes(number);
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(number), &bytes[NUMBER..])
            .is_ok()
            && self
                .window
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .redeem(number)
    }
}

/// The latest numbers, a bit for each that tells whether it was redeemed.
#[derive(Debug)]
struct Window {
    next: u64,
    spent: Vec<u64>,
}

impl Window {
    fn new(size: u64) -> Self {
        Self {
            next: 0,
            spent: vec![0; usize::try_from(size / 64).unwrap_or(1)],
        }
    }

    fn size(&self) -> u64 {
        self.spent.len() as u64 * 64
    }

    fn issue(&mut self) -> u64 {
        let number = self.next;
        let (word, bit) = self.place(number);
        self.spent[word] &= !bit;
        self.next += 1;
        number
    }

    fn redeem(&mut self, number: u64) -> bool {
        if number >= self.next || self.next - number > self.size() {
            return false;
        }
        let (word, bit) = self.place(number);
        let fresh = self.spent[word] & bit == 0;
        self.spent[word] |= bit;
        fresh
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let word = usize::try_from(number / 64 % self.spent.len() as u64).unwrap_or(0);
        (word, 1 << (number % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_redeemed_once_and_only_while_it_is_recent() {
        let mut window = Window::new(64);
        assert!(!window.redeem(0), "not issued yet");
        let first = window.issue();
        assert!(window.redeem(first) && !window.redeem(first));
        let second = window.issue();
        for _ in 0..64 {
            window.issue();
        }
        assert!(!window.redeem(second), "64 have been issued since");
        assert!(window.redeem(65) && window.redeem(2) && !window.redeem(2));
    }

    #[test]
    fn a_nonce_of_another_process_or_with_another_byte_is_refused() {
        let (own, other) = (ProcessNonces::new().unwrap(), ProcessNonces::new().unwrap());
        let nonce = own.issue();
        assert!(!other.redeem_now(&nonce));
        let changed: String = nonce.chars().rev().collect();
        assert!(
            !own.redeem_now(&changed)
                && !own.redeem_now("")
                && !own.redeem_now(&format!("{nonce}="))
        );
        assert!(own.redeem_now(&nonce) && !own.redeem_now(&nonce));
    }
}
