//! Known mistakes of clients: refused by name, or admitted for one client and recorded.

mod support;

use std::collections::BTreeSet;

use certlocker_acme::{Answer, Clock, SystemClock};
use certlocker_core::{
    Account, AccountKey, Actor, Attribution, Client, Component, Event, Ledger, NewAccount,
    NewClient, Quirk, Scope, SecretId, Sequence, Trigger, Uses,
};
use support::raw::{Raw, body, csr};
use support::{BASE, Lab};

/// An account of a scoped client that may make these mistakes.
async fn client(lab: &Lab, quirks: &[Quirk]) -> Raw {
    let (now, mut raw) = (SystemClock::default().now(), Raw::new(&lab.gateway));
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(now),
        name: "client".to_owned(),
        proof_reuse: false,
        quirks: BTreeSet::from_iter(quirks.iter().copied()),
        scope: Scope {
            names: vec!["dns:*.example".parse().unwrap()],
            ..Scope::default()
        },
        uses: Uses::Any,
    };
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Due);
    let mut random = |bytes: &mut [u8]| bytes.fill(1);
    let created = Client::create(new, &mut random, now);
    let client = *created.next().id();
    lab.store.commit(created.by(&by).into()).await.unwrap();
    let key = certlocker_acme::jose::Jwk::parse(raw.jwk().as_bytes()).unwrap();
    let new = NewAccount {
        client: Some(client),
        contacts: Vec::new(),
        external_binding: None,
        key: AccountKey {
            jwk: key.to_canonical_json(),
            thumbprint: key.thumbprint(),
        },
        terms_agreed: None,
    };
    let account = Account::create(new, &mut random, now);
    raw.kid = Some(format!("{BASE}/acct/{}", account.next().id()));
    lab.store.commit(account.by(&by).into()).await.unwrap();
    raw
}

/// Every admitted quirk that was recorded, with whether its order was named.
async fn recorded(lab: &Lab) -> Vec<(Quirk, bool)> {
    let records = lab
        .store
        .records(None, Sequence::START, 1000)
        .await
        .unwrap();
    let quirk = |event: &Event| match event {
        Event::QuirkAdmitted {
            quirk, order_id, ..
        } => Some((*quirk, order_id.is_some())),
        _ => None,
    };
    records
        .iter()
        .filter_map(|record| quirk(&record.event))
        .collect()
}

async fn is_recorded_refusal(lab: &Lab, name: &str) -> bool {
    let records = lab
        .store
        .records(None, Sequence::START, 1000)
        .await
        .unwrap();
    records.iter().any(|record| match &record.event {
        Event::RequestRefused { detail, .. } => detail.contains(name),
        Event::FinalizeRefused { failure, .. } => failure.detail.contains(name),
        _ => false,
    })
}

async fn ready_order(client: &Raw) -> String {
    let order = client.order(&["a.example"]).await;
    client.prove(&order, 0).await;
    order
}

async fn finalize_padded(client: &Raw) -> Answer {
    let order = ready_order(client).await;
    let mut csr = csr(&["a.example"]);
    csr.push_str("==");
    client
        .post(
            &format!("{order}/finalize"),
            &format!(r#"{{"csr":"{csr}"}}"#),
        )
        .await
}

fn assert_refused_by_name(answer: &Answer, name: &str) {
    let problem = body(answer);
    assert_eq!(answer.status, 400, "{problem}");
    assert!(problem.contains(&format!("(quirk {name};")), "{problem}");
}

#[tokio::test]
async fn a_padded_request_is_issued_for_a_client_that_may_pad_and_recorded() {
    let lab = Lab::open().await;
    let answer = finalize_padded(&client(&lab, &[Quirk::PaddedCsr]).await).await;
    assert!(
        body(&answer).contains(r#""status":"valid""#),
        "{}",
        body(&answer)
    );
    assert_eq!(recorded(&lab).await, [(Quirk::PaddedCsr, true)]);
}

#[tokio::test]
async fn a_padded_request_is_refused_by_name_for_any_other_client() {
    let lab = Lab::open().await;
    let answer = finalize_padded(&client(&lab, &[]).await).await;
    assert_refused_by_name(&answer, "padded-csr");
    assert!(is_recorded_refusal(&lab, "padded-csr").await);
    assert_eq!(recorded(&lab).await, []);
}

#[tokio::test]
async fn the_finalize_url_shows_the_order_to_a_client_that_may_poll_it() {
    let lab = Lab::open().await;
    let client = client(&lab, &[Quirk::PolledFinalize]).await;
    let order = ready_order(&client).await;
    let answer = client.post(&format!("{order}/finalize"), "").await;
    assert!(
        body(&answer).contains(r#""status":"ready""#),
        "{}",
        body(&answer)
    );
    assert_eq!(recorded(&lab).await, [(Quirk::PolledFinalize, true)]);
}

#[tokio::test]
async fn a_polled_finalize_url_is_refused_by_name_for_any_other_client() {
    let lab = Lab::open().await;
    let client = client(&lab, &[]).await;
    let order = ready_order(&client).await;
    let answer = client.post(&format!("{order}/finalize"), "").await;
    assert_refused_by_name(&answer, "polled-finalize");
    assert!(is_recorded_refusal(&lab, "polled-finalize").await);
}

#[tokio::test]
async fn a_short_signature_verifies_for_a_client_that_may_shorten_and_is_recorded() {
    let lab = Lab::open().await;
    let client = client(&lab, &[Quirk::ShortSignature]).await;
    let order = client.order(&["a.example"]).await;
    let answer = client.post_short(&order, "").await;
    assert_eq!(answer.status, 200, "{}", body(&answer));
    assert_eq!(recorded(&lab).await, [(Quirk::ShortSignature, true)]);
}

#[tokio::test]
async fn a_short_signature_is_refused_by_name_for_any_other_client() {
    let lab = Lab::open().await;
    let client = client(&lab, &[]).await;
    let order = client.order(&["a.example"]).await;
    let answer = client.post_short(&order, "").await;
    assert_refused_by_name(&answer, "short-signature");
}
