//! A gateway with an account, a scoped client, a pending and a ready order, the same every time.

use std::sync::Arc;

use async_trait::async_trait;
use certlocker_acme::jose::Jwk;
use certlocker_acme::{
    Answer, Armed, Call, Config, Gateway, Links, ManualClock, Nonces, Parts, Validator,
};
use certlocker_core::{
    Account, AccountId, AccountKey, Actor, Attempt, Attribution, CertificateRequest, Chain,
    ChallengeRef, Client, ClientId, Component, Description, Identifier, IssueFailure, Issued,
    Issuer, Ledger, MemoryStore, Method, NewAccount, NewClient, NewOrder, Order, OrderId,
    OrderStore, Outcome, Random, Retry, Sealed, SealedBytes, Secret, SecretError, SecretId,
    SecretPurpose, SecretStore, Seen, Sequence, Serial, StoreError, Timestamp, Transition, Trigger,
    Uses, Version, Versioned,
};

use crate::assert_shown;
use crate::jose::{key_pair, public_jwk, signed};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const BASE: &str = "https://ca.test/acme";
const MAC_KEY: &[u8] = b"a key for message authentication";

pub(crate) struct Scene {
    gateway: Gateway,
    pub(crate) account: AccountId,
    pub(crate) ready: OrderId,
    pub(crate) pending: OrderId,
    pub(crate) store: MemoryStore,
}

/// How a request names its key.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Account,
    Key,
}

/// Runs `scenario` on a fresh scene; nothing of an earlier input is left.
pub(crate) fn on_scene<F: Future<Output = ()>>(scenario: impl FnOnce(Scene) -> F) {
    run(Registered::Yes, scenario);
}

/// Like [`on_scene`], with a key that no account has yet.
pub(crate) fn on_empty_scene<F: Future<Output = ()>>(scenario: impl FnOnce(Scene) -> F) {
    run(Registered::No, scenario);
}

fn run<F: Future<Output = ()>>(registered: Registered, scenario: impl FnOnce(Scene) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without input and output needs nothing");
    runtime.block_on(async { scenario(Scene::new(registered).await).await });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Registered {
    Yes,
    No,
}

/// The same ids in every run, so that seeds can name them.
fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0u8;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_add(1);
            *byte = next;
        }
    }
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Due)
}

impl Scene {
    async fn new(registered: Registered) -> Self {
        let (store, mut random) = (MemoryStore::default(), counting());
        let client = client(&mut random);
        let client_id = *client.next().id();
        store
            .commit(client.by(&by()).into())
            .await
            .expect("it is new");
        let account = account(client_id, registered, &mut random);
        let id = *account.next().id();
        store
            .commit(account.by(&by()).into())
            .await
            .expect("it is new");
        let pending = order(id, &["b.example", "*.b.example"], &mut random);
        let ready = order(id, &["a.example", "www.a.example"], &mut random);
        let orders = [*pending.next().id(), *ready.next().id()];
        for created in [pending, ready] {
            store
                .commit(created.by(&by()).into())
                .await
                .expect("it is new");
        }
        prove(&store, &orders[1]).await;
        let mut config = Config::new(Links::new(BASE));
        config.registration = certlocker_acme::Registration::Open;
        Self {
            gateway: Gateway::new(parts(&store), config),
            account: id,
            ready: orders[1],
            pending: orders[0],
            store,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{BASE}{path}")
    }

    /// Sends `payload`, signed, and checks what holds for every answer.
    pub(crate) async fn post(&self, path: &str, by: By, payload: &[u8]) -> Answer {
        let url = self.url(path);
        let key = match by {
            By::Account => format!(r#""kid":"{BASE}/acct/{}""#, self.account),
            By::Key => format!(r#""jwk":{}"#, public_jwk(&key_pair())),
        };
        let body = signed(&format!(r#"{key},"nonce":"AAAA","url":"{url}""#), payload);
        let answer = self.gateway.answer(call(path, body.into_bytes())).await;
        assert_answer(&answer);
        self.assert_records().await;
        answer
    }

    pub(crate) async fn order(&self, id: &OrderId) -> Order {
        self.store.order(id).await.expect("it was placed").value
    }

    /// What a client sent reaches a record bounded and without control characters.
    async fn assert_records(&self) {
        let records = self.store.records(None, Sequence::START, 1000).await;
        for record in records.expect("the store is in memory") {
            let event = serde_json::to_value(&record.event).expect("it has text keys");
            assert_texts(&event);
        }
    }
}

fn assert_texts(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => assert_shown(text),
        serde_json::Value::Array(items) => items.iter().for_each(assert_texts),
        serde_json::Value::Object(members) => members.values().for_each(assert_texts),
        _ => {}
    }
}

fn assert_answer(answer: &Answer) {
    assert!(
        answer.status < 500,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let header = |name: &str| {
        let mut values = answer.headers.iter().filter(|(known, _)| *known == name);
        values.next().map(|(_, value)| value.as_str())
    };
    assert!(header("replay-nonce").is_some());
    for (name, value) in &answer.headers {
        assert!(!value.contains(char::is_control), "{name}: {value:?}");
    }
    if answer.status >= 400 {
        assert_eq!(header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = json(answer);
        assert_shown(problem["detail"].as_str().expect("there is a detail"));
        assert!(
            problem["type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("urn:"))
        );
    }
}

pub(crate) fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).expect("the body is JSON")
}

pub(crate) fn location(answer: &Answer) -> Option<&str> {
    let mut headers = answer.headers.iter();
    let (_, value) = headers.find(|(name, _)| *name == "location")?;
    value.strip_prefix(BASE)
}

fn call(path: &str, body: Vec<u8>) -> Call {
    Call {
        body,
        content_type: Some("application/jose+json".to_owned()),
        method: "POST".to_owned(),
        path_and_query: path.to_owned(),
        peer: None,
        request_id: "1".to_owned(),
        traceparent: None,
    }
}

fn client(random: Random<'_>) -> Transition<Client> {
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(NOW),
        name: "client".to_owned(),
        proof_reuse: false,
        quirks: certlocker_core::Quirk::ALL
            .iter()
            .map(|(quirk, _)| *quirk)
            .collect(),
        scope: certlocker_core::Scope {
            names: ["dns:*.example", "ip:192.0.2.0/24", "ip:2001:db8::/32"]
                .iter()
                .map(|pattern| pattern.parse().expect("it is a pattern"))
                .collect(),
            ..Default::default()
        },
        uses: Uses::Any,
    };
    Client::create(new, random, NOW)
}

fn account(client: ClientId, registered: Registered, random: Random<'_>) -> Transition<Account> {
    let jwk = match registered {
        Registered::Yes => public_jwk(&key_pair()),
        Registered::No => {
            r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
                .to_owned()
        }
    };
    let thumbprint = Jwk::parse(jwk.as_bytes())
        .expect("it is a key")
        .thumbprint();
    let new = NewAccount {
        client: (registered == Registered::Yes).then_some(client),
        contacts: vec!["mailto:ops@example.com".to_owned()],
        external_binding: None,
        key: AccountKey { jwk, thumbprint },
        terms_agreed: None,
    };
    Account::create(new, random, NOW)
}

fn order(account: AccountId, names: &[&str], random: Random<'_>) -> Transition<Order> {
    let new = NewOrder {
        account,
        client: None,
        expires: NOW.after(std::time::Duration::from_secs(3600)),
        identifiers: names
            .iter()
            .map(|name| Identifier::dns(name).expect("it is a name"))
            .collect(),
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    Order::create(new, None, random, NOW).expect("every name has a challenge")
}

async fn prove(store: &MemoryStore, id: &OrderId) {
    let retry = Retry {
        first: std::time::Duration::from_secs(1),
        window: std::time::Duration::from_secs(10),
    };
    for authorization in 0..2 {
        let challenge = ChallengeRef {
            authorization,
            method: Method::Dns01,
        };
        let order = store.order(id).await.expect("it was placed");
        let armed = order.arm(challenge, &retry, NOW).expect("it is pending");
        let armed: Versioned<Order> = write(store, armed).await;
        let seen = Seen {
            attempt: proved(NOW),
            challenge,
        };
        write(
            store,
            armed.attempted(vec![seen], &retry, armed.value.expires(), NOW),
        )
        .await;
    }
}

async fn write(store: &MemoryStore, step: Transition<Order>) -> Versioned<Order> {
    let change = step.by(&by());
    let after = change.after();
    store
        .commit(change.into())
        .await
        .expect("nobody else writes");
    after
}

fn proved(started: Timestamp) -> Attempt {
    Attempt {
        elapsed_ms: 1,
        hops: Vec::new(),
        outcome: Outcome::Proved,
        started,
    }
}

fn parts(store: &MemoryStore) -> Parts {
    Parts {
        clock: Arc::new(ManualClock::new(NOW)),
        issuer: Arc::new(Fixed),
        nonces: Arc::new(Fixed),
        revocation_lists: None,
        secrets: Arc::new(Fixed),
        store: Arc::new(store.clone()),
        validator: Arc::new(Fixed),
    }
}

/// Every part but the store: it answers the same to everybody.
struct Fixed;

#[async_trait]
impl Nonces for Fixed {
    fn issue(&self) -> String {
        "AAAA".to_owned()
    }

    async fn redeem(&self, _nonce: &str) -> Result<bool, StoreError> {
        Ok(true)
    }
}

#[async_trait]
impl Validator for Fixed {
    async fn attempt(&self, challenge: &Armed) -> Attempt {
        proved(challenge.started)
    }
}

#[async_trait]
impl Issuer for Fixed {
    async fn issue(
        &self,
        order: &Order,
        request: &CertificateRequest,
        now: Timestamp,
    ) -> Result<Issued, IssueFailure> {
        Ok(Issued {
            chain: Chain {
                intermediates: Vec::new(),
                leaf: request.der.clone(),
            },
            description: Description {
                identifiers: order.identifiers().to_vec(),
                key_sha256: request.key_sha256.clone(),
                not_before: now,
                not_after: now.after(std::time::Duration::from_secs(86_400)),
                serial: Serial::from_octets(&[1]),
                sha256: certlocker_acme::x509::sha256_hex(&request.der.0),
            },
        })
    }

    fn is_remote(&self) -> bool {
        false
    }
}

#[async_trait]
impl SecretStore for Fixed {
    async fn seal(
        &self,
        _secret: &Secret,
        purpose: SecretPurpose,
        _random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        let id = SecretId::first_at(now);
        Ok(Sealed::store(id, purpose, nothing(), now))
    }

    async fn replace(
        &self,
        id: &SecretId,
        _secret: &Secret,
        _random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        let stored = Sealed::store(*id, SecretPurpose::EabMacKey, nothing(), now);
        let version = Version::new(1);
        let value = stored.next().clone();
        Ok(Versioned { value, version }.replace(nothing(), now))
    }

    async fn open(
        &self,
        _id: &SecretId,
        _purpose: SecretPurpose,
        _by: &Attribution,
        _now: Timestamp,
    ) -> Result<Secret, SecretError> {
        Ok(Secret::new(MAC_KEY.to_vec()))
    }
}

fn nothing() -> SealedBytes {
    SealedBytes {
        blob: Vec::new(),
        key_id: String::new(),
    }
}
