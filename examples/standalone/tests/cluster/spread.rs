//! Requests of each client go to both gateways in turn, and none of them notices.

use serde_json::Value;

use crate::clients::Client;
use crate::harness::https::call;
use crate::ledger::Stored;
use crate::platform::{Platform, bad_nonces, by_operation, requests};

#[tokio::test]
async fn lego_and_certbot_get_certificates_from_two_gateways_in_turn_without_a_refused_nonce() {
    let Some(platform) = Platform::new("spread") else {
        return;
    };
    platform.takes_requests(0);
    platform.takes_requests(1);
    let before = platform.nodes.each_ref().map(requests);
    let clients = [
        Client::lego(&platform, "a.go.example"),
        Client::certbot(&platform, "a.bot.example"),
    ];
    let mut chains = Vec::new();
    for client in clients {
        let Some(client) = client else { return };
        let (chain, failures) = client.obtain(1);
        assert_eq!(failures, 0);
        chains.push(chain);
    }
    let after = platform.nodes.each_ref().map(requests);
    let [one, two] = [after[0] - before[0], after[1] - before[1]];
    assert!(one.abs_diff(two) <= 1, "{one} and {two} requests");
    for node in &platform.nodes {
        assert_eq!(bad_nonces(node), 0);
        let operations = by_operation(node);
        assert!(operations.len() > 3, "{operations:?}");
    }
    let stored = Stored::read(&platform.database).await;
    stored.is_settled();
    chains.iter().for_each(|chain| stored.has_chain(chain));
}

#[test]
fn a_proxy_without_a_gateway_says_so_to_clients_and_a_request_keeps_its_id() {
    let Some(mut platform) = Platform::new("none") else {
        return;
    };
    let answer = platform.answers_with(200);
    let id = answer.header("X-Request-Id").unwrap();
    let places: Vec<&str> = id.split('_').collect();
    assert!(places[0].starts_with("7F"), "not the proxy's: {id}");

    for node in &mut platform.nodes {
        node.crash();
    }
    let answer = platform.answers_with(503);
    assert_eq!(
        answer.header("Content-Type"),
        Some("application/problem+json")
    );
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("no ACME gateway can be reached"),
        "{detail}"
    );

    platform.nodes[1].crash_and_restart();
    platform.answers_with(200);
    let node = &platform.nodes[1];
    let ready = call(node.ca_file(), node.operator_url(), "GET /readyz", &[], "");
    assert_eq!(ready.status, 200, "{}", ready.body);
}
