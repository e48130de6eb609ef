//! RFC 8737 (tls-alpn-01) and RFC 8738 (addresses), as far as they show in the protocol.

use serde_json::Value;

use crate::harness::{Account, Csr, Leaf, Reply, Subject, host};

async fn offered(name: &str) -> (Value, Vec<String>) {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[name]).await;
    let body = account.read(&order.authorization()).await.json();
    let kinds = body["challenges"].as_array().unwrap().iter();
    let mut kinds: Vec<String> = kinds
        .map(|one| one["type"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    (body, kinds)
}

#[tokio::test]
async fn tls_alpn_01_is_offered_for_a_name() {
    let (_, kinds) = offered("a.example").await;
    assert!(kinds.contains(&"tls-alpn-01".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_wildcard_is_proven_over_dns_only() {
    let (_, kinds) = offered("*.a.example").await;
    assert!(kinds.contains(&"dns-01".to_owned()), "{kinds:?}");
    for at_a_host in ["http-01", "tls-alpn-01"] {
        assert!(!kinds.contains(&at_a_host.to_owned()), "{kinds:?}");
    }
}

#[tokio::test]
async fn an_address_is_proven_at_the_address_only() {
    for address in ["192.0.2.1", "2001:db8::1"] {
        let (body, kinds) = offered(address).await;
        assert_eq!(
            body["identifier"],
            serde_json::json!({"type": "ip", "value": address})
        );
        assert!(kinds.contains(&"http-01".to_owned()), "{kinds:?}");
        assert!(kinds.contains(&"tls-alpn-01".to_owned()), "{kinds:?}");
        assert!(!kinds.contains(&"dns-01".to_owned()), "{kinds:?}");
    }
}

async fn order_for_address(account: &Account, value: &str) -> Reply {
    let identifier = serde_json::json!({"type": "ip", "value": value});
    account
        .new_order(&serde_json::json!({"identifiers": [identifier]}))
        .await
}

#[tokio::test]
async fn an_address_that_is_not_in_its_canonical_form_is_malformed() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    for value in [
        "2001:DB8::1",
        "2001:db8:0::1",
        "2001:db8:0:0:0:0:0:1",
        "192.168.001.1",
        "192.0.2",
        "0x7f000001",
        "fe80::1%eth0",
        "192.0.2.0/24",
        "[2001:db8::1]",
        "192.0.2.1:443",
        " 192.0.2.1",
        "a.example",
        "*.192.0.2.1",
        "",
    ] {
        let reply = order_for_address(&account, value).await;
        assert_eq!(reply.problem(), "malformed", "{value:?}: {reply}");
    }
}

#[tokio::test]
async fn an_address_is_an_address_in_its_certificate() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let names = ["192.0.2.1".to_owned(), "2001:db8::1".to_owned(), host("a")];
    let issued = account.issue(&names).await;
    let leaf = Leaf::parse(&issued.leaf);
    assert_eq!(leaf.dns_names(), [host("a")]);
    let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(leaf.addresses(), [v6.to_vec(), vec![192, 0, 2, 1]]);
}

#[tokio::test]
async fn an_address_as_a_dns_name_of_a_request_is_another_thing() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.ready_order(&["192.0.2.1"]).await;
    let csr = Csr::new::<&str>(&[]).options(&["-addext", "subjectAltName=DNS:192.0.2.1"]);
    account
        .hand_in(&order, &csr.der())
        .await
        .refused(400, "badCSR");
    let csr = Csr::new(&["192.0.2.2"]);
    account
        .hand_in(&order, &csr.der())
        .await
        .refused(400, "badCSR");
}
