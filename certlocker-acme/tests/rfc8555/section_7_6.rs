//! Section 7.6: revocation.

use futures_util::future::join_all;
use serde_json::{Value, json};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::harness::{
    Account, Csr, Issued, Key, Message, Reply, Subject, base64url, foreign_certificate, host,
};

/// A certificate, the account that has it, and its own key.
struct Fixture {
    account: Account,
    issued: Issued,
    key: Key,
    subject: Subject,
}

impl Fixture {
    async fn new() -> Self {
        Self::of(Subject::open().await).await
    }

    async fn of(subject: Subject) -> Self {
        let account = subject.account().await;
        let key = Key::es256();
        let order = account.ready_order(&[host("a"), host("b")]).await;
        let csr = Csr::new(&[host("a"), host("b")]).key(&key);
        let issued = account.issue_with(&order, csr).await;
        Self {
            account,
            issued,
            key,
            subject,
        }
    }

    fn payload(&self) -> Value {
        json!({"certificate": base64url(&self.issued.leaf)})
    }

    async fn by(&self, account: &Account) -> Reply {
        account
            .post(&self.subject.url("revokeCert"), &self.payload())
            .await
    }

    async fn with_reason(&self, reason: Value) -> Reply {
        let mut payload = self.payload();
        payload["reason"] = reason;
        self.account
            .post(&self.subject.url("revokeCert"), &payload)
            .await
    }

    fn by_key(&self, key: &Key) -> Message {
        self.subject
            .message(key, "revokeCert")
            .payload(&self.payload())
    }
}

#[tokio::test]
async fn the_account_that_a_certificate_was_issued_to_revokes_it() {
    let fixture = Fixture::new().await;
    let reply = fixture.by(&fixture.account).await.expect(200);
    assert!(reply.body.is_empty(), "{reply}");
}

#[tokio::test]
async fn the_key_of_a_certificate_revokes_it() {
    let fixture = Fixture::new().await;
    fixture.by_key(&fixture.key).send().await.expect(200);
}

#[tokio::test]
async fn a_revocation_by_the_certificates_key_is_signed_as_every_request() {
    let fixture = Fixture::new().await;
    let without = fixture.by_key(&fixture.key).without_header("nonce");
    without.send().await.refused(400, "badNonce");
    let other = fixture
        .by_key(&fixture.key)
        .header("url", "https://other.example");
    other.send().await.refused_as("unauthorized");
    let forged = fixture.by_key(&fixture.key).signature(|_| vec![7; 64]);
    forged.send().await.refused(400, "malformed");
    fixture.by_key(&fixture.key).send().await.expect(200);
}

#[tokio::test]
async fn no_other_key_revokes_a_certificate() {
    let fixture = Fixture::new().await;
    for key in [&Key::es256(), &fixture.account.key] {
        fixture
            .by_key(key)
            .send()
            .await
            .refused(403, "unauthorized");
    }
}

#[tokio::test]
async fn an_account_that_controls_nothing_of_a_certificate_does_not_revoke_it() {
    let fixture = Fixture::new().await;
    let other = fixture.subject.account().await;
    fixture.by(&other).await.refused(403, "unauthorized");
}

#[tokio::test]
async fn an_account_that_controls_every_name_of_a_certificate_revokes_it() {
    let fixture = Fixture::new().await;
    let other = fixture.subject.account().await;
    other.ready_order(&[host("a")]).await;
    fixture.by(&other).await.refused(403, "unauthorized");
    other.ready_order(&[host("b")]).await;
    fixture.by(&other).await.expect(200);
}

#[tokio::test]
async fn control_that_was_given_back_revokes_nothing() {
    let fixture = Fixture::new().await;
    let other = fixture.subject.account().await;
    let order = other.ready_order(&[host("a"), host("b")]).await;
    let end = json!({"status": "deactivated"});
    other.post(&order.authorization(), &end).await.expect(200);
    fixture.by(&other).await.refused(403, "unauthorized");
}

#[tokio::test]
async fn the_holder_of_every_name_does_not_own_the_wildcard_beside_them() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let wildcard = format!("*.{}", host("a"));
    let issued = account.issue(&[&wildcard]).await;
    other.ready_order(&[host("a")]).await;
    let payload = json!({"certificate": base64url(&issued.leaf)});
    let reply = other.post(&subject.url("revokeCert"), &payload).await;
    reply.refused(403, "unauthorized");
}

#[tokio::test]
async fn a_certificate_is_revoked_once() {
    let fixture = Fixture::new().await;
    fixture.by(&fixture.account).await.expect(200);
    fixture
        .by(&fixture.account)
        .await
        .refused(400, "alreadyRevoked");
    let again = fixture.by_key(&fixture.key).send().await;
    again.refused(400, "alreadyRevoked");
}

#[tokio::test]
async fn of_many_revocations_at_once_one_is_first() {
    let fixture = Fixture::new().await;
    let replies = join_all((0..5).map(|_| fixture.by(&fixture.account))).await;
    let first = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(first, 1);
    for reply in replies.into_iter().filter(|reply| reply.status != 200) {
        reply.refused(400, "alreadyRevoked");
    }
}

#[tokio::test]
async fn whoever_has_no_right_does_not_learn_that_it_was_revoked() {
    let fixture = Fixture::new().await;
    fixture.by(&fixture.account).await.expect(200);
    let other = fixture.subject.account().await;
    fixture.by(&other).await.refused(403, "unauthorized");
}

#[tokio::test]
async fn a_subscriber_gives_the_reasons_that_are_his() {
    for reason in [0, 1, 3, 4, 5] {
        let fixture = Fixture::new().await;
        fixture.with_reason(json!(reason)).await.expect(200);
    }
}

#[tokio::test]
async fn a_reason_that_is_none_is_refused_with_those_that_are() {
    let fixture = Fixture::new().await;
    for reason in [7, 11, -1, 256, i64::MAX] {
        let reply = fixture.with_reason(json!(reason)).await;
        let reply = reply.refused(400, "badRevocationReason");
        assert!(reply.detail().contains('4'), "lists the allowed: {reply}");
    }
    fixture.by(&fixture.account).await.expect(200);
}

#[tokio::test]
async fn the_reasons_of_an_authority_are_not_those_of_a_subscriber() {
    let Some(subject) = Subject::lab_only("has a policy for reasons").await else {
        return;
    };
    let fixture = Fixture::of(subject).await;
    for reason in [2, 6, 8, 9, 10] {
        let reply = fixture.with_reason(json!(reason)).await;
        reply.refused(400, "badRevocationReason");
    }
}

#[tokio::test]
async fn a_reason_is_a_number() {
    let fixture = Fixture::new().await;
    for reason in [json!("keyCompromise"), json!(1.5), json!([1])] {
        let reply = fixture.with_reason(reason).await;
        assert_eq!(reply.status, 400, "{reply}");
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_not_revoked() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for payload in [
        json!({}),
        json!([]),
        json!({"certificate": ""}),
        json!({"certificate": "AAAA"}),
        json!({"certificate": "a b"}),
        json!({"certificate": 7}),
    ] {
        let reply = account.post(&subject.url("revokeCert"), &payload).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_certificate_is_base64url_without_padding() {
    let fixture = Fixture::new().await;
    let text = base64url(&fixture.issued.leaf);
    for spoiled in [
        format!("{text}="),
        format!("{text}==="),
        format!("{text}\n"),
    ] {
        let payload = json!({"certificate": spoiled});
        let url = fixture.subject.url("revokeCert");
        fixture
            .account
            .post(&url, &payload)
            .await
            .refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_revoked() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let key = Key::es256();
    let payload = json!({"certificate": base64url(foreign_certificate(&key))});
    let reply = account.post(&subject.url("revokeCert"), &payload).await;
    assert!((400..500).contains(&reply.status), "{reply}");
    let reply = subject
        .message(&key, "revokeCert")
        .payload(&payload)
        .send()
        .await;
    assert!((400..500).contains(&reply.status), "{reply}");
}

#[tokio::test]
async fn a_certificate_that_was_changed_is_not_the_one_that_was_issued() {
    let fixture = Fixture::new().await;
    let mut changed = fixture.issued.leaf.clone();
    *changed.last_mut().unwrap() ^= 1;
    let payload = json!({"certificate": base64url(changed)});
    let url = fixture.subject.url("revokeCert");
    let reply = fixture.account.post(&url, &payload).await;
    assert!((400..500).contains(&reply.status), "{reply}");
}

#[tokio::test]
async fn a_revocation_is_in_the_list_with_its_reason_if_it_has_one() {
    let Some(subject) = Subject::lab_only("reads the revocation list").await else {
        return;
    };
    let fixture = Fixture::of(subject).await;
    assert_eq!(fixture.revoked().await, []);
    fixture.by(&fixture.account).await.expect(200);
    assert_eq!(fixture.revoked().await, [None]);
    let other = Fixture::of(fixture.subject).await;
    other.with_reason(json!(4)).await.expect(200);
    let mut reasons = other.revoked().await;
    reasons.sort_unstable();
    assert_eq!(reasons, [None, Some(4)]);
}

impl Fixture {
    /// The reason code of each entry of the revocation list.
    async fn revoked(&self) -> Vec<Option<u8>> {
        let reply = self
            .subject
            .request("GET", &self.subject.beside("crl"))
            .await;
        let body = reply.expect(200).body;
        let (_, list) = CertificateRevocationList::from_der(&body).unwrap();
        list.iter_revoked_certificates()
            .map(|entry| entry.reason_code().map(|(_, code)| code.0))
            .collect()
    }
}
