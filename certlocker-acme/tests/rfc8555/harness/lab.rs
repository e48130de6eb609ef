//! Parts of our own server that wait, watch, or vouch, as a scenario needs.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use certlocker_acme::{Armed, Validator};
use certlocker_core::{
    Actor, Attempt, Attribution, CertificateRequest, Changeset, Client, Component, IssueFailure,
    Issued, Issuer, Ledger, NewClient, Order, Outcome, Scope, Secret, SecretPurpose, SecretStore,
    Timestamp, Trigger, Uses,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Key, Subject, base64url};
use crate::support::ClearSecrets;

/// Does its work when it is let go.
pub struct Held<T> {
    gate: Arc<Semaphore>,
    inner: T,
}

impl<T> Held<T> {
    /// What is held, and the gate that lets one piece of work through for each permit.
    pub fn new(inner: T) -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let held = Self {
            gate: Arc::clone(&gate),
            inner,
        };
        (held, gate)
    }

    async fn let_go(&self) {
        self.gate.acquire().await.expect("the gate stays").forget();
    }
}

#[async_trait]
impl Validator for Held<Arc<dyn Validator>> {
    async fn attempt(&self, challenge: &Armed) -> Attempt {
        self.let_go().await;
        self.inner.attempt(challenge).await
    }
}

#[async_trait]
impl Issuer for Held<Arc<dyn Issuer>> {
    async fn issue(
        &self,
        order: &Order,
        request: &CertificateRequest,
        now: Timestamp,
    ) -> Result<Issued, IssueFailure> {
        self.let_go().await;
        self.inner.issue(order, request, now).await
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// An issuer that never issues, each time for this reason.
pub struct Failing(pub IssueFailure);

#[async_trait]
impl Issuer for Failing {
    async fn issue(
        &self,
        _order: &Order,
        _request: &CertificateRequest,
        _now: Timestamp,
    ) -> Result<Issued, IssueFailure> {
        Err(self.0.clone())
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// Remembers what it was asked to look for, and finds all of it proven.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Armed>>>);

impl Recorder {
    pub fn looked_for(&self) -> Vec<Armed> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Validator for Recorder {
    async fn attempt(&self, challenge: &Armed) -> Attempt {
        self.0.lock().unwrap().push(challenge.clone());
        Attempt {
            elapsed_ms: 1,
            hops: Vec::new(),
            outcome: Outcome::Proved,
            started: challenge.started,
        }
    }
}

/// The credential of a scoped client.
pub struct Credential {
    pub kid: String,
    pub mac_key: Vec<u8>,
}

impl Credential {
    /// A new client of our own server, which may order within `scope`.
    pub async fn new(subject: &Subject, scope: Scope, uses: Uses) -> Self {
        Self::create(subject, scope, uses, false).await
    }

    /// As [`Credential::new`], of a client whose orders start with earlier proofs.
    pub async fn reusing(subject: &Subject, scope: Scope, uses: Uses) -> Self {
        Self::create(subject, scope, uses, true).await
    }

    async fn create(subject: &Subject, scope: Scope, uses: Uses, proof_reuse: bool) -> Self {
        let store = &subject.lab().store;
        let now = subject.lab().gateway.parts().clock.now();
        let mut mac_key = vec![0; 32];
        random(&mut mac_key);
        let secret = Secret::new(mac_key.clone());
        let secrets = ClearSecrets(store.clone());
        let sealed = secrets
            .seal(&secret, SecretPurpose::EabMacKey, &mut random, now)
            .await
            .unwrap();
        let new = NewClient {
            expires: None,
            mac_key: *sealed.next().id(),
            name: "scoped".to_owned(),
            proof_reuse,
            quirks: Default::default(),
            scope,
            uses,
        };
        let client = Client::create(new, &mut random, now);
        let kid = client.next().id().to_string();
        let by = Attribution::new(Actor::Server(Component::Issuer), Trigger::Due);
        let changes = Changeset::of(sealed.by(&by)).and(client.by(&by));
        store.commit(changes).await.unwrap();
        Self { kid, mac_key }
    }

    /// A binding of this credential to an account key, for newAccount at `url`.
    pub fn binding(&self, key: &Key, url: &str) -> Value {
        self.signed(
            &json!({"alg": "HS256", "kid": self.kid, "url": url}),
            &key.jwk().to_string(),
        )
    }

    /// Any header and payload under the MAC of this credential.
    pub fn signed(&self, header: &Value, payload: &str) -> Value {
        let (protected, payload) = (base64url(header.to_string()), base64url(payload));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.mac_key);
        let tag = aws_lc_rs::hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": base64url(tag)})
    }
}

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}
