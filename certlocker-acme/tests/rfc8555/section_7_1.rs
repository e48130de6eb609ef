//! Section 7.1: resources, what they show, and how they change.

use std::collections::BTreeSet;

use certlocker_acme::Registration;
use serde_json::{Value, json};

use crate::harness::{
    Account, Csr, Order, Subject, authorization_urls, challenge, from_base64url, host,
};

#[tokio::test]
async fn the_directory_names_the_resources_that_there_are() {
    let subject = Subject::open().await;
    for resource in [
        "keyChange",
        "newAccount",
        "newNonce",
        "newOrder",
        "revokeCert",
    ] {
        assert!(
            subject.url(resource).starts_with("https://"),
            "{}",
            subject.directory
        );
    }
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_not_named() {
    let subject = Subject::open().await;
    for resource in ["newAuthz", "renewalInfo"] {
        if let Some(url) = subject.directory[resource].as_str() {
            let reply = subject.request("GET", url).await;
            assert_ne!(reply.status, 404, "{reply}");
        }
    }
}

#[tokio::test]
async fn the_directory_is_json_and_has_no_link_to_itself() {
    let subject = Subject::open().await;
    let reply = subject.request("GET", subject.wire.directory_url()).await;
    assert_eq!(reply.media_type(), "application/json");
    assert_eq!(reply.link("index"), None, "{reply}");
}

#[tokio::test]
async fn every_other_resource_leads_to_the_directory() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let directory = subject.wire.directory_url();
    for reply in [
        subject.request("GET", &subject.url("newNonce")).await,
        account.read(&account.url).await,
        account.new_order(&json!({})).await,
        account.read(&subject.beside("no-such-resource")).await,
        subject.request("GET", &account.url).await,
    ] {
        assert_eq!(reply.link("index").as_deref(), Some(directory), "{reply}");
    }
}

#[tokio::test]
async fn the_metadata_says_what_a_client_needs_to_register() {
    let terms = "https://ca.test/terms";
    let subject = Subject::configured("has terms of service", |config| {
        config.terms_of_service = Some(terms.to_owned());
        config.website = Some("https://ca.test".to_owned());
        config.registration = Registration::Credential;
    });
    let Some(subject) = subject.await else { return };
    let meta = &subject.directory["meta"];
    assert_eq!(meta["termsOfService"], terms);
    assert_eq!(meta["website"], "https://ca.test");
    assert_eq!(meta["externalAccountRequired"], true);
}

#[tokio::test]
async fn an_account_shows_its_status_and_its_list_of_orders() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let reply = account.read(&account.url).await.expect(200);
    let body = reply.json();
    assert_eq!(body["status"], "valid");
    assert!(body["orders"].is_string(), "{body}");
}

async fn orders_of(account: &Account) -> String {
    let body = account.read(&account.url).await.json();
    body["orders"]
        .as_str()
        .expect("an account has `orders`")
        .to_owned()
}

/// Every order on every page, in the order of the pages.
async fn walk(account: &Account) -> Vec<String> {
    let (mut urls, mut next) = (Vec::new(), Some(orders_of(account).await));
    while let Some(page) = next {
        let reply = account.read(&page).await.expect(200);
        let body = reply.json();
        let orders = body["orders"]
            .as_array()
            .expect("an object with `orders`")
            .clone();
        urls.extend(orders.iter().map(|url| url.as_str().unwrap().to_owned()));
        next = reply.link("next");
        assert!(
            next.is_none() || !orders.is_empty(),
            "an empty page leads on: {reply}"
        );
    }
    urls
}

async fn walked(subject: &Subject, count: usize) {
    let account = subject.account().await;
    let mut placed = BTreeSet::new();
    for number in 0..count {
        let order = account.order(&[format!("host-{number}.example")]).await;
        placed.insert(order.url);
    }
    let seen = walk(&account).await;
    assert_eq!(seen.len(), count, "each once: {seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), placed);
}

#[tokio::test]
async fn a_walk_along_the_orders_list_meets_each_order_once() {
    walked(&Subject::open().await, 7).await;
}

#[tokio::test]
async fn the_orders_list_ends_where_a_page_is_just_full() {
    let subject = Subject::configured("has short pages", |config| config.orders_per_page = 3);
    let Some(subject) = subject.await else { return };
    for count in [0, 1, 3, 4, 6] {
        walked(&subject, count).await;
    }
}

#[tokio::test]
async fn a_page_that_never_was_shows_no_order_of_anybody() {
    let Some(subject) = Subject::lab_only("knows how pages are named").await else {
        return;
    };
    let (account, other) = (subject.account().await, subject.account().await);
    account.order(&["a.example"]).await;
    other.order(&["b.example"]).await;
    for cursor in ["", "x", "%00", "0&cursor=1", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
        let page = format!("{}?cursor={cursor}", orders_of(&account).await);
        let reply = account.read(&page).await;
        let orders = reply.json()["orders"].clone();
        let shown = orders.as_array().map_or(0, Vec::len);
        assert!(shown <= 1 && reply.status < 500, "{reply}");
    }
}

#[tokio::test]
async fn the_orders_list_is_for_its_account_only() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let orders = orders_of(&account).await;
    let reply = other.read(&orders).await;
    assert!((400..500).contains(&reply.status), "{reply}");
    subject
        .request("GET", &orders)
        .await
        .refused(405, "malformed");
}

#[tokio::test]
async fn an_order_that_is_invalid_is_not_in_the_list() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let (kept, ended) = (
        account.order(&["a.example"]).await,
        account.order(&["b.example"]).await,
    );
    let end = json!({"status": "deactivated"});
    account.post(&ended.authorization(), &end).await.expect(200);
    assert_eq!(walk(&account).await, [kept.url]);
}

#[tokio::test]
async fn an_order_has_what_a_client_goes_on_with() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example", "b.example"]).await;
    assert_eq!(order.status(), "pending");
    let body = &order.body;
    assert_eq!(
        body["identifiers"].as_array().map(Vec::len),
        Some(2),
        "{body}"
    );
    assert_eq!(authorization_urls(body).len(), 2);
    assert!(
        body["finalize"].is_string() && body["certificate"].is_null(),
        "{body}"
    );
    assert!(body["expires"].as_str().unwrap().ends_with('Z'), "{body}");
    assert!(body["error"].is_null(), "{body}");
}

/// The identifiers, authorizations and finalize URL; their places in a list mean nothing.
fn contents(order: &Order) -> [BTreeSet<String>; 3] {
    let set = |value: &Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect()
    };
    let [identifiers, authorizations] =
        ["identifiers", "authorizations"].map(|of| set(&order.body[of]));
    let finalize = BTreeSet::from([order.finalize_url().to_owned()]);
    [identifiers, authorizations, finalize]
}

#[tokio::test]
async fn what_an_order_is_for_does_not_change_while_it_lives() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let names = [host("b"), host("a"), host("c")];
    let placed = account.order(&names).await;
    let ready = account.prove_at_once(&placed).await;
    account.settled(&ready.authorization()).await;
    let issued = account.issue_with(&ready, Csr::new(&names)).await;
    for later in [account.reread(&placed).await, issued.order] {
        assert_eq!(contents(&later), contents(&placed));
    }
}

async fn first_authorization(account: &Account, name: &str) -> Value {
    let order = account.order(&[name]).await;
    account
        .read(&order.authorization())
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn an_authorization_shows_what_can_be_done_for_it() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let body = first_authorization(&account, "a.example").await;
    assert_eq!(body["status"], "pending");
    assert_eq!(
        body["identifier"],
        json!({"type": "dns", "value": "a.example"})
    );
    assert!(
        body["wildcard"].is_null(),
        "absent without a wildcard: {body}"
    );
    for kind in ["http-01", "dns-01", "tls-alpn-01"] {
        let challenge = challenge(&body, kind).expect(kind);
        assert_eq!(challenge["status"], "pending", "{challenge}");
        assert!(challenge["url"].is_string(), "{challenge}");
    }
}

#[tokio::test]
async fn the_authorization_for_a_wildcard_is_for_the_name_below_it() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let body = first_authorization(&account, "*.a.example").await;
    assert_eq!(body["identifier"]["value"], "a.example");
    assert_eq!(body["wildcard"], true);
}

#[tokio::test]
async fn an_authorization_that_is_decided_shows_the_challenge_that_decided_it() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.ready_order(&[host("a")]).await;
    let body = account.read(&order.authorization()).await.json();
    assert_eq!(body["status"], "valid");
    assert!(body["expires"].is_string(), "{body}");
    let challenges = body["challenges"].as_array().unwrap();
    assert!(
        challenges.iter().any(|one| one["status"] == "valid"),
        "{body}"
    );
    let validated = &challenges
        .iter()
        .find(|one| one["status"] == "valid")
        .unwrap()["validated"];
    assert!(validated.as_str().unwrap().ends_with('Z'), "{body}");
}

#[tokio::test]
async fn tokens_have_128_bits_and_are_not_shared() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let mut of_all = Vec::new();
    for name in ["a.example", "b.example"] {
        let body = first_authorization(&account, name).await;
        let challenges = body["challenges"].as_array().unwrap();
        let tokens = challenges
            .iter()
            .map(|one| one["token"].as_str().unwrap().to_owned());
        let tokens: BTreeSet<String> = tokens.collect();
        assert!(
            tokens.iter().all(|token| from_base64url(token).len() >= 16),
            "{body}"
        );
        of_all.push(tokens);
    }
    assert!(of_all[0].is_disjoint(&of_all[1]), "{of_all:?}");
}

#[tokio::test]
async fn a_challenge_leads_up_to_its_authorization() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&["a.example"]).await;
    let body = account.read(&order.authorization()).await.json();
    let challenge = challenge(&body, "dns-01").unwrap();
    let reply = account
        .read(challenge["url"].as_str().unwrap())
        .await
        .expect(200);
    assert_eq!(reply.link("up"), Some(order.authorization()), "{reply}");
}
