//! Requests made by hand, so that each octet of them can be wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_acme::{Answer, Call, Gateway};

use super::BASE;

/// An ACME client with a key, and an account once it is registered.
pub struct Raw {
    pub gateway: Gateway,
    pub kid: Option<String>,
    key: EcdsaKeyPair,
}

impl Raw {
    pub fn new(gateway: &Gateway) -> Self {
        Self {
            gateway: gateway.clone(),
            kid: None,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        }
    }

    pub async fn registered(gateway: &Gateway) -> Self {
        let mut client = Self::new(gateway);
        let answer = client.post("/new-account", "{}").await;
        client.kid = Some(header(&answer, "location").to_owned());
        client
    }

    pub fn jwk(&self) -> String {
        let point = self.key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
    }

    pub async fn nonce(&self) -> String {
        let answer = self
            .gateway
            .answer(call("HEAD", "/new-nonce", String::new()))
            .await;
        header(&answer, "replay-nonce").to_owned()
    }

    pub async fn post(&self, path: &str, payload: &str) -> Answer {
        let nonce = self.nonce().await;
        self.post_with(path, payload, &nonce).await
    }

    pub async fn post_with(&self, path: &str, payload: &str, nonce: &str) -> Answer {
        let (message, signature) = self.sign(path, payload, nonce);
        self.send(path, &message, &signature).await
    }

    /// Signs until r begins with a zero, and leaves that out.
    pub async fn post_short(&self, path: &str, payload: &str) -> Answer {
        let nonce = self.nonce().await;
        loop {
            let (message, signature) = self.sign(path, payload, &nonce);
            if signature[0] == 0 {
                return self.send(path, &message, &signature[1..]).await;
            }
        }
    }

    fn sign(&self, path: &str, payload: &str, nonce: &str) -> (String, Vec<u8>) {
        let key = match &self.kid {
            Some(kid) => format!(r#""kid":"{kid}""#),
            None => format!(r#""jwk":{}"#, self.jwk()),
        };
        let header = format!(r#"{{"alg":"ES256",{key},"nonce":"{nonce}","url":"{BASE}{path}"}}"#);
        let [header, payload] = [&header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{payload}");
        let signature = self
            .key
            .sign(&SystemRandom::new(), message.as_bytes())
            .unwrap();
        (message, signature.as_ref().to_vec())
    }

    async fn send(&self, path: &str, message: &str, signature: &[u8]) -> Answer {
        let (protected, payload) = message.split_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let body = format!(
            r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
        );
        self.gateway.answer(call("POST", path, body)).await
    }

    /// Places an order for these names, and gives its path.
    pub async fn order(&self, names: &[&str]) -> String {
        let names: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"type":"dns","value":"{name}"}}"#))
            .collect();
        let payload = format!(r#"{{"identifiers":[{}]}}"#, names.join(","));
        let answer = self.post("/new-order", &payload).await;
        path(header(&answer, "location"))
    }

    /// Answers the dns-01 challenge of one authorization of an order.
    pub async fn prove(&self, order: &str, place: usize) -> Answer {
        let id = order.strip_prefix("/order/").unwrap();
        self.post(&format!("/chall/{id}-{place}-dns-01"), "{}")
            .await
    }
}

pub fn path(url: &str) -> String {
    url.strip_prefix(BASE).unwrap().to_owned()
}

pub fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let mut headers = answer.headers.iter();
    let found = headers.find(|(known, _)| *known == name);
    &found
        .unwrap_or_else(|| panic!("no {name}: {}", body(answer)))
        .1
}

pub fn body(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// A certificate request for these names, in base64url.
pub fn csr(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut request = rcgen::CertificateParams::new(names).unwrap();
    request.distinguished_name = rcgen::DistinguishedName::new();
    let request = request.serialize_request(&key).unwrap();
    URL_SAFE_NO_PAD.encode(request.der())
}

fn call(method: &str, path: &str, body: String) -> Call {
    Call {
        body: body.into_bytes(),
        content_type: Some("application/jose+json".to_owned()),
        method: method.to_owned(),
        path_and_query: path.to_owned(),
        peer: None,
        request_id: "1".to_owned(),
        traceparent: None,
    }
}
