//! What it costs to read and verify a signed request.

use std::hint::black_box;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_acme::jose::{FlattenedJws, Jwk, Quirks};
use certlocker_benches::AccountKey;
use criterion::{Criterion, criterion_group, criterion_main};

const URL: &str = "https://localhost:8443/rest/acme/new-order";
const ACCOUNT: &str = "https://localhost:8443/rest/acme/acct/01K0000000000000000000000A";
const NONCE: &str = "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA";
const PAYLOAD: &str = r#"{"identifiers":[{"type":"dns","value":"n1.load.example"}]}"#;

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn flattened(algorithm: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let header =
        format!(r#"{{"alg":"{algorithm}","kid":"{ACCOUNT}","nonce":"{NONCE}","url":"{URL}"}}"#);
    let (protected, payload) = (encoded(header), encoded(PAYLOAD));
    let signature = encoded(sign(format!("{protected}.{payload}").as_bytes()));
    format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#)
        .into_bytes()
}

fn es256() -> (Vec<u8>, Jwk) {
    let key = AccountKey::generate().unwrap();
    let body = key.sign(URL, NONCE, Some(ACCOUNT), PAYLOAD).unwrap();
    (body, Jwk::parse(key.jwk().as_bytes()).unwrap())
}

fn eddsa() -> (Vec<u8>, Jwk) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = encoded(pair.public_key());
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    let body = flattened("EdDSA", |message| pair.sign(message).as_ref().to_vec());
    (body, Jwk::parse(jwk.as_bytes()).unwrap())
}

fn rs256() -> (Vec<u8>, Jwk) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let key = Jwk::from_spki(spki.as_ref()).unwrap();
    let body = flattened("RS256", |message| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        )
        .unwrap();
        signature
    });
    (body, key)
}

fn jws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jws");
    for (name, (body, key)) in [("ES256", es256()), ("EdDSA", eddsa()), ("RS256", rs256())] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let jws = FlattenedJws::parse(black_box(&body)).unwrap();
                jws.verify(&key, Quirks::default()).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, jws);
criterion_main!(benches);
