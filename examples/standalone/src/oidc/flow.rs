//! What a browser keeps while its owner is at the issuer.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::OidcError;

/// How long somebody may be at the issuer.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A sign-in that was begun.
#[derive(Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) nonce: String,
    pub(super) state: String,
    pub(super) until: Timestamp,
    pub(super) verifier: String,
}

/// Seals what is begun for the browser that began it, so that nobody reads or makes it up.
pub(super) struct FlowKey(RandomizedNonceKey);

/// What these bytes are sealed for, and no others.
const CONTEXT: &[u8] = b"certlocker sign-in at an issuer, 1";

impl FlowKey {
    /// Nothing for a key of another length.
    pub(super) fn new(key: &Secret) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, key.expose())
            .ok()
            .map(Self)
    }

    /// As the text of a cookie.
    pub(super) fn seal(&self, begun: &Begun) -> Result<String, OidcError> {
        let mut bytes = serde_json::to_vec(begun).map_err(|_| OidcError::Seal)?;
        let sealed = self
            .0
            .seal_in_place_append_tag(Aad::from(CONTEXT), &mut bytes);
        let nonce = sealed.map_err(|_| OidcError::Seal)?;
        let whole = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(URL_SAFE_NO_PAD.encode(whole))
    }

    /// What was sealed here, if it is not too old.
    pub(super) fn open(&self, kept: &str, now: Timestamp) -> Option<Begun> {
        let whole = URL_SAFE_NO_PAD.decode(kept).ok()?;
        let (nonce, sealed) = whole.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(CONTEXT), &mut sealed);
        let begun: Begun = serde_json::from_slice(opened.ok()?).ok()?;
        (now < begun.until).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second)
    }

    fn key(number: u8) -> FlowKey {
        FlowKey::new(&Secret::new(vec![number; 32])).unwrap()
    }

    fn kept() -> String {
        let text = str::to_owned;
        let begun = Begun {
            nonce: text("n"),
            state: text("s"),
            until: at(600),
            verifier: text("v"),
        };
        key(1).seal(&begun).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_for_a_while() {
        let kept = kept();
        assert_eq!(key(1).open(&kept, at(599)).unwrap().verifier, "v");
        assert!(key(1).open(&kept, at(600)).is_none());
        assert!(key(2).open(&kept, at(0)).is_none());
    }

    #[test]
    fn what_is_changed_anywhere_or_cut_is_not_opened() {
        let bytes = URL_SAFE_NO_PAD.decode(kept()).unwrap();
        let open = |bytes: &[u8]| key(1).open(&URL_SAFE_NO_PAD.encode(bytes), at(0));
        assert!(open(&bytes).is_some());
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(
                open(&changed).is_none() && open(&bytes[..place]).is_none(),
                "{place}"
            );
        }
    }
}
