//! Section 7.5: answering challenges, and giving authorizations back.

use std::time::Duration;

use certlocker_core::{Scope, Uses};
use serde_json::{Value, json};

use crate::harness::{
    Account, Credential, Csr, Key, Reply, Subject, authorization_urls, challenge, host,
};

const DEACTIVATED: &str = r#"{"status":"deactivated"}"#;

async fn give_back(account: &Account, authorization: &str) -> Reply {
    let message = account.message(authorization).payload_octets(DEACTIVATED);
    message.send().await
}

async fn pending_challenge(account: &Account) -> Value {
    let order = account.order(&[host("a")]).await;
    let body = account.read(&order.authorization()).await.json();
    challenge(&body, "http-01").expect("http-01 is offered")
}

#[tokio::test]
async fn an_answer_brings_the_challenge_and_leads_to_its_authorization() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a")]).await;
    let authorization = account.read(&order.authorization()).await.json();
    let reply = account.answer(&authorization).await.expect(200);
    let offered = challenge(&authorization, reply.json()["type"].as_str().unwrap()).unwrap();
    assert_eq!(reply.json()["url"], offered["url"]);
    assert_eq!(reply.json()["token"], offered["token"]);
    assert_eq!(reply.link("up"), Some(order.authorization()));
}

#[tokio::test]
async fn members_of_an_answer_that_nobody_knows_are_ignored() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for payload in [
        json!({"keyAuthorization": "x.y"}),
        json!({"resource": "challenge", "type": "http-01", "x": [{}]}),
        json!({"status": "valid"}),
    ] {
        let pending = pending_challenge(&account).await;
        let url = pending["url"].as_str().unwrap();
        account.post(url, &payload).await.expect(200);
    }
}

#[tokio::test]
async fn an_answer_is_an_object() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let pending = pending_challenge(&account).await;
    let url = pending["url"].as_str().unwrap();
    for payload in ["[]", "null", "\"\"", "7", "{"] {
        let message = account.message(url).payload_octets(payload);
        message.send().await.refused(400, "malformed");
    }
    assert_eq!(account.read(url).await.json()["status"], "pending");
}

#[tokio::test]
async fn reading_a_challenge_does_not_answer_it() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let pending = pending_challenge(&account).await;
    let url = pending["url"].as_str().unwrap();
    for _ in 0..2 {
        assert_eq!(account.read(url).await.expect(200).json(), pending);
    }
}

#[tokio::test]
async fn a_challenge_that_was_not_offered_does_not_exist() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let pending = pending_challenge(&account).await;
    let url = pending["url"].as_str().unwrap();
    let (parent, id) = url.rsplit_once('/').unwrap();
    let reversed: String = id.chars().rev().collect();
    for other in [
        format!("{parent}/{reversed}"),
        format!("{url}x"),
        format!("{url}/x"),
    ] {
        account
            .post(&other, &json!({}))
            .await
            .refused(404, "malformed");
    }
}

#[tokio::test]
async fn one_valid_challenge_is_enough() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.ready_order(&[host("a")]).await;
    let body = account.read(&order.authorization()).await.json();
    let valid = body["challenges"].as_array().unwrap().iter();
    let valid = valid
        .filter(|challenge| challenge["status"] == "valid")
        .count();
    assert_eq!((valid, &body["status"]), (1, &json!("valid")));
}

#[tokio::test]
async fn an_authorization_is_given_back_and_its_order_ends() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let pending = account.order(&[host("a"), host("b")]).await;
    let ready = account.ready_order(&[host("c")]).await;
    for order in [pending, ready] {
        let reply = give_back(&account, &order.authorization())
            .await
            .expect(200);
        assert_eq!(reply.json()["status"], "deactivated", "{reply}");
        let authorization = account.read(&order.authorization()).await.json();
        assert_eq!(authorization["status"], "deactivated");
        assert_eq!(account.reread(&order).await.status(), "invalid");
    }
}

#[tokio::test]
async fn an_authorization_is_changed_in_no_other_way() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a")]).await;
    let url = order.authorization();
    for payload in [
        json!({"status": "valid"}),
        json!({"status": "revoked"}),
        json!({"status": "DEACTIVATED"}),
        json!({"status": null}),
        json!({}),
        json!([]),
    ] {
        account.post(&url, &payload).await.refused(400, "malformed");
    }
    assert_eq!(account.read(&url).await.json()["status"], "pending");
}

#[tokio::test]
async fn what_was_given_back_is_not_answered_any_more() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a")]).await;
    let authorization = account.read(&order.authorization()).await.json();
    give_back(&account, &order.authorization())
        .await
        .expect(200);
    account.answer(&authorization).await;
    let body = account.read(&order.authorization()).await.json();
    assert_eq!(body["status"], "deactivated", "{body}");
}

#[tokio::test]
async fn what_was_given_back_stays_so_when_it_is_given_back_again() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a")]).await;
    let url = order.authorization();
    give_back(&account, &url).await.expect(200);
    let again = give_back(&account, &url).await;
    assert!(again.status < 500, "{again}");
    assert_eq!(account.read(&url).await.json()["status"], "deactivated");
}

#[tokio::test]
async fn a_certificate_stays_when_its_authorization_is_given_back() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let issued = account.issue(&[host("a")]).await;
    give_back(&account, &issued.order.authorization())
        .await
        .expect(200);
    assert_eq!(account.reread(&issued.order).await.status(), "valid");
    account.read(&issued.url()).await.expect(200);
}

#[tokio::test]
async fn an_authorization_has_no_place_beside_those_of_its_order() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example", "b.example"]).await;
    let url = authorization_urls(&order.body).pop().unwrap();
    for other in [
        format!("{url}0"),
        format!("{url}/"),
        url.replace("-1", "-2"),
    ] {
        if other != url {
            account.read(&other).await.refused(404, "malformed");
        }
    }
}

/// An account whose client lets new orders start with earlier proofs.
async fn reusing(subject: &Subject) -> Account {
    let scope = Scope {
        names: vec!["dns:*.example".parse().unwrap()],
        ..Scope::default()
    };
    let credential = Credential::reusing(subject, scope, Uses::Any).await;
    let key = Key::es256();
    let binding = credential.binding(&key, &subject.url("newAccount"));
    let payload = json!({"externalAccountBinding": binding});
    let url = subject
        .register(&key, &payload)
        .await
        .expect(201)
        .location();
    Account::new(subject, key, url)
}

#[tokio::test]
async fn a_proof_that_is_used_again_starts_the_next_order_ready() {
    let what = "has a client that reuses proofs";
    let Some(subject) = Subject::lab_only(what).await else {
        return;
    };
    let account = reusing(&subject).await;
    account.ready_order(&["a.example"]).await;
    let order = account.order(&["a.example"]).await;
    assert_eq!(order.status(), "ready", "{}", order.body);
    let body = account.read(&order.authorization()).await.json();
    assert_eq!(body["status"], "valid", "{body}");
    account.issue_with(&order, Csr::new(&["a.example"])).await;
}

#[tokio::test]
async fn a_proof_that_was_given_back_is_not_used_again() {
    let what = "has a client that reuses proofs";
    let Some(subject) = Subject::lab_only(what).await else {
        return;
    };
    let account = reusing(&subject).await;
    let first = account.issue(&["a.example"]).await;
    give_back(&account, &first.order.authorization())
        .await
        .expect(200);
    let order = account.order(&["a.example"]).await;
    assert_eq!(order.status(), "pending", "{}", order.body);
}

#[tokio::test]
async fn a_proof_is_not_used_longer_than_it_counts() {
    let what = "has a client that reuses proofs";
    let Some(subject) = Subject::lab_only(what).await else {
        return;
    };
    let account = reusing(&subject).await;
    account.issue(&["a.example"]).await;
    subject.pass(Duration::from_secs(31 * 86_400));
    let order = account.order(&["a.example"]).await;
    assert_eq!(order.status(), "pending", "{}", order.body);
}
