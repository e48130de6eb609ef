//! Section 6.2: keys, how requests name them, and their signatures.

use serde_json::json;

use crate::harness::{
    Account, Key, Subject, agreed, base64url, from_base64url, own_account_with, with_member,
};

async fn signs_requests(key: Key) {
    let subject = Subject::open().await;
    let account = subject.account_with(key).await;
    account.read(&account.url).await.expect(200);
}

#[tokio::test]
async fn es256_signs_requests() {
    signs_requests(Key::es256()).await;
}

#[tokio::test]
async fn ed25519_signs_requests() {
    signs_requests(Key::eddsa()).await;
}

#[tokio::test]
async fn larger_curves_and_rsa_sign_requests() {
    for key in [Key::es384(), Key::es512(), Key::rs256()] {
        signs_requests(key).await;
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_accepted_is_named_beside_those_that_are() {
    for algorithm in ["none", "HS256", "ES256K", "RS1", "es256", ""] {
        let reply = own_account_with(|message| message.header("alg", algorithm)).await;
        let reply = reply.refused(400, "badSignatureAlgorithm");
        let accepted = reply.json()["algorithms"].clone();
        let accepted = accepted.as_array().expect("`algorithms` lists them");
        assert!(accepted.contains(&json!("ES256")), "{reply}");
    }
}

#[tokio::test]
async fn a_request_without_an_algorithm_is_malformed() {
    let reply = own_account_with(|message| message.without_header("alg")).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn a_request_names_its_key_once() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let both = account
        .message(&account.url)
        .header("jwk", account.key.jwk());
    both.send().await.refused(400, "malformed");
    let neither = account.message(&account.url).without_header("kid");
    neither.send().await.refused(400, "malformed");
}

#[tokio::test]
async fn a_request_of_an_account_does_not_carry_the_key() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for url in [
        &account.url,
        &subject.url("newOrder"),
        &subject.url("keyChange"),
    ] {
        let message = account.message(url).without_header("kid");
        let message = message.header("jwk", account.key.jwk());
        message.send().await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_new_account_is_not_named() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let message = account.message(&subject.url("newAccount"));
    let message = message.payload(&agreed());
    message.send().await.refused(400, "malformed");
}

async fn refused_kid(account: &Account, kid: &str) {
    let message = account.message(&account.url).header("kid", kid);
    message.send().await.refused(400, "accountDoesNotExist");
}

#[tokio::test]
async fn an_account_is_found_by_its_whole_url_only() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let id = account.url.rsplit('/').next().unwrap();
    for kid in [
        format!("{}/", account.url),
        format!("{}?", account.url),
        format!("https://other.example/acct/{id}"),
        subject.beside(&format!("other/{id}")),
        id.to_owned(),
        String::new(),
    ] {
        refused_kid(&account, &kid).await;
    }
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_said_not_to() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (parent, id) = account.url.rsplit_once('/').unwrap();
    let other: String = id.chars().rev().collect();
    refused_kid(&account, &format!("{parent}/{other}0")).await;
}

#[tokio::test]
async fn a_signature_is_r_and_s_and_not_der() {
    let der = |raw: Vec<u8>| {
        let integer = |half: &[u8]| [&[2, 33, 0], half].concat();
        let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
        [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    own_account_with(|message| message.signature(der))
        .await
        .refused(400, "malformed");
}

#[tokio::test]
async fn a_signature_has_its_full_length() {
    for change in [
        (|raw: Vec<u8>| raw[1..].to_vec()) as fn(Vec<u8>) -> Vec<u8>,
        |raw| raw[..63].to_vec(),
        |raw| [raw.as_slice(), &[0]].concat(),
        |_| Vec::new(),
    ] {
        let reply = own_account_with(|message| message.signature(change)).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_signature_of_another_key_or_of_other_content_does_not_verify() {
    let other = Key::es256();
    let reply = own_account_with(|message| message.signature(move |_| other.sign(b"x"))).await;
    reply.refused(400, "malformed");
    let changed = with_member("payload", json!(base64url("{}")));
    own_account_with(|message| message.jws(changed))
        .await
        .refused(400, "malformed");
    for zeros in [vec![0; 64], vec![0xff; 64]] {
        let reply = own_account_with(|message| message.signature(|_| zeros)).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn the_algorithm_is_the_one_of_the_key() {
    let subject = Subject::open().await;
    let message = subject.message(&Key::es384(), "newAccount");
    let message = message.payload(&agreed()).header("alg", "ES256");
    message.send().await.refused(400, "badPublicKey");
}

#[tokio::test]
async fn a_key_that_is_too_weak_or_of_no_use_is_a_bad_public_key() {
    let subject = Subject::open().await;
    let p256 = Key::es256().jwk();
    let rsa = Key::rs256().jwk();
    let mut odd = vec![0xc1; 128];
    odd[127] = 0x0b;
    let mut off_curve = from_base64url(p256["y"].as_str().unwrap());
    off_curve[31] ^= 1;
    for (algorithm, jwk) in [
        (
            "RS256",
            json!({"kty": "RSA", "n": base64url(odd), "e": "AQAB"}),
        ),
        ("RS256", json!({"kty": "RSA", "n": rsa["n"], "e": "AQ"})),
        ("RS256", json!({"kty": "RSA", "n": rsa["n"], "e": "Ag"})),
        (
            "ES256",
            json!({"kty": "EC", "crv": "secp256k1", "x": p256["x"], "y": p256["y"]}),
        ),
        (
            "ES256",
            json!({"kty": "EC", "crv": "P-256", "x": p256["x"], "y": base64url(off_curve)}),
        ),
    ] {
        let message = subject.registration();
        let message = message.header("alg", algorithm).header("jwk", jwk);
        message.send().await.refused(400, "badPublicKey");
    }
}

#[tokio::test]
async fn a_key_that_does_not_read_is_refused() {
    let subject = Subject::open().await;
    let p256 = Key::es256().jwk();
    for jwk in [
        json!("key"),
        json!({}),
        json!({"kty": "EC", "crv": "P-256", "x": p256["x"]}),
        json!({"kty": "EC", "crv": "P-256", "x": "AQ", "y": p256["y"]}),
    ] {
        let message = subject.registration().header("jwk", jwk);
        let reply = message.send().await.expect(400);
        let kind = reply.problem();
        assert!(
            ["malformed", "badPublicKey"].contains(&kind.as_str()),
            "{reply}"
        );
    }
}
