//! The payloads of signed requests, handed to a gateway as a client hands them in.

use certlocker_core::{AccountState, AccountStore, OrderStatus};

use crate::names::assert_canonical;
use crate::scene::{By, Scene, json, location, on_empty_scene, on_scene};

/// A new account is found again by its key, as it was stored.
pub(crate) fn new_account(data: &[u8]) {
    on_empty_scene(|scene| async move {
        let answer = scene.post("/new-account", By::Key, data).await;
        if answer.status == 201 {
            let again = scene.post("/new-account", By::Key, b"{}").await;
            assert_eq!((again.status, &again.body), (200, &answer.body));
            assert_eq!(location(&again), location(&answer));
        }
    });
}

/// An update changes contacts, closes the account, or changes nothing.
pub(crate) fn account_update(data: &[u8]) {
    on_scene(|scene| async move {
        let path = format!("/acct/{}", scene.account);
        let before = scene
            .store
            .account(&scene.account)
            .await
            .expect("it is there");
        let answer = scene.post(&path, By::Account, data).await;
        let after = scene
            .store
            .account(&scene.account)
            .await
            .expect("it is there");
        assert_eq!(after.value.key(), before.value.key());
        if answer.status >= 400 {
            assert_eq!(after, before);
        } else if after.value.state() == AccountState::Valid {
            let read = scene.post(&path, By::Account, b"").await;
            assert_eq!((read.status, &read.body), (200, &answer.body));
        } else {
            assert_eq!(scene.post(&path, By::Account, b"").await.status, 401);
            assert_eq!(
                scene.order(&scene.pending).await.status(),
                OrderStatus::Invalid
            );
            assert_eq!(
                scene.order(&scene.ready).await.status(),
                OrderStatus::Invalid
            );
        }
    });
}

/// An order that is placed reads back as it was answered, and names canonical identifiers, which
/// ordered again are the same order.
pub(crate) fn new_order(data: &[u8]) {
    on_scene(|scene| async move {
        let answer = scene.post("/new-order", By::Account, data).await;
        if answer.status != 201 {
            assert!(answer.status >= 400);
            return;
        }
        let path = location(&answer).expect("a new order has a URL").to_owned();
        let read = scene.post(&path, By::Account, b"").await;
        assert_eq!((read.status, &read.body), (200, &answer.body));
        assert_order_again(&scene, &json(&answer), &path).await;
    });
}

async fn assert_order_again(scene: &Scene, order: &serde_json::Value, path: &str) {
    let id = path.rsplit('/').next().expect("it has segments");
    let stored = scene.order(&id.parse().expect("it is an id")).await;
    stored.identifiers().iter().for_each(assert_canonical);
    let mut same = serde_json::json!({"identifiers": order["identifiers"]});
    for member in ["notBefore", "notAfter", "profile"] {
        if let Some(value) = order.get(member) {
            same[member] = value.clone();
        }
    }
    let again = scene
        .post("/new-order", By::Account, same.to_string().as_bytes())
        .await;
    assert_eq!((again.status, location(&again)), (201, Some(path)));
}

/// A request is handed to the issuer with exactly the ordered names, or the order stays ready.
pub(crate) fn finalize(data: &[u8]) {
    on_scene(|scene| async move {
        let path = format!("/order/{}/finalize", scene.ready);
        let answer = scene.post(&path, By::Account, data).await;
        let order = scene.order(&scene.ready).await;
        if answer.status >= 400 || data.is_empty() {
            assert_eq!(order.status(), OrderStatus::Ready);
        } else {
            assert_eq!(order.status(), OrderStatus::Valid);
            let again = scene.post(&path, By::Account, data).await;
            assert_eq!(again.status, 403);
        }
    });
}

/// Without a certificate of ours there is nothing to revoke.
pub(crate) fn revoke_cert(data: &[u8]) {
    on_scene(|scene| async move {
        for by in [By::Account, By::Key] {
            let answer = scene.post("/revoke-cert", by, data).await;
            assert!(answer.status >= 400);
        }
    });
}

/// An authorization is read, given back with its order, or left as it is.
pub(crate) fn authorization_update(data: &[u8]) {
    on_scene(|scene| async move {
        let path = format!("/authz/{}-0", scene.pending);
        let answer = scene.post(&path, By::Account, data).await;
        let status = scene.order(&scene.pending).await.status();
        match (answer.status, data.is_empty()) {
            (200, false) => {
                assert_eq!(json(&answer)["status"], "deactivated");
                assert_eq!(status, OrderStatus::Invalid);
            }
            _ => assert_eq!(status, OrderStatus::Pending),
        }
    });
}

/// A response to a challenge sets it off, whatever members it has, or is refused.
pub(crate) fn challenge_response(data: &[u8]) {
    on_scene(|scene| async move {
        let path = format!("/chall/{}-0-dns-01", scene.pending);
        let answer = scene.post(&path, By::Account, data).await;
        let expected = match (answer.status, data.is_empty()) {
            (200, false) => "valid",
            _ => "pending",
        };
        let read = scene.post(&path, By::Account, b"").await;
        assert_eq!(json(&read)["status"], expected);
    });
}

/// The key of the account changes to the key that signed the inner request, or not at all.
pub(crate) fn key_change_request(data: &[u8]) {
    on_scene(|scene| async move {
        let before = scene
            .store
            .account(&scene.account)
            .await
            .expect("it is there");
        let answer = scene.post("/key-change", By::Account, data).await;
        let after = scene
            .store
            .account(&scene.account)
            .await
            .expect("it is there");
        assert_eq!(
            answer.status == 200,
            after.value.key() != before.value.key()
        );
    });
}
