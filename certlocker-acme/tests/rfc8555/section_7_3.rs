//! Section 7.3: accounts: to register, to find, to update, to deactivate.

use certlocker_acme::Registration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Account, Csr, Key, Subject, agreed, base64url, host};

const CONTACT: &str = "mailto:somebody@example.org";

#[tokio::test]
async fn an_account_is_created_with_what_it_sent() {
    let subject = Subject::open().await;
    let payload = json!({"termsOfServiceAgreed": true, "contact": [CONTACT]});
    let reply = subject.register(&Key::es256(), &payload).await.expect(201);
    let body = reply.json();
    assert_eq!(body["status"], "valid");
    assert_eq!(body["contact"], json!([CONTACT]));
    assert!(reply.location().starts_with("https://"), "{reply}");
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    let subject = Subject::open().await;
    let payload = json!({
        "termsOfServiceAgreed": true, "resource": "new-reg", "agreement": 7, "x": {"y": []},
        "orders": "https://other.example", "status": "deactivated",
    });
    let reply = subject.register(&Key::es256(), &payload).await.expect(201);
    let body = reply.json();
    assert_eq!(body["status"], "valid", "{body}");
    assert!(
        body["x"].is_null() && body["orders"] != payload["orders"],
        "{body}"
    );
}

#[tokio::test]
async fn contacts_are_mail_addresses_one_each_and_nothing_more() {
    let subject = Subject::open().await;
    for (contact, kind) in [
        ("tel:+12025551212", "unsupportedContact"),
        ("https://example.org/me", "unsupportedContact"),
        ("mailto:a@example.org,b@example.org", "invalidContact"),
        ("mailto:a@example.org?subject=x", "invalidContact"),
        ("mailto:", "invalidContact"),
        ("mailto:not an address", "invalidContact"),
        ("somebody@example.org", "invalidContact"),
    ] {
        let payload = json!({"termsOfServiceAgreed": true, "contact": [contact]});
        let reply = subject.register(&Key::es256(), &payload).await;
        assert_eq!(reply.problem(), kind, "{contact}: {reply}");
    }
}

#[tokio::test]
async fn a_payload_of_another_shape_is_malformed() {
    let subject = Subject::open().await;
    for payload in [
        json!({"termsOfServiceAgreed": "yes"}),
        json!({"termsOfServiceAgreed": true, "contact": CONTACT}),
        json!({"termsOfServiceAgreed": true, "contact": [7]}),
        json!({"onlyReturnExisting": 1}),
    ] {
        let reply = subject.register(&Key::es256(), &payload).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn terms_of_service_have_to_be_agreed_to() {
    let terms = "https://ca.test/terms";
    let what = "has terms of service";
    let subject = Subject::configured(what, |config| {
        config.terms_of_service = Some(terms.to_owned());
    });
    let Some(subject) = subject.await else { return };
    for payload in [json!({}), json!({"termsOfServiceAgreed": false})] {
        let reply = subject.register(&Key::es256(), &payload).await;
        let reply = reply.refused(403, "userActionRequired");
        assert_eq!(reply.link("terms-of-service").as_deref(), Some(terms));
        assert_eq!(reply.json()["instance"], terms);
    }
    let account = subject.account().await;
    let body = account.read(&account.url).await.json();
    assert_eq!(body["termsOfServiceAgreed"], true);
}

#[tokio::test]
async fn a_key_that_has_an_account_finds_it_as_it_is_stored() {
    let subject = Subject::open().await;
    let key = Key::es256();
    let first = json!({"termsOfServiceAgreed": true, "contact": [CONTACT]});
    let first = subject.register(&key, &first).await.expect(201);
    let again = json!({"termsOfServiceAgreed": true, "contact": ["mailto:other@example.org"]});
    let again = subject.register(&key, &again).await.expect(200);
    assert_eq!(again.location(), first.location());
    assert_eq!(again.json()["contact"], json!([CONTACT]));
}

#[tokio::test]
async fn the_fields_of_a_request_for_an_account_that_exists_are_ignored() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for payload in [
        json!({}),
        json!({"contact": ["tel:1"]}),
        json!({"termsOfServiceAgreed": false}),
    ] {
        let reply = subject.register(&account.key, &payload).await.expect(200);
        assert_eq!(reply.location(), account.url);
    }
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_not_created_when_only_looked_for() {
    let subject = Subject::open().await;
    let key = Key::es256();
    for payload in [
        json!({"onlyReturnExisting": true}),
        json!({"onlyReturnExisting": true, "termsOfServiceAgreed": true, "contact": [CONTACT]}),
    ] {
        let reply = subject.register(&key, &payload).await;
        reply.refused(400, "accountDoesNotExist");
    }
    let reply = subject.register(&key, &agreed()).await;
    reply.expect(201);
}

#[tokio::test]
async fn an_account_that_exists_is_found_with_a_contact_beside() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let payload = json!({"onlyReturnExisting": true, "contact": [CONTACT]});
    let reply = subject.register(&account.key, &payload).await.expect(200);
    assert_eq!(reply.location(), account.url);
}

#[tokio::test]
async fn one_key_registered_many_times_at_once_is_one_account() {
    let subject = Subject::open().await;
    let key = Key::es256();
    let payload = json!({"termsOfServiceAgreed": true});
    let replies = join_all((0..6).map(|_| subject.register(&key, &payload))).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(created, 1);
    let url = replies[0].location();
    assert!(replies.iter().all(|reply| reply.location() == url));
}

#[tokio::test]
async fn contacts_are_replaced_and_removed() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for contacts in [
        json!([CONTACT]),
        json!(["mailto:other@example.org"]),
        json!([]),
    ] {
        let update = json!({"contact": contacts});
        let reply = account.post(&account.url, &update).await.expect(200);
        let shown = &reply.json()["contact"];
        assert!(
            *shown == contacts || shown.is_null() && contacts == json!([]),
            "{reply}"
        );
        assert_eq!(account.read(&account.url).await.json()["contact"], *shown);
    }
}

#[tokio::test]
async fn a_contact_that_is_refused_leaves_those_that_are_there() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let update = json!({"contact": [CONTACT]});
    account.post(&account.url, &update).await.expect(200);
    let update = json!({"contact": ["mailto:other@example.org", "tel:1"]});
    account
        .post(&account.url, &update)
        .await
        .refused_as("unsupportedContact");
    assert_eq!(
        account.read(&account.url).await.json()["contact"],
        json!([CONTACT])
    );
}

#[tokio::test]
async fn an_update_of_what_a_client_does_not_decide_is_ignored() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let before = account.read(&account.url).await.json();
    for update in [
        json!({"termsOfServiceAgreed": false}),
        json!({"status": "revoked"}),
        json!({"status": "valid"}),
        json!({"orders": "https://other.example"}),
        json!({"resource": "reg", "unknown": [1]}),
    ] {
        let reply = account.post(&account.url, &update).await.expect(200);
        assert_eq!(reply.json(), before, "{update}");
    }
}

#[tokio::test]
async fn an_empty_update_is_an_update_that_changes_nothing() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let before = account.read(&account.url).await.json();
    let reply = account.post(&account.url, &json!({})).await.expect(200);
    assert_eq!(reply.json(), before);
}

#[tokio::test]
async fn another_account_is_unauthorized_whether_it_exists_or_not() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let (parent, id) = other.url.rsplit_once('/').unwrap();
    let nowhere = format!("{parent}/{}", id.chars().rev().collect::<String>());
    let existing = account.read(&other.url).await.refused_as("unauthorized");
    let missing = account.read(&nowhere).await.refused_as("unauthorized");
    assert_eq!(
        (existing.status, existing.json()),
        (missing.status, missing.json())
    );
    let end = json!({"status": "deactivated"});
    account
        .post(&other.url, &end)
        .await
        .refused_as("unauthorized");
    assert_eq!(other.read(&other.url).await.json()["status"], "valid");
}

#[tokio::test]
async fn a_credential_is_required_where_the_directory_says_so() {
    let what = "requires a credential";
    let subject = Subject::configured(what, |config| {
        config.registration = Registration::Credential
    });
    let Some(subject) = subject.await else { return };
    let reply = subject.register(&Key::es256(), &agreed()).await;
    reply.refused_as("externalAccountRequired");
}

async fn deactivated(subject: &Subject) -> Account {
    let account = subject.account().await;
    let end = json!({"status": "deactivated"});
    let reply = account.post(&account.url, &end).await.expect(200);
    assert_eq!(reply.json()["status"], "deactivated");
    account
}

#[tokio::test]
async fn a_deactivated_account_is_answered_401_whatever_it_asks() {
    let subject = Subject::open().await;
    let account = deactivated(&subject).await;
    for url in [
        account.url.clone(),
        subject.url("newOrder"),
        subject.url("keyChange"),
    ] {
        account.read(&url).await.refused(401, "unauthorized");
        account
            .post(&url, &json!({}))
            .await
            .refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_deactivated_account_does_not_come_back() {
    let subject = Subject::open().await;
    let account = deactivated(&subject).await;
    for payload in [
        json!({"termsOfServiceAgreed": true}),
        json!({"onlyReturnExisting": true}),
    ] {
        let reply = subject.register(&account.key, &payload).await;
        reply.refused_as("unauthorized");
    }
    let back = json!({"status": "valid"});
    account
        .post(&account.url, &back)
        .await
        .refused_as("unauthorized");
}

#[tokio::test]
async fn nothing_of_a_deactivated_account_is_issued_any_more() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.ready_order(&[host("a")]).await;
    let end = json!({"status": "deactivated"});
    account.post(&account.url, &end).await.expect(200);
    let reply = account.hand_in(&order, &Csr::new(&[host("a")]).der()).await;
    reply.refused_as("unauthorized");
}

#[tokio::test]
async fn certificates_of_a_deactivated_account_stay_until_somebody_revokes_them() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let key = Key::es256();
    let order = account.ready_order(&[host("a")]).await;
    let issued = account
        .issue_with(&order, Csr::new(&[host("a")]).key(&key))
        .await;
    let end = json!({"status": "deactivated"});
    account.post(&account.url, &end).await.expect(200);
    let payload: Value = json!({"certificate": base64url(&issued.leaf)});
    let revocation = subject.message(&key, "revokeCert").payload(&payload);
    revocation.send().await.expect(200);
}

#[tokio::test]
async fn a_status_that_is_not_deactivated_to_the_letter_deactivates_nothing() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for status in [json!("Deactivated"), json!("deactivated "), json!(null)] {
        account.post(&account.url, &json!({"status": status})).await;
    }
    assert_eq!(account.read(&account.url).await.json()["status"], "valid");
}
