//! Secrets in what clients send to the gateway.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Test;
use crate::harness::https::{Response, call};
use crate::harness::server::Credential;
use crate::harness::tool::{Tool, succeed};

const ROUTES: [&str; 10] = [
    "GET /directory",
    "HEAD /new-nonce",
    "POST /new-account",
    "POST /new-order",
    "POST /order/01JD0000000000000000000000",
    "POST /order/01JD0000000000000000000000/finalize",
    "POST /revoke-cert",
    "POST /key-change",
    "GET /crl",
    "GET /nothing",
];

/// Headers that carry secrets, where secrets do not belong, too.
pub(crate) const HEADERS: [&str; 10] = [
    "Authorization: Bearer {}",
    "Authorization: {}",
    "Cookie: __Host-certlocker-session={}",
    "Proxy-Authorization: Basic {}",
    "X-Api-Key: {}",
    "X-Vault-Token: {}",
    "Referer: https://portal.example/?token={}",
    "traceparent: {}",
    "User-Agent: curl/8 ({})",
    "X-Auth-Token: {}",
];

pub(crate) fn sow(test: &mut Test) {
    headers_and_queries(test);
    bodies(test);
    let client = Client::registered(test);
    bindings(test);
    payloads(test, &client);
    requests(test, &client);
}

fn gateway(test: &Test) -> (String, String) {
    let directory = test.scene.server.directory();
    let base = directory.strip_suffix("/directory").unwrap();
    let (_, path) = base.split_at(base.find("/rest").unwrap());
    (base.to_owned(), path.to_owned())
}

fn send(test: &Test, request: &str, headers: &[&str], body: &str) -> Response {
    let (base, path) = gateway(test);
    let request = request.replacen(' ', &format!(" {path}"), 1);
    call(test.scene.server.ca_file(), &base, &request, headers, body)
}

fn headers_and_queries(test: &mut Test) {
    for (route, header) in ROUTES.iter().zip(HEADERS) {
        let name = header.split(':').next().unwrap();
        let secret = test
            .canaries
            .text(&format!("the gateway's header {name} of {route}"));
        let header = header.replace("{}", &secret);
        send(
            test,
            route,
            &[&header, "Content-Type: application/jose+json"],
            "{}",
        );
        let secret = test
            .canaries
            .text(&format!("the gateway's query of {route}"));
        send(test, &format!("{route}?token={secret}"), &[], "");
    }
}

/// Bodies that are no signed message, or not ours.
fn bodies(test: &mut Test) {
    let shapes: [fn(&str) -> String; 8] = [
        |secret| secret.to_owned(),
        |secret| format!("{{\"protected\":\"{secret}"),
        |secret| json!({"protected": secret, "payload": secret, "signature": secret}).to_string(),
        |secret| json!({"password": secret}).to_string(),
        |secret| json!([secret]).to_string(),
        |secret| pem(secret),
        |secret| {
            message(
                &json!({"alg": "HS256", "jwk": {"kty": "oct", "k": secret}}),
                secret,
            )
        },
        |secret| {
            message(
                &json!({"alg": secret, "kid": secret, "nonce": secret, "url": secret}),
                secret,
            )
        },
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        for route in ["POST /new-account", "POST /new-order"] {
            let place = format!("the gateway's body number {number} of {route}");
            let secret = test.canaries.text(&place);
            send(
                test,
                route,
                &["Content-Type: application/jose+json"],
                &shape(&secret),
            );
        }
    }
    let secret = test.canaries.text("the gateway's content type");
    let header = format!("Content-Type: application/{secret}");
    send(test, "POST /new-account", &[&header], "{}");
}

/// A private key as somebody could paste it.
pub(crate) fn pem(secret: &str) -> String {
    let content = STANDARD.encode(secret);
    format!("-----BEGIN PRIVATE KEY-----\n{content}\n-----END PRIVATE KEY-----\n")
}

fn message(header: &Value, payload: &str) -> String {
    let [protected, payload] =
        [&header.to_string(), payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signature = URL_SAFE_NO_PAD.encode([7; 64]);
    json!({"protected": protected, "payload": payload, "signature": signature}).to_string()
}

/// An ACME client that signs what it is told.
pub(crate) struct Client {
    key: EcdsaKeyPair,
    kid: Option<String>,
}

impl Client {
    fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { key, kid: None }
    }

    fn registered(test: &mut Test) -> Self {
        let credential = test.scene.server.create_client("web");
        let key = credential.mac_key();
        test.canaries.keep("the MAC key of a client", &key);
        let mut client = Self::new();
        let (base, _) = gateway(test);
        let binding = client.binding(&credential, &base, client.jwk());
        let payload = json!({"externalAccountBinding": binding});
        let answer = client.post(test, "/new-account", &payload.to_string());
        assert_eq!(answer.status, 201, "{}", answer.body);
        client.kid = answer.header("location").map(str::to_owned);
        client
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    }

    fn binding(&self, credential: &Credential, base: &str, payload: Value) -> Value {
        let url = format!("{base}/new-account");
        let header = json!({"alg": "HS256", "kid": credential.kid, "url": url});
        let [protected, payload] =
            [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &credential.mac_key());
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(tag)})
    }

    fn post(&self, test: &mut Test, path: &str, payload: &str) -> Response {
        let (base, _) = gateway(test);
        let header = json!({"url": format!("{base}{path}")});
        self.post_under(test, path, &header, payload)
    }

    /// With these members of the header besides, or in the place of, those that are needed.
    fn post_under(&self, test: &mut Test, path: &str, members: &Value, payload: &str) -> Response {
        let nonce = send(test, "HEAD /new-nonce", &[], "");
        let mut header = json!({"alg": "ES256", "nonce": nonce.header("replay-nonce").unwrap()});
        match &self.kid {
            Some(kid) => header["kid"] = kid.as_str().into(),
            None => header["jwk"] = self.jwk(),
        }
        for (name, value) in members.as_object().unwrap() {
            header[name] = value.clone();
        }
        let [protected, payload] =
            [&header.to_string(), payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{protected}.{payload}");
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let body = json!({"protected": protected, "payload": payload, "signature": signature});
        let headers = ["Content-Type: application/jose+json"];
        send(test, &format!("POST {path}"), &headers, &body.to_string())
    }
}

/// Credentials in the wrong place, and wrong ones.
fn bindings(test: &mut Test) {
    let (base, _) = gateway(test);
    let client = Client::new();
    let known = test.scene.server.create_client("known");
    test.canaries.keep(
        "the MAC key of a client that stays unused",
        &known.mac_key(),
    );
    let wrong = test.canaries.key("a wrong MAC key");
    let hmac_key = URL_SAFE_NO_PAD.encode(wrong);
    let secret = test
        .canaries
        .text("a MAC key in the place of the key identifier");
    let mut private = client.jwk();
    private["d"] = test
        .canaries
        .text("the private part of a key in a binding")
        .into();
    let known_kid = |hmac_key: &str| Credential {
        kid: known.kid.clone(),
        hmac_key: hmac_key.to_owned(),
    };
    let swapped = Credential {
        kid: secret,
        hmac_key: hmac_key.clone(),
    };
    for (credential, payload) in [
        (known_kid(&hmac_key), client.jwk()),
        (swapped, client.jwk()),
        (known_kid(&known.hmac_key), private),
    ] {
        let binding = client.binding(&credential, &base, payload);
        let payload = json!({"externalAccountBinding": binding});
        let answer = client.post(test, "/new-account", &payload.to_string());
        assert!(answer.status >= 400, "{}", answer.body);
    }
}

/// Makes a payload of a secret.
type Shape = fn(&str) -> Value;

/// Payloads with secrets where something else belongs.
fn payloads(test: &mut Test, client: &Client) {
    let shapes: [(&str, Shape); 19] = [
        ("/new-order", |secret| json!({"secret": secret})),
        ("/new-order", |secret| json!(secret)),
        ("/new-order", |secret| json!({"identifiers": secret})),
        (
            "/new-order",
            |secret| json!({"identifiers": [{"type": "dns", "value": "a.example"}], "notBefore": secret}),
        ),
        (
            "/new-order",
            |secret| json!({"identifiers": [{"type": "dns", "value": "b.example"}], "token": secret}),
        ),
        (
            "/new-order",
            |secret| json!({"identifiers": [{"type": secret, "value": "c.example"}]}),
        ),
        (
            "/new-order",
            |secret| json!({"identifiers": [{"type": "dns", "value": "e.example"}], "profile": secret}),
        ),
        (
            "/new-order",
            |secret| json!({"identifiers": [{"type": "dns", "value": "f.example"}], "replaces": secret}),
        ),
        (
            "/new-account",
            |secret| json!({"onlyReturnExisting": secret}),
        ),
        (
            "/new-account",
            |secret| json!({"externalAccountBinding": secret}),
        ),
        ("/new-account", |secret| json!({"password": secret})),
        ("/revoke-cert", |secret| json!({"certificate": secret})),
        (
            "/revoke-cert",
            |secret| json!({"certificate": URL_SAFE_NO_PAD.encode(pem(secret))}),
        ),
        ("/revoke-cert", |secret| json!({"reason": secret})),
        (
            "/key-change",
            |secret| json!({"protected": secret, "payload": secret, "signature": secret}),
        ),
        ("/key-change", |secret| {
            serde_json::from_str(&message(
                &json!({"alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "d": secret}}),
                "{}",
            ))
            .unwrap()
        }),
        ("/key-change", |secret| json!({"key": pem(secret)})),
        (
            "/order/01JD0000000000000000000000/finalize",
            |secret| json!({"csr": secret}),
        ),
        ("/order/01JD0000000000000000000000", |secret| json!(secret)),
    ];
    for (number, (path, shape)) in shapes.into_iter().enumerate() {
        let secret = test
            .canaries
            .text(&format!("payload number {number}, to {path}"));
        client.post(test, path, &shape(&secret).to_string());
    }
    let secret = test.canaries.text("a payload that is no JSON");
    client.post(test, "/new-order", &format!("{{\"token\": \"{secret}"));
    let (base, _) = gateway(test);
    for (name, value) in [
        ("nonce", "{}"),
        ("url", "{base}/new-order?token={}"),
        ("url", "https://user:{}@portal.example/"),
        ("kid", "{base}/account/01JD0000000000000000000000?token={}"),
        ("kid", "{}"),
        ("crit", "{}"),
        ("alg", "{}"),
    ] {
        let secret = test
            .canaries
            .text(&format!("{value} as the {name} of a signed header"));
        let value = value.replace("{base}", &base).replace("{}", &secret);
        let url = format!("{base}/new-order");
        let mut members = json!({"url": url});
        members[name] = value.into();
        client.post_under(test, "/new-order", &members, "{}");
    }
    let mut jwk = Client::new().jwk();
    jwk["d"] = test
        .canaries
        .text("the private part of an account's key")
        .into();
    let members = json!({"url": format!("{base}/new-account"), "jwk": jwk});
    Client::new().post_under(test, "/new-account", &members, "{}");
}

/// Certificate requests, and what stands in their place, for an order that is ready for one.
fn requests(test: &mut Test, client: &Client) {
    let answers = test.scene.web_root();
    let order = json!({"identifiers": [{"type": "dns", "value": "d.example"}]});
    let answer = client.post(test, "/new-order", &order.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    let path = |url: &Value| {
        let url = url.as_str().unwrap();
        url.split_once("/rest/acme").unwrap().1.to_owned()
    };
    let location = path(&answer.header("location").unwrap().into());
    let order: Value = serde_json::from_str(&answer.body).unwrap();
    let authorization = client.post(test, &path(&order["authorizations"][0]), "");
    let authorization: Value = serde_json::from_str(&authorization.body).unwrap();
    let mut challenges = authorization["challenges"].as_array().unwrap().iter();
    let challenge = challenges.find(|one| one["type"] == "http-01").unwrap();
    let token = challenge["token"].as_str().unwrap();
    let thumbprint = digest(&SHA256, client.jwk().to_string().as_bytes());
    let answer = format!("{token}.{}", URL_SAFE_NO_PAD.encode(thumbprint));
    std::fs::write(answers.join(token), answer).unwrap();
    let secret = test.canaries.text("a key authorization");
    let payload = json!({"keyAuthorization": secret});
    client.post(test, &path(&challenge["url"]), &payload.to_string());
    let mut looks = (0..100).map(|_| client.post(test, &location, ""));
    assert!(looks.any(|order| order.body.contains("\"ready\"")));
    let finalize = path(&order["finalize"]);
    let shapes: [fn(&str) -> String; 4] = [
        |secret| secret.to_owned(),
        |secret| URL_SAFE_NO_PAD.encode(secret),
        |secret| URL_SAFE_NO_PAD.encode(pem(secret)),
        pem,
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let secret = test
            .canaries
            .text(&format!("number {number} in the place of a request"));
        client.post(test, &finalize, &json!({"csr": shape(&secret)}).to_string());
    }
    let Some(openssl) = Tool::find("openssl") else {
        return;
    };
    let password = test.canaries.text("the challenge password of a request");
    let config = format!(
        "[req]\nprompt=no\ndistinguished_name=n\nattributes=a\nreq_extensions=x\n[n]\n[a]\nchallengePassword={password}\n[x]\nsubjectAltName=DNS:d.example\n"
    );
    let config = test.private("request.cnf", config.as_bytes());
    let key = config.with_extension("key");
    let request = config.with_extension("der");
    let mut make = openssl.command();
    make.args([
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]);
    make.args(["-nodes", "-outform", "DER", "-subj", "/", "-config"])
        .arg(&config);
    succeed(make.arg("-keyout").arg(key).arg("-out").arg(&request));
    let csr = URL_SAFE_NO_PAD.encode(std::fs::read(request).unwrap());
    let answer = client.post(test, &finalize, &json!({"csr": csr}).to_string());
    assert!(answer.body.contains("\"valid\""), "{}", answer.body);
}
