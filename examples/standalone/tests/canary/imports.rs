//! Credentials of clouds and private keys: pasted in every form, kept, used, and given for one plan.

use serde_json::{Value, json};

use crate::Test;
use crate::gateway::pem;
use crate::operator::send;

/// Nothing answers there.
const NOWHERE: &str = "http://127.0.0.1:1";

type Text = fn(&str) -> String;

/// What is pasted: its kind, and the text with a secret in it.
const PASTED: [(&str, &str, Text); 12] = [
    ("profile", "aws", |secret| {
        format!(
            "[default]\naws_access_key_id=AKIAQWERTYUIOPASDFGH\naws_secret_access_key={secret}abcdefghij\n"
        )
    }),
    ("exports", "aws", |secret| {
        format!(
            "export AWS_ACCESS_KEY_ID=AKIAQWERTYUIOPASDFGH\nexport AWS_SECRET_ACCESS_KEY='{secret}abcdefghij'\n"
        )
    }),
    ("sts", "aws", |secret| {
        json!({"Credentials": {"AccessKeyId": "ASIAQWERTYUIOPASDFGH", "SecretAccessKey": format!("{secret}abcdefghij"),
            "SessionToken": secret.repeat(4), "Expiration": "2036-01-01T00:00:00Z"}})
        .to_string()
    }),
    ("odd-aws", "aws", |secret| {
        format!("{secret} = {secret}\n{secret}")
    }),
    ("json-aws", "aws", |secret| {
        json!({secret: {"x": secret}}).to_string()
    }),
    ("cloud", "clouds", |secret| {
        format!(
            "clouds:\n  one:\n    auth: {{auth_url: '{NOWHERE}/v3', username: a, password: {secret}, project_name: p, user_domain_name: Default, project_domain_name: Default}}\n"
        )
    }),
    ("odd-cloud", "clouds", |secret| {
        format!("clouds: [{secret}, {{{secret}: 1}}]")
    }),
    ("torn-cloud", "clouds", |secret| {
        format!("clouds: '{secret}")
    }),
    ("rc", "openrc", |secret| {
        format!(
            "export OS_AUTH_URL={NOWHERE}/v3\nexport OS_USERNAME=a\nexport OS_PASSWORD=\"{secret}\"\nexport OS_PROJECT_NAME=p\n"
        )
    }),
    ("odd-rc", "openrc", |secret| {
        format!("{secret}\nexport {secret}={secret}\n")
    }),
    ("key", "key", pem),
    ("odd-key", "key", |secret| {
        format!("PuTTY-User-Key-File-3: {secret}")
    }),
];

pub(crate) fn sow(test: &mut Test, token: &str) {
    for (name, kind, text) in PASTED {
        let secret = test.canaries.text(&format!("a pasted credential, {name}"));
        let kept = json!({"name": name, "kind": kind, "text": text(&secret)});
        post(test, token, "credentials", &kept);
        let used = json!({"from": name, "endpoint": NOWHERE, "regions": ["eu-west-1"]});
        post(test, token, "plans", &used);
        // Of a cloud of its own, which is nowhere; AWS is asked at the endpoint above alone.
        if kind != "aws" {
            post(test, token, "plans", &json!({"from": name}));
        }
    }
    for field in ["keys", "recordings"] {
        let secret = test
            .canaries
            .text(&format!("a text for one plan in {field}"));
        let given = json!([{"name": "given", "text": format!("{}{secret}", pem(&secret))}]);
        post(test, token, "plans", &json!({field: given}));
    }
    post(test, token, "credentials/profile/remove", &json!({}));
}

fn post(test: &Test, token: &str, path: &str, body: &Value) {
    let headers = [token, "Content-Type: application/json"];
    let request = format!("POST /rest/acme/imports/{path}");
    send(test, &request, &headers, &body.to_string());
}
