//! Section 7.3.4: external account binding.

use certlocker_acme::Registration;
use certlocker_core::{Scope, Uses};
use serde_json::{Value, json};

use crate::harness::{Account, Credential, Key, Reply, Subject, base64url, from_base64url};

/// A server that asks for a credential, and one of its credentials.
struct Bound {
    credential: Credential,
    key: Key,
    subject: Subject,
    url: String,
}

impl Bound {
    async fn new() -> Option<Self> {
        Self::with(Uses::Any).await
    }

    async fn with(uses: Uses) -> Option<Self> {
        let what = "has scoped clients";
        let subject = Subject::configured(what, |config| {
            config.registration = Registration::Credential;
        });
        let subject = subject.await?;
        let scope = Scope {
            names: vec!["dns:*.example".parse().unwrap()],
            ..Scope::default()
        };
        let credential = Credential::new(&subject, scope, uses).await;
        let url = subject.url("newAccount");
        Some(Self {
            credential,
            key: Key::es256(),
            subject,
            url,
        })
    }

    fn header(&self) -> Value {
        json!({"alg": "HS256", "kid": self.credential.kid, "url": self.url})
    }

    async fn register(&self, binding: &Value) -> Reply {
        let payload = json!({"termsOfServiceAgreed": true, "externalAccountBinding": binding});
        self.subject.register(&self.key, &payload).await
    }

    /// Registers with another header than the right one.
    async fn with_header(&self, change: impl FnOnce(&mut Value)) -> Reply {
        let mut header = self.header();
        change(&mut header);
        let jwk = self.key.jwk().to_string();
        self.register(&self.credential.signed(&header, &jwk)).await
    }

    async fn with_payload(&self, payload: &str) -> Reply {
        self.register(&self.credential.signed(&self.header(), payload))
            .await
    }
}

#[tokio::test]
async fn a_credential_binds_an_account_and_is_shown_in_it() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let binding = bound.credential.binding(&bound.key, &bound.url);
    let reply = bound.register(&binding).await.expect(201);
    assert_eq!(reply.json()["externalAccountBinding"], binding);
}

#[tokio::test]
async fn an_account_that_exists_is_found_without_its_credential() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let binding = bound.credential.binding(&bound.key, &bound.url);
    let created = bound.register(&binding).await.expect(201);
    let payload = json!({"onlyReturnExisting": true});
    let found = bound
        .subject
        .register(&bound.key, &payload)
        .await
        .expect(200);
    assert_eq!(found.location(), created.location());
}

#[tokio::test]
async fn a_binding_has_no_nonce() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let nonce = bound.subject.wire.nonce().await;
    let reply = bound
        .with_header(|header| header["nonce"] = json!(nonce))
        .await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn a_binding_is_a_mac() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    for algorithm in ["ES256", "none", "RS256", "hs256", ""] {
        let reply = bound
            .with_header(|header| header["alg"] = json!(algorithm))
            .await;
        assert_eq!(reply.status, 400, "{algorithm}: {reply}");
    }
}

#[tokio::test]
async fn a_binding_is_for_the_url_of_the_request() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    for url in [
        json!("https://other.example"),
        json!(format!("{}/", bound.url)),
        json!(7),
    ] {
        let reply = bound.with_header(|header| header["url"] = url).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_binding_lacks_nothing_and_carries_no_key() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    for member in ["alg", "kid", "url"] {
        let reply = bound.with_header(|header| {
            header.as_object_mut().unwrap().remove(member);
        });
        reply.await.refused(400, "malformed");
    }
    let jwk = bound.key.jwk();
    let reply = bound.with_header(|header| header["jwk"] = jwk).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn an_unknown_credential_and_a_wrong_mac_are_answered_the_same() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let unknown = bound
        .with_header(|header| header["kid"] = json!("nobody"))
        .await;
    let last = bound.credential.kid.chars().last().unwrap();
    let next = if last == '0' { '1' } else { '0' };
    let mut kid = bound.credential.kid.clone();
    kid.pop();
    kid.push(next);
    let other = bound.with_header(|header| header["kid"] = json!(kid)).await;
    let mut forged = bound.credential.binding(&bound.key, &bound.url);
    forged["signature"] = json!(base64url([7; 32]));
    let forged = bound.register(&forged).await;
    let forged = forged.refused_as("unauthorized");
    for reply in [unknown, other] {
        let reply = reply.refused_as("unauthorized");
        assert_eq!((reply.status, reply.json()), (forged.status, forged.json()));
    }
}

#[tokio::test]
async fn a_mac_that_is_cut_short_does_not_verify() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let binding = bound.credential.binding(&bound.key, &bound.url);
    let whole = from_base64url(binding["signature"].as_str().unwrap());
    for length in [0, 1, 16, 31] {
        let mut cut = binding.clone();
        cut["signature"] = json!(base64url(&whole[..length]));
        bound.register(&cut).await.refused_as("unauthorized");
    }
}

#[tokio::test]
async fn a_binding_is_of_the_key_that_registers() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let other = Key::es256().jwk().to_string();
    bound.with_payload(&other).await.refused(400, "malformed");
}

#[tokio::test]
async fn the_key_in_a_binding_is_compared_as_a_key_and_not_as_text() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let jwk = bound.key.jwk();
    let spelled = format!(
        "{{ \"y\": {}, \"use\": \"sig\",\n \"kid\": \"x\", \"x\": {}, \"alg\": \"ES256\", \"crv\": \"P-256\", \"kty\": \"EC\" }}",
        jwk["y"], jwk["x"]
    );
    bound.with_payload(&spelled).await.expect(201);
}

#[tokio::test]
async fn a_credential_for_one_account_registers_one() {
    let Some(bound) = Bound::with(Uses::Once).await else {
        return;
    };
    let binding = bound.credential.binding(&bound.key, &bound.url);
    bound.register(&binding).await.expect(201);
    let second = Key::es256();
    let binding = bound.credential.binding(&second, &bound.url);
    let payload = json!({"externalAccountBinding": binding});
    let reply = bound.subject.register(&second, &payload).await;
    reply.refused_as("unauthorized");
}

#[tokio::test]
async fn a_name_outside_of_the_scope_is_rejected_and_named() {
    let Some(bound) = Bound::new().await else {
        return;
    };
    let binding = bound.credential.binding(&bound.key, &bound.url);
    let url = bound.register(&binding).await.expect(201).location();
    let account = Account::new(&bound.subject, bound.key.clone(), url);
    let outside = json!({"type": "dns", "value": "a.test"});
    let inside = json!({"type": "dns", "value": "a.example"});
    let order = json!({"identifiers": [inside, outside]});
    let reply = account
        .new_order(&order)
        .await
        .refused_as("rejectedIdentifier");
    assert_eq!(
        reply.json()["subproblems"][0]["identifier"],
        outside,
        "{reply}"
    );
}
