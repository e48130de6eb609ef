//! Section 7.3.5: another key for an account.

use serde_json::{Value, json};

use crate::harness::{Account, Csr, Key, Message, Reply, Subject, agreed, base64url, host};

/// The inner JWS, signed with the new key, right in everything.
fn inner(subject: &Subject, account: &Account, new: &Key) -> Message {
    let payload = json!({"account": account.url, "oldKey": account.key.jwk()});
    subject
        .message(new, "keyChange")
        .without_header("nonce")
        .payload(&payload)
}

async fn change(subject: &Subject, account: &Account, inner: Message) -> Reply {
    account
        .post(&subject.url("keyChange"), &inner.into_inner())
        .await
}

/// Asks for a change with an inner JWS that is not as it should be.
async fn refused_with(spoil: impl FnOnce(Message, &Account) -> Message) -> Reply {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let spoiled = spoil(inner(&subject, &account, &Key::es256()), &account);
    let reply = change(&subject, &account, spoiled).await;
    account.read(&account.url).await.expect(200);
    reply
}

#[tokio::test]
async fn only_the_new_key_works_after_a_change() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let new = Key::es384();
    change(&subject, &account, inner(&subject, &account, &new))
        .await
        .expect(200);
    let old = account.read(&account.url).await;
    assert!((400..500).contains(&old.status), "{old}");
    account.with_key(&new).read(&account.url).await.expect(200);
}

#[tokio::test]
async fn an_account_keeps_its_url_and_its_orders() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let names = [host("a")];
    let order = account.ready_order(&names).await;
    let new = Key::es256();
    change(&subject, &account, inner(&subject, &account, &new))
        .await
        .expect(200);
    let found = subject
        .register(&new, &json!({"onlyReturnExisting": true}))
        .await
        .expect(200);
    assert_eq!(found.location(), account.url);
    account
        .with_key(&new)
        .issue_with(&order, Csr::new(&names))
        .await;
}

#[tokio::test]
async fn the_old_key_is_free_after_a_change() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    change(&subject, &account, inner(&subject, &account, &Key::es256()))
        .await
        .expect(200);
    let reply = subject.register(&account.key, &agreed()).await;
    assert_ne!(reply.expect(201).location(), account.url);
}

#[tokio::test]
async fn the_inner_jws_has_no_nonce() {
    let reply = refused_with(|inner, _| inner.header("nonce", "AAAAAAAAAAAAAAAAAAAAAA")).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn the_inner_jws_carries_the_new_key() {
    let reply = refused_with(|inner, _| inner.without_header("jwk")).await;
    reply.refused(400, "malformed");
    let named = |inner: Message, account: &Account| {
        inner
            .without_header("jwk")
            .header("kid", account.url.as_str())
    };
    refused_with(named).await.refused(400, "malformed");
}

#[tokio::test]
async fn the_inner_jws_is_for_the_url_of_the_request() {
    let reply = refused_with(|inner, _| inner.header("url", "https://other.example")).await;
    reply.refused(400, "malformed");
    let reply = refused_with(|inner, _| inner.without_header("url")).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn the_inner_jws_names_the_account_and_its_key() {
    let key = Key::es256();
    let jwk = key.jwk();
    for payload in [
        (|account: &Account, _| json!({"account": format!("{}0", account.url), "oldKey": account.key.jwk()}))
            as fn(&Account, &Value) -> Value,
        |account, other| json!({"account": account.url, "oldKey": other}),
        |account, _| json!({"account": account.url}),
        |account, _| json!({"oldKey": account.key.jwk()}),
        |account, _| json!({"account": account.url, "oldKey": null}),
        |_, _| json!({}),
        |_, _| json!([]),
    ] {
        let spoil = |inner: Message, account: &Account| inner.payload(&payload(account, &jwk));
        refused_with(spoil).await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn the_inner_jws_is_signed_by_the_new_key() {
    let other = Key::es256();
    let reply = refused_with(|inner, _| inner.signature(move |_| other.sign(b"x"))).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn a_payload_that_is_no_jws_is_malformed() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for payload in [json!({}), json!([]), json!({"newKey": Key::es256().jwk()})] {
        let reply = account.post(&subject.url("keyChange"), &payload).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn an_inner_jws_with_an_unprotected_header_is_refused() {
    let with_header = |mut jws: Value| {
        jws["header"] = json!({});
        jws
    };
    refused_with(|inner, _| inner.jws(with_header))
        .await
        .refused(400, "malformed");
}

#[tokio::test]
async fn a_new_key_that_is_not_accepted_is_a_bad_one() {
    let weak = json!({"kty": "RSA", "n": base64url([0xc1; 128]), "e": "AQAB"});
    let spoil = |inner: Message, _: &Account| inner.header("alg", "RS256").header("jwk", weak);
    refused_with(spoil).await.refused(400, "badPublicKey");
    let reply = refused_with(|inner, _| inner.header("alg", "HS256")).await;
    reply.refused(400, "badSignatureAlgorithm");
}

#[tokio::test]
async fn a_key_that_another_account_has_is_a_conflict_with_that_account() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let reply = change(&subject, &account, inner(&subject, &account, &other.key)).await;
    assert_eq!(reply.status, 409, "{reply}");
    assert_eq!(reply.location(), other.url);
    account.read(&account.url).await.expect(200);
}

#[tokio::test]
async fn the_key_that_an_account_has_is_no_new_key() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let reply = change(&subject, &account, inner(&subject, &account, &account.key)).await;
    assert_eq!(reply.status, 409, "{reply}");
    assert_eq!(reply.location(), account.url);
}

#[tokio::test]
async fn a_change_that_another_account_signed_is_refused() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let reply = change(&subject, &other, inner(&subject, &account, &Key::es256())).await;
    assert!((400..500).contains(&reply.status), "{reply}");
    account.read(&account.url).await.expect(200);
}

#[tokio::test]
async fn of_two_changes_at_once_one_wins_and_its_key_works() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (one, other) = (Key::es256(), Key::es256());
    let changes = tokio::join!(
        change(&subject, &account, inner(&subject, &account, &one)),
        change(&subject, &account, inner(&subject, &account, &other)),
    );
    let mut working = 0;
    for (reply, key) in [(changes.0, one), (changes.1, other)] {
        let works = account.with_key(&key).read(&account.url).await.status == 200;
        assert!(reply.status == 200 || !works, "{reply}");
        working += usize::from(works);
    }
    assert_eq!(working, 1);
}
