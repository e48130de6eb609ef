//! The JWS inside a JWS: external account binding and key change.

use aws_lc_rs::hmac;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::jws::{Outer, Protected, decoded};
use super::{FlattenedJws, Jwk, KeyId, Quirks, Refusal};
use crate::object;

/// An external account binding: an account key, vouched for by a MAC key that the CA knows
/// ([RFC 8555 section 7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
#[derive(Debug)]
pub struct ExternalAccountBinding {
    algorithm: hmac::Algorithm,
    kid: String,
    message: Vec<u8>,
    tag: Vec<u8>,
}

impl ExternalAccountBinding {
    /// Reads a binding for the account key `key`, sent to `url`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when it is not a MAC over that key for that URL.
    pub fn parse(json: &[u8], url: &str, key: &Jwk) -> Result<Self, Refusal> {
        let outer = Outer::parse(json)?;
        let header = decoded("protected", &outer.protected)?;
        let header = Protected::parse(&header)?;
        let algorithm = match header.alg.as_ref() {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            other => {
                let other = super::refusal::printable(other);
                return Err(Refusal::malformed(format!(
                    "the external account binding is signed with `{other}`; HS256, HS384 and HS512 are MACs"
                )));
            }
        };
        if header.nonce.is_some() || header.jwk.is_some() {
            return Err(Refusal::malformed(
                "the external account binding has a `nonce` or a `jwk` in its header",
            ));
        }
        check_url(&header.url, url)?;
        let kid = header
            .kid
            .ok_or_else(|| Refusal::malformed("the external account binding has no `kid`"))?;
        if Jwk::parse(&decoded("payload", &outer.payload)?)? != *key {
            return Err(Refusal::malformed(
                "the external account binding is for another key than the one that signed the request",
            ));
        }
        let (kid, message) = (kid.into_owned(), outer.message());
        Ok(Self {
            algorithm,
            kid,
            message,
            tag: decoded("signature", &outer.signature)?,
        })
    }

    /// The key identifier of the MAC key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies the MAC.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn verify(&self, mac_key: &[u8]) -> Result<(), Refusal> {
        let key = hmac::Key::new(self.algorithm, mac_key);
        hmac::verify(&key, &self.message, &self.tag).map_err(|_| Refusal::Signature)
    }
}

/// A request for another account key, signed by that key
/// ([RFC 8555 section 7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).
#[derive(Debug)]
pub struct KeyChange {
    account: String,
    new_key: Jwk,
    old_key: Jwk,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChangePayload<'a> {
    account: String,
    #[serde(borrow)]
    old_key: &'a RawValue,
}

impl KeyChange {
    /// Reads and verifies the inner JWS of a key change sent to `url`.
    ///
    /// # Errors
    /// [`Refusal`], by what is wrong with the inner JWS.
    pub fn parse(json: &[u8], url: &str) -> Result<Self, Refusal> {
        let inner = FlattenedJws::parse(json)?;
        if inner.header().nonce().is_some() {
            return Err(Refusal::malformed(
                "the inner JWS has a `nonce`, which RFC 8555 section 7.3.5 forbids",
            ));
        }
        check_url(inner.header().url(), url)?;
        let KeyId::Jwk(key) = inner.header().key() else {
            return Err(Refusal::malformed(
                "the inner JWS names its key by `kid`, and has to carry the new key as `jwk`",
            ));
        };
        let new_key = Jwk::clone(key);
        inner.verify(&new_key, Quirks::default())?;
        let payload = inner.into_payload();
        let payload: KeyChangePayload<'_> = object::from_slice(&payload)
            .map_err(|error| Refusal::json("the payload of the inner JWS", &error))?;
        let old_key = Jwk::parse(payload.old_key.get().as_bytes())?;
        Ok(Self {
            account: payload.account,
            new_key,
            old_key,
        })
    }

    /// The account that gets the key.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The key it gets.
    pub fn new_key(&self) -> &Jwk {
        &self.new_key
    }

    /// The key it has.
    pub fn old_key(&self) -> &Jwk {
        &self.old_key
    }
}

fn check_url(inner: &str, outer: &str) -> Result<(), Refusal> {
    if inner == outer {
        return Ok(());
    }
    let inner = super::refusal::printable(inner);
    Err(Refusal::malformed(format!(
        "the inner JWS is for `{inner}`, and the outer one for `{outer}`"
    )))
}
