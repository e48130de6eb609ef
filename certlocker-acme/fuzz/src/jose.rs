//! Signed requests, keys, and what is inside.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_acme::jose::{ExternalAccountBinding, FlattenedJws, Jwk, KeyChange, KeyId, Quirks};

use crate::assert_shown;

pub(crate) const URL: &str = "https://ca.test/acme/new-account";
const MAC_KEY: &[u8] = b"a key for message authentication";

/// The one key that signs here; nothing outside of this package trusts it.
pub(crate) fn key_pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("every 32 octets are a seed")
}

pub(crate) fn public_jwk(key: &Ed25519KeyPair) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.public_key());
    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
}

/// A flattened JWS; `members` follow the algorithm in the protected header.
pub(crate) fn signed(members: &str, payload: &[u8]) -> String {
    let protected = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA",{members}}}"#));
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let signature = key_pair().sign(format!("{protected}.{payload}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#)
}

/// A key reads back from its canonical form as the same key.
pub(crate) fn jwk(data: &[u8]) {
    match Jwk::parse(data) {
        Ok(key) => {
            let written = key.to_canonical_json();
            let again = Jwk::parse(written.as_bytes()).expect("it is canonical");
            assert_eq!(again, key);
            assert_eq!(again.to_canonical_json(), written);
            assert_eq!(again.thumbprint(), key.thumbprint());
        }
        Err(refusal) => assert_shown(&refusal.to_string()),
    }
}

/// A request that reads has one meaning: its text is the one encoding of what was read, no member
/// comes twice, and the key that it carries signs with the algorithm that it names.
pub(crate) fn jws(data: &[u8]) {
    let jws = match FlattenedJws::parse(data) {
        Ok(jws) => jws,
        Err(refusal) => return assert_shown(&refusal.to_string()),
    };
    if let KeyId::Jwk(key) = jws.header().key() {
        assert_eq!(key.algorithm(), jws.header().algorithm());
        let strict = jws.verify(key, Quirks::default());
        let lenient = Quirks {
            short_ecdsa_signature: true,
        };
        let lenient = jws.verify(key, lenient);
        assert!(strict.is_err() || lenient == strict);
    }
    // Members without a meaning are passed over, even if they are no text that a value could hold.
    let Ok(whole) = serde_json::from_slice::<serde_json::Value>(data) else {
        return;
    };
    let protected = whole["protected"].as_str().expect("it is text");
    let protected = URL_SAFE_NO_PAD.decode(protected).expect("it was decoded");
    let Ok(header) = serde_json::from_slice::<serde_json::Value>(&protected) else {
        return;
    };
    assert_eq!(header["url"].as_str(), Some(jws.header().url()));
    assert_eq!(
        header["alg"].as_str(),
        Some(jws.header().algorithm().as_str())
    );
    assert!(header.get("jwk").is_some() != header.get("kid").is_some());
    assert_eq!(whole["payload"], URL_SAFE_NO_PAD.encode(jws.into_payload()));
}

/// Two octets of a place, one of a change, and a payload: the payload arrives as it was signed, and
/// with one octet changed either nothing else was signed, or nothing verifies.
pub(crate) fn jws_altered(data: &[u8]) {
    let [high, low, change, payload @ ..] = data else {
        return;
    };
    let key = Jwk::parse(public_jwk(&key_pair()).as_bytes()).expect("it is a key");
    let text = signed(&format!(r#""kid":"{URL}","url":"{URL}""#), payload);
    assert_eq!(verified(text.as_bytes(), &key).as_deref(), Some(payload));
    let mut altered = text.into_bytes();
    let place = usize::from(u16::from_be_bytes([*high, *low])) % altered.len();
    altered[place] ^= change;
    let arrived = verified(&altered, &key);
    assert!(arrived.is_none_or(|arrived| arrived == payload));
}

fn verified(text: &[u8], key: &Jwk) -> Option<Vec<u8>> {
    let jws = FlattenedJws::parse(text).ok()?;
    jws.verify(key, Quirks::default()).ok()?;
    Some(jws.into_payload())
}

/// A binding that reads names a credential and is no proof without its MAC key.
pub(crate) fn external_account_binding(data: &[u8]) {
    let key = Jwk::parse(public_jwk(&key_pair()).as_bytes()).expect("it is a key");
    match ExternalAccountBinding::parse(data, URL, &key) {
        Ok(binding) => {
            let right = binding.verify(MAC_KEY).is_ok();
            let wrong = binding.verify(b"another key").is_ok();
            assert!(!(right && wrong));
            assert!(ExternalAccountBinding::parse(data, "https://other.test/", &key).is_err());
        }
        Err(refusal) => assert_shown(&refusal.to_string()),
    }
}

/// A key change that reads was signed by the new key, for this URL and no other.
pub(crate) fn key_change(data: &[u8]) {
    match KeyChange::parse(data, URL) {
        Ok(change) => {
            let inner = FlattenedJws::parse(data).expect("it was read");
            assert!(inner.verify(change.new_key(), Quirks::default()).is_ok());
            assert!(KeyChange::parse(data, "https://other.test/").is_err());
        }
        Err(refusal) => assert_shown(&refusal.to_string()),
    }
}
