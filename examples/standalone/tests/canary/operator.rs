//! Secrets in what is sent to the operator plane, and all that it shows.

use serde_json::json;

use crate::Test;
use crate::gateway::{HEADERS, pem};
use crate::harness::https::{Response, call};
use crate::imports;

const ROUTES: [&str; 18] = [
    "GET /rest/acme/clients",
    "POST /rest/acme/clients",
    "GET /rest/acme/clients/web",
    "POST /rest/acme/clients/web/disable",
    "GET /rest/acme/orders",
    "GET /rest/acme/orders/01JD0000000000000000000000",
    "GET /rest/acme/certificates",
    "GET /rest/acme/audit/records",
    "GET /rest/acme/audit/why/client/web",
    "GET /rest/acme/people",
    "GET /rest/acme/tokens",
    "GET /rest/acme/tokens/01JD0000000000000000000000",
    "POST /rest/acme/tokens/01JD0000000000000000000000/revoke",
    "GET /app/tokens",
    "GET /app/orders",
    "GET /login",
    "GET /readyz",
    "GET /nothing",
];

pub(crate) fn send(test: &Test, request: &str, headers: &[&str], body: &str) -> Response {
    let url = test.scene.server.operator_url();
    call(test.scene.server.ca_file(), url, request, headers, body)
}

pub(crate) fn sow(test: &mut Test) {
    let token = format!("Authorization: Bearer {}", test.scene.server.admin_token());
    for (route, header) in ROUTES.iter().zip(HEADERS.iter().cycle()) {
        let name = header.split(':').next().unwrap();
        let secret = test
            .canaries
            .text(&format!("the operator's header {name} of {route}"));
        send(test, route, &[&header.replace("{}", &secret)], "");
        let secret = test
            .canaries
            .text(&format!("the operator's query of {route}"));
        send(test, &format!("{route}?token={secret}"), &[&token], "");
        let secret = test
            .canaries
            .text(&format!("the operator's header X-Api-Key of {route}"));
        send(test, route, &[&token, &format!("X-Api-Key: {secret}")], "");
    }
    logins(test);
    bodies(test, &token);
    imports::sow(test, &token);
}

fn logins(test: &mut Test) {
    let form = "Content-Type: application/x-www-form-urlencoded";
    for field in [
        "token",
        "password",
        "token=x&other",
        "name=ann&code=1&password",
        "name=ann&password=x&code",
    ] {
        let secret = test.canaries.text(&format!("the login's field {field}"));
        send(test, "POST /login", &[form], &format!("{field}={secret}"));
    }
    let token = test.scene.server.admin_token();
    send(test, "POST /login", &[form], &format!("token={token}"));
}

fn bodies(test: &mut Test, token: &str) {
    let shapes: [fn(&str) -> String; 9] = [
        |secret| format!("{{\"name\": \"{secret}"),
        |secret| json!({"name": "one", "allow": ["dns:*.example"], "hmac_key": secret}).to_string(),
        |secret| json!({"name": "two", "allow": secret}).to_string(),
        |secret| {
            json!({"name": "three", "allow": ["dns:*.example"], "single_use": secret}).to_string()
        },
        |secret| {
            json!({"name": "four", "allow": ["dns:*.example"], "orders_per_day": secret})
                .to_string()
        },
        |secret| json!({"name": {"secret": secret}}).to_string(),
        |secret| json!(secret).to_string(),
        |secret| secret.to_owned(),
        |secret| pem(secret),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let secret = test
            .canaries
            .text(&format!("the operator's body number {number}"));
        let headers = [token, "Content-Type: application/json"];
        for route in ["clients", "tokens", "people"] {
            let request = format!("POST /rest/acme/{route}");
            send(test, &request, &headers, &shape(&secret));
        }
    }
}

/// Everything that the plane shows to whoever holds the token.
pub(crate) fn collect(test: &mut Test) {
    let token = format!("Authorization: Bearer {}", test.scene.server.admin_token());
    for path in [
        "/rest/acme/clients?limit=500",
        "/rest/acme/orders?limit=500",
        "/rest/acme/certificates?limit=500",
        "/rest/acme/audit/records?limit=1000",
        "/rest/acme/people",
        "/rest/acme/tokens",
        "/rest/acme/imports/credentials",
        "/rest/acme/imports/plans",
        "/rest/acme/imports/discoveries/1",
        "/rest/acme/hosts",
        "/app/orders",
        "/app/tokens",
        "/metrics",
        "/readyz",
        "/audit/checkpoint",
    ] {
        let answer = send(test, &format!("GET {path}"), &[&token], "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        test.seen.add(path, [answer.head, answer.body].concat());
    }
}
