//! Flattened JWS ([RFC 7515 section 7.2.2](https://www.rfc-editor.org/rfc/rfc7515#section-7.2.2)).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::Quirk;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Algorithm, Jwk, Refusal};
use crate::object;
use crate::problem::admissible;

/// A signed request that was read, not verified.
#[derive(Debug)]
pub struct FlattenedJws {
    header: Header,
    message: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The protected header ([RFC 8555 section 6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).
#[derive(Debug)]
pub struct Header {
    algorithm: Algorithm,
    key: KeyId,
    nonce: Option<String>,
    url: String,
}

impl Header {
    /// The signature algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key, or the account that has it.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// The nonce.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The URL that the request was signed for.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// How a request names its key.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "the RFC has these two")]
pub enum KeyId {
    /// The key itself.
    Jwk(Box<Jwk>),
    /// The URL of the account that has the key.
    Kid(String),
}

/// Known mistakes of clients that are admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "one switch for each mistake")]
pub struct Quirks {
    /// An ES256 signature may lack one leading zero octet of r or s.
    pub short_ecdsa_signature: bool,
}

/// That a signature verified, and with what mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The signature lacked a leading zero octet.
    pub short_signature: bool,
}

#[derive(Deserialize)]
pub(super) struct Outer<'a> {
    #[serde(borrow)]
    pub(super) protected: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) payload: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) signature: Cow<'a, str>,
    #[serde(default, deserialize_with = "object::present")]
    header: bool,
    #[serde(default, deserialize_with = "object::present")]
    signatures: bool,
}

impl<'a> Outer<'a> {
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Shape {
            #[serde(default, deserialize_with = "object::present")]
            signatures: bool,
        }
        let outer: Self = object::from_slice(json).map_err(|error| {
            let general = object::from_slice::<Shape>(json).is_ok_and(|shape| shape.signatures);
            if general {
                general_form()
            } else {
                Refusal::json("the flattened JWS", &error)
            }
        })?;
        if outer.signatures {
            return Err(general_form());
        }
        if outer.header {
            return Err(Refusal::malformed(
                "it has an unprotected `header`, which RFC 8555 section 6.2 forbids",
            ));
        }
        Ok(outer)
    }

    pub(super) fn message(&self) -> Vec<u8> {
        [self.protected.as_bytes(), b".", self.payload.as_bytes()].concat()
    }
}

fn general_form() -> Refusal {
    Refusal::malformed("it has `signatures`: the flattened form with one signature is required")
}

#[derive(Deserialize)]
pub(super) struct Protected<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) jwk: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) kid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) nonce: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
    #[serde(default, deserialize_with = "object::present")]
    b64: bool,
    #[serde(default, deserialize_with = "object::present")]
    crit: bool,
}

impl<'a> Protected<'a> {
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, Refusal> {
        let protected: Self = object::from_slice(json)
            .map_err(|error| Refusal::json("the protected header", &error))?;
        if protected.b64 || protected.crit {
            return Err(Refusal::malformed(
                "the protected header has `crit` or `b64`, and no extension is understood here",
            ));
        }
        let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if protected
            .nonce
            .as_deref()
            .is_some_and(|nonce| nonce.is_empty() || !nonce.bytes().all(base64url))
        {
            return Err(Refusal::malformed(
                "`nonce` is not base64url (RFC 8555 section 6.5.2)",
            ));
        }
        Ok(protected)
    }
}

impl FlattenedJws {
    /// Reads a signed request.
    ///
    /// # Errors
    /// [`Refusal`], by what is wrong first: the form, the header, the algorithm, the key.
    pub fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let outer = Outer::parse(json)?;
        let protected = decoded("protected", &outer.protected)?;
        let header = Header::parse(&protected)?;
        let payload = decoded("payload", &outer.payload)?;
        let signature = decoded("signature", &outer.signature)?;
        Ok(Self {
            header,
            message: outer.message(),
            payload,
            signature,
        })
    }

    /// The protected header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was signed.
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// [`Refusal::Key`] when the algorithm is not the key's, [`Refusal::Malformed`] when the
    /// signature has not the length of one, [`Refusal::Signature`] when it is not by this key.
    pub fn verify(&self, key: &Jwk, quirks: Quirks) -> Result<Verified, Refusal> {
        check_algorithm(self.header.algorithm, key)?;
        let expected = self.header.algorithm.signature_octets();
        if expected.is_none_or(|octets| octets == self.signature.len()) {
            key.verify(&self.message, &self.signature)?;
            return Ok(Verified {
                short_signature: false,
            });
        }
        let short = self.header.algorithm == Algorithm::Es256 && self.signature.len() == 63;
        if short && quirks.short_ecdsa_signature {
            return self.verify_short(key);
        }
        Err(Refusal::malformed(self.wrong_length(short, key)))
    }

    fn wrong_length(&self, short: bool, key: &Jwk) -> String {
        let (algorithm, seen) = (self.header.algorithm, self.signature.len());
        let (name, expected) = (algorithm.as_str(), algorithm.signature_octets());
        let detail = format!(
            "an {name} signature has {} octets (r and s, not DER), and this one has {seen}",
            expected.unwrap_or_default()
        );
        match short && self.verify_short(key).is_ok() {
            true => admissible(&detail, Quirk::ShortSignature),
            false => detail,
        }
    }

    /// It is not known whether r or s lost its zero.
    fn verify_short(&self, key: &Jwk) -> Result<Verified, Refusal> {
        let short_r = [&[0], self.signature.as_slice()].concat();
        let short_s = [&self.signature[..32], &[0], &self.signature[32..]].concat();
        key.verify(&self.message, &short_r)
            .or_else(|_| key.verify(&self.message, &short_s))?;
        Ok(Verified {
            short_signature: true,
        })
    }
}

pub(super) fn check_algorithm(algorithm: Algorithm, key: &Jwk) -> Result<(), Refusal> {
    if key.algorithm() == algorithm {
        return Ok(());
    }
    let (given, own) = (algorithm.as_str(), key.algorithm().as_str());
    Err(Refusal::key(format!(
        "`alg` is {given}, and this key signs with {own}"
    )))
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let protected = Protected::parse(json)?;
        let algorithm = Algorithm::parse(&protected.alg)?;
        let key = match (protected.jwk, protected.kid) {
            (Some(jwk), None) => {
                let key = Jwk::parse(jwk.get().as_bytes())?;
                check_algorithm(algorithm, &key)?;
                KeyId::Jwk(Box::new(key))
            }
            (None, Some(kid)) => KeyId::Kid(kid.into_owned()),
            (Some(_), Some(_)) => {
                return Err(Refusal::malformed(
                    "the protected header has both `jwk` and `kid`",
                ));
            }
            (None, None) => {
                return Err(Refusal::malformed(
                    "the protected header has neither `jwk` nor `kid`",
                ));
            }
        };
        let nonce = protected.nonce.map(Cow::into_owned);
        Ok(Self {
            algorithm,
            key,
            nonce,
            url: protected.url.into_owned(),
        })
    }
}

pub(super) fn decoded(name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        Refusal::malformed(format!(
            "`{name}` is not base64url without padding: {error}"
        ))
    })
}
