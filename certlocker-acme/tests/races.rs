//! Many requests at once: what may happen once happens once.

mod support;

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_acme::{Answer, Clock, SystemClock};
use certlocker_core::{
    AccountStore, Actor, Attribution, CertificateStore, Changeset, Client, ClientId, Component,
    Event, Ledger, NewClient, Page, Scope, Sealed, SealedBytes, SecretId, SecretPurpose, Sequence,
    Trigger, Uses,
};
use support::raw::{Raw, body, csr};
use support::{BASE, Lab};

const MANY: usize = 16;

/// Runs the same request many times at once.
async fn many<F>(request: impl Fn() -> F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let running: Vec<_> = (0..MANY).map(|_| tokio::spawn(request())).collect();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    answers
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

async fn count(lab: &Lab, wanted: fn(&Event) -> bool) -> usize {
    let records = lab
        .store
        .records(None, Sequence::START, 1000)
        .await
        .unwrap();
    records
        .iter()
        .filter(|record| wanted(&record.event))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn finalized_many_times_at_once_an_order_is_issued_once() {
    let lab = Lab::open().await;
    let client = Arc::new(Raw::registered(&lab.gateway).await);
    let order = client.order(&["a.example"]).await;
    client.prove(&order, 0).await;
    let answers = many(|| {
        let (client, path) = (Arc::clone(&client), format!("{order}/finalize"));
        let payload = format!(r#"{{"csr":"{}"}}"#, csr(&["a.example"]));
        async move { client.post(&path, &payload).await }
    })
    .await;
    assert_eq!(with_status(&answers, 200), 1);
    assert_eq!(with_status(&answers, 403), MANY - 1);
    let stored = lab.store.certificates(Page::oldest(10)).await.unwrap();
    assert_eq!(stored.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn authorizations_that_complete_at_once_make_the_order_ready_once() {
    for _ in 0..20 {
        let lab = Lab::open().await;
        let client = Arc::new(Raw::registered(&lab.gateway).await);
        let order = client.order(&["a.example", "b.example"]).await;
        let [one, other] = [0, 1].map(|place| {
            let (client, order) = (Arc::clone(&client), order.clone());
            tokio::spawn(async move { client.prove(&order, place).await })
        });
        let (one, other) = tokio::join!(one, other);
        assert_eq!([one.unwrap().status, other.unwrap().status], [200, 200]);
        let read = client.post(&order, "").await;
        assert!(
            body(&read).contains(r#""status":"ready""#),
            "{}",
            body(&read)
        );
        assert_eq!(
            count(&lab, |event| matches!(event, Event::OrderReady { .. })).await,
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn registered_many_times_at_once_a_key_has_one_account() {
    let lab = Lab::open().await;
    let client = Arc::new(Raw::new(&lab.gateway));
    let answers = many(|| {
        let client = Arc::clone(&client);
        async move { client.post("/new-account", "{}").await }
    })
    .await;
    assert_eq!(with_status(&answers, 201), 1);
    assert_eq!(with_status(&answers, 200), MANY - 1);
    assert_eq!(lab.store.accounts(Page::oldest(10)).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_nonce_is_spent_once_however_many_use_it() {
    let lab = Lab::open().await;
    let client = Arc::new(Raw::registered(&lab.gateway).await);
    let (order, nonce) = (client.order(&["a.example"]).await, client.nonce().await);
    let answers = many(|| {
        let (client, order, nonce) = (Arc::clone(&client), order.clone(), nonce.clone());
        async move { client.post_with(&order, "", &nonce).await }
    })
    .await;
    assert_eq!(with_status(&answers, 200), 1);
    let refused = answers
        .iter()
        .filter(|answer| body(answer).contains("badNonce"));
    assert_eq!(refused.count(), MANY - 1);
}

const MAC_KEY: &[u8] = b"a key for message authentication";

async fn single_use(lab: &Lab) -> ClientId {
    let now = SystemClock::default().now();
    let secret = SecretId::first_at(now);
    let new = NewClient {
        expires: None,
        mac_key: secret,
        name: "once".to_owned(),
        proof_reuse: false,
        quirks: [].into(),
        scope: Scope::default(),
        uses: Uses::Once,
    };
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Due);
    let client = Client::create(new, &mut |bytes| bytes.fill(1), now);
    let id = *client.next().id();
    let bytes = SealedBytes {
        blob: MAC_KEY.to_vec(),
        key_id: "none".to_owned(),
    };
    let sealed = Sealed::store(secret, SecretPurpose::EabMacKey, bytes, now);
    let changes = Changeset::of(client.by(&by)).and(sealed.by(&by));
    lab.store.commit(changes).await.unwrap();
    id
}

fn binding(client: &Raw, kid: &ClientId) -> String {
    let header = format!(r#"{{"alg":"HS256","kid":"{kid}","url":"{BASE}/new-account"}}"#);
    let [header, jwk] = [header, client.jwk()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let key = hmac::Key::new(hmac::HMAC_SHA256, MAC_KEY);
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, format!("{header}.{jwk}").as_bytes()));
    format!(
        r#"{{"externalAccountBinding":{{"protected":"{header}","payload":"{jwk}","signature":"{tag}"}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_single_use_credential_registers_one_of_many_at_once() {
    let lab = Lab::open().await;
    let kid = single_use(&lab).await;
    let answers = many(|| {
        let client = Raw::new(&lab.gateway);
        let payload = binding(&client, &kid);
        async move { client.post("/new-account", &payload).await }
    })
    .await;
    assert_eq!(with_status(&answers, 201), 1, "{}", body(&answers[0]));
    assert_eq!(lab.store.accounts(Page::oldest(10)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_rejected_request_leaves_the_order_ready() {
    let lab = Lab::open().await;
    let client = Raw::registered(&lab.gateway).await;
    let order = client.order(&["a.example"]).await;
    client.prove(&order, 0).await;
    let wrong = format!(r#"{{"csr":"{}"}}"#, csr(&["b.example"]));
    let refused = client.post(&format!("{order}/finalize"), &wrong).await;
    assert!(body(&refused).contains("badCSR"), "{}", body(&refused));
    assert!(body(&client.post(&order, "").await).contains(r#""status":"ready""#));
    let right = format!(r#"{{"csr":"{}"}}"#, csr(&["a.example"]));
    assert_eq!(
        client
            .post(&format!("{order}/finalize"), &right)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_challenge_that_is_answered_again_stays_as_it_is() {
    let lab = Lab::open().await;
    let client = Raw::registered(&lab.gateway).await;
    let order = client.order(&["a.example"]).await;
    let (first, again) = (client.prove(&order, 0).await, client.prove(&order, 0).await);
    assert_eq!((again.status, &again.body), (200, &first.body));
    let looks = count(&lab, |event| {
        matches!(event, Event::ChallengeAttempted { .. })
    })
    .await;
    assert_eq!(looks, 1);
}
