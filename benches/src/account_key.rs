//! The key of an account, and requests signed with it.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Failure;

/// An ES256 key with its public half as it is sent.
#[derive(Debug)]
pub struct AccountKey {
    jwk: String,
    pair: EcdsaKeyPair,
    random: SystemRandom,
    thumbprint: String,
}

/// Octets of one coordinate of a P-256 point.
const COORDINATE: usize = 32;

impl AccountKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| Failure::Unexpected("no key could be made".to_owned()))?;
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = (encoded(&point[..COORDINATE]), encoded(&point[COORDINATE..]));
        // The members are in the order that RFC 7638 hashes them in.
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = encoded(digest::digest(&digest::SHA256, jwk.as_bytes()).as_ref());
        let random = SystemRandom::new();
        Ok(Self {
            jwk,
            pair,
            random,
            thumbprint,
        })
    }

    /// The key as a JSON Web Key.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// What proves control over an identifier, for a challenge's token.
    pub fn authorize(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint)
    }

    /// A request as flattened JWS; with the key itself while there is no account URL.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(
        &self,
        url: &str,
        nonce: &str,
        account: Option<&str>,
        payload: &str,
    ) -> Result<Vec<u8>, Failure> {
        let key = match account {
            Some(url) => format!(r#""kid":"{url}""#),
            None => format!(r#""jwk":{}"#, self.jwk),
        };
        let header = format!(r#"{{"alg":"ES256",{key},"nonce":"{nonce}","url":"{url}"}}"#);
        let (protected, payload) = (encoded(header.as_bytes()), encoded(payload.as_bytes()));
        let message = format!("{protected}.{payload}");
        let signature = self.pair.sign(&self.random, message.as_bytes());
        let signature =
            signature.map_err(|_| Failure::Unexpected("no signature was made".to_owned()))?;
        let signature = encoded(signature.as_ref());
        let jws = format!(
            r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
        );
        Ok(jws.into_bytes())
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
