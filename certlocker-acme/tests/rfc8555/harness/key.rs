//! Keys that sign requests, and their JSON forms.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

use super::base64url;

/// A key pair with the one algorithm that it signs with.
#[derive(Clone)]
pub struct Key(Arc<Pair>);

enum Pair {
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

struct Curve {
    algorithm: &'static str,
    name: &'static str,
    signing: &'static EcdsaSigningAlgorithm,
}

impl Key {
    pub fn es256() -> Self {
        Self::ec("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub fn es384() -> Self {
        Self::ec("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    pub fn es512() -> Self {
        Self::ec("ES512", "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING)
    }

    pub fn eddsa() -> Self {
        Self(Arc::new(Pair::Ed25519(Ed25519KeyPair::generate().unwrap())))
    }

    pub fn rs256() -> Self {
        Self(Arc::new(Pair::Rsa(
            RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        )))
    }

    fn ec(
        algorithm: &'static str,
        name: &'static str,
        signing: &'static EcdsaSigningAlgorithm,
    ) -> Self {
        let curve = Curve {
            algorithm,
            name,
            signing,
        };
        let pair = EcdsaKeyPair::generate(curve.signing).unwrap();
        Self(Arc::new(Pair::Ec(curve, pair)))
    }

    /// Its name in the `alg` member.
    pub fn algorithm(&self) -> &'static str {
        match self.0.as_ref() {
            Pair::Ec(curve, _) => curve.algorithm,
            Pair::Ed25519(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    pub fn jwk(&self) -> Value {
        match self.0.as_ref() {
            Pair::Ec(curve, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve.name, "x": base64url(x), "y": base64url(y)})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())})
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let modulus = key.modulus().big_endian_without_leading_zero();
                let exponent = key.exponent().big_endian_without_leading_zero();
                json!({"kty": "RSA", "n": base64url(modulus), "e": base64url(exponent)})
            }
        }
    }

    /// RFC 7638: the members in lexical order, which is the order of a JSON map here.
    pub fn thumbprint(&self) -> String {
        let canonical = self.jwk().to_string();
        base64url(digest(&SHA256, canonical.as_bytes()).as_ref())
    }

    /// The first octet of the x coordinate.
    pub fn leads_with_zero(&self) -> bool {
        matches!(self.0.as_ref(), Pair::Ec(_, pair) if pair.public_key().as_ref()[1] == 0)
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self.0.as_ref() {
            Pair::Ec(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    /// The private key of an ECDSA pair in PKCS #8.
    pub fn pkcs8(&self) -> Vec<u8> {
        match self.0.as_ref() {
            Pair::Ec(_, pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            _ => panic!("only ECDSA keys are handed to openssl"),
        }
    }
}
