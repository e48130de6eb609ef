//! A real client, instant-acme, against the router in this process.

mod support;

use certlocker_core::{
    Event, Failure, FailureKind, Ledger, OrderStore, Outcome, Page, Sequence, State,
};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, HttpClient, Identifier,
    NewAccount, NewOrder, OrderStatus, RetryPolicy, RevocationRequest,
};
use support::{BASE, Lab};

async fn register(lab: &Lab) -> (Account, AccountCredentials) {
    register_over(lab.client()).await
}

async fn register_over(client: Box<dyn HttpClient>) -> (Account, AccountCredentials) {
    let new = NewAccount {
        contact: &["mailto:ops@example.com"],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(client);
    builder
        .create(&new, format!("{BASE}/directory"), None)
        .await
        .unwrap()
}

async fn answer_all(order: &mut instant_acme::Order) {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        authorization
            .challenge(ChallengeType::Dns01)
            .unwrap()
            .set_ready()
            .await
            .ok();
    }
}

async fn issue(account: &Account, names: &[&str]) -> String {
    let names: Vec<Identifier> = names
        .iter()
        .map(|name| Identifier::Dns((*name).to_owned()))
        .collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.unwrap();
    answer_all(&mut order).await;
    assert_eq!(
        order.poll_ready(&RetryPolicy::default()).await.unwrap(),
        OrderStatus::Ready
    );
    order.finalize().await.unwrap();
    order
        .poll_certificate(&RetryPolicy::default())
        .await
        .unwrap()
}

fn leaf(pem: &str) -> Vec<u8> {
    let pem = x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes())
        .next()
        .unwrap()
        .unwrap();
    pem.contents
}

#[tokio::test]
async fn a_client_registers_proves_names_finalizes_and_downloads() {
    let lab = Lab::open().await;
    let (account, _) = register(&lab).await;
    let pem = issue(&account, &["a.example", "*.example"]).await;
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
    let order = lab
        .store
        .orders(Page::newest(1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert!(matches!(order.value.state(), State::Valid(valid) if valid.downloaded.is_some()));
}

#[tokio::test]
async fn every_step_of_an_order_is_a_record_of_it() {
    let lab = Lab::open().await;
    let (account, _) = register(&lab).await;
    issue(&account, &["a.example"]).await;
    let order = lab
        .store
        .orders(Page::newest(1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    let subject = certlocker_core::Subject::Order(*order.value.id());
    let records = lab
        .store
        .records(Some(&subject), Sequence::START, 100)
        .await
        .unwrap();
    let names: Vec<&str> = records.iter().map(|record| record.event.name()).collect();
    assert_eq!(
        names,
        [
            "order.created",
            "challenge.armed",
            "challenge.attempted",
            "challenge.valid",
            "order.ready",
            "finalize.received",
            "certificate.stored",
            "certificate.downloaded"
        ]
    );
}

#[tokio::test]
async fn a_failed_challenge_ends_the_order_with_the_reason() {
    let lab = Lab::open().await;
    let seen = Failure::new(FailureKind::Dns, "no TXT record").compared("abc", "nothing");
    lab.validator.answer("b.example", Outcome::Wrong(seen));
    let (account, _) = register(&lab).await;
    let names = [Identifier::Dns("b.example".to_owned())];
    let mut order = account.new_order(&NewOrder::new(&names)).await.unwrap();
    answer_all(&mut order).await;
    let Err(Error::Api(problem)) = order.poll_ready(&RetryPolicy::default()).await else {
        panic!("the order has an error, which the client gives back")
    };
    assert_eq!(
        problem.r#type.as_deref(),
        Some("urn:ietf:params:acme:error:dns")
    );
    assert!(
        problem
            .detail
            .unwrap()
            .contains("dns-01 for dns:b.example: no TXT record")
    );
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Invalid);
}

#[tokio::test]
async fn a_certificate_is_revoked_once_and_its_replacement_names_it() {
    let lab = Lab::open().await;
    let (account, _) = register(&lab).await;
    let first = leaf(&issue(&account, &["a.example"]).await);
    issue(&account, &["a.example"]).await;
    let certificates =
        certlocker_core::CertificateStore::certificates(&lab.store, Page::oldest(10))
            .await
            .unwrap();
    assert_eq!(
        certificates[1].value.replaces(),
        Some(certificates[0].value.id())
    );
    let request = RevocationRequest {
        certificate: &first.clone().into(),
        reason: None,
    };
    account.revoke(&request).await.unwrap();
    let again = account
        .revoke(&RevocationRequest {
            certificate: &first.into(),
            reason: None,
        })
        .await;
    assert!(again.unwrap_err().to_string().contains("alreadyRevoked"));
}

#[tokio::test]
async fn a_key_is_changed_and_only_the_new_one_works_after_it() {
    let lab = Lab::open().await;
    let (mut account, old) = register(&lab).await;
    let _new_credentials = account.update_key().await.unwrap();
    issue(&account, &["a.example"]).await;
    let stale = Account::builder_with_http(lab.client())
        .from_credentials(old)
        .await
        .unwrap();
    let names = [Identifier::Dns("a.example".to_owned())];
    assert!(stale.new_order(&NewOrder::new(&names)).await.is_err());
}

#[tokio::test]
async fn a_deactivated_account_may_do_nothing_more() {
    let lab = Lab::open().await;
    let (account, credentials) = register(&lab).await;
    let names = [Identifier::Dns("a.example".to_owned())];
    account.new_order(&NewOrder::new(&names)).await.unwrap();
    account.deactivate().await.unwrap();
    let order = lab
        .store
        .orders(Page::newest(1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert!(
        matches!(order.value.state(), State::Invalid(_)),
        "its open orders end with it"
    );
    let account = Account::builder_with_http(lab.client())
        .from_credentials(credentials)
        .await
        .unwrap();
    assert!(
        account
            .new_order(&NewOrder::new(&names))
            .await
            .err()
            .unwrap()
            .to_string()
            .contains("deactivated")
    );
}

#[tokio::test]
async fn without_a_credential_an_account_is_refused_where_one_is_required() {
    let lab = Lab::with(|_| {}).await;
    let new = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(lab.client());
    let refused = builder
        .create(&new, format!("{BASE}/directory"), None)
        .await;
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("externalAccountRequired")
    );
    tokio::task::yield_now().await;
    let records = lab.store.records(None, Sequence::START, 100).await.unwrap();
    let last = &records.last().unwrap().event;
    assert!(
        matches!(last, Event::RequestsRefused { count: 1, problem } if problem == "externalAccountRequired"),
        "{last:?}"
    );
}

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn the_trace_of_a_request_is_in_every_record_that_it_leads_to() {
    let lab = Lab::open().await;
    let before = all_records(&lab).await.len();
    let client = lab.client_with(&[("traceparent", TRACE)]);
    let (account, _) = register_over(client).await;
    issue(&account, &["a.example"]).await;
    let records = all_records(&lab).await;
    assert!(records.len() > before + 5);
    for record in &records[before..] {
        let trace = record.traceparent.clone().map(String::from);
        assert_eq!(trace.as_deref(), Some(TRACE), "{}", record.event.name());
    }
}

#[tokio::test]
async fn a_trace_that_is_not_as_it_has_to_be_is_in_no_record() {
    let twice = [("traceparent", TRACE), ("traceparent", TRACE)];
    for headers in [
        &twice[..],
        &[(
            "traceparent",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        )],
        &[(
            "traceparent",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        )],
    ] {
        let lab = Lab::open().await;
        drop(register_over(lab.client_with(headers)).await);
        let records = all_records(&lab).await;
        assert!(records.iter().all(|record| record.traceparent.is_none()));
    }
}

async fn all_records(lab: &Lab) -> Vec<certlocker_core::Record> {
    lab.store
        .records(None, Sequence::START, 1_000)
        .await
        .unwrap()
}
