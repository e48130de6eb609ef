//! Section 6.2: how requests are signed, and every way not to.

use serde_json::{Value, json};

use crate::harness::{Request, Subject, own_account_with, with_member, without_member};

#[tokio::test]
async fn the_media_type_has_to_be_that_of_a_jws() {
    let subject = Subject::open().await;
    for other in ["application/json", "application/jose", "text/plain", ""] {
        let message = subject.registration().http("content-type", other);
        message.send().await.refused(415, "malformed");
    }
}

#[tokio::test]
async fn the_case_of_the_media_type_does_not_matter() {
    let subject = Subject::open().await;
    let message = subject.registration();
    let message = message.http("content-type", "Application/JOSE+JSON");
    message.send().await.expect(201);
}

#[tokio::test]
async fn parameters_of_the_media_type_mean_nothing() {
    let subject = Subject::open().await;
    let message = subject.registration();
    let message = message.http("content-type", "application/jose+json; charset=utf-8");
    message.send().await.expect(201);
}

#[tokio::test]
async fn the_general_serialization_is_refused() {
    let general = |jws: Value| {
        let one = json!({"protected": jws["protected"], "signature": jws["signature"]});
        json!({"payload": jws["payload"], "signatures": [one]})
    };
    let reply = own_account_with(|message| message.jws(general)).await;
    reply.refused(400, "malformed");
    for signatures in [json!([]), json!(null), json!([{"signature": "AA"}])] {
        let both = with_member("signatures", signatures);
        let reply = own_account_with(|message| message.jws(both)).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn the_compact_serialization_is_refused() {
    let compact = |body: String| {
        let jws: Value = serde_json::from_str(&body).unwrap();
        let part = |name: &str| jws[name].as_str().unwrap().to_owned();
        [part("protected"), part("payload"), part("signature")].join(".")
    };
    let reply = own_account_with(|message| message.body(compact)).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn an_unprotected_header_is_refused() {
    for header in [json!({}), json!({"kid": "x"}), json!(null)] {
        let reply = own_account_with(|message| message.jws(with_member("header", header))).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_detached_payload_is_refused() {
    let reply = own_account_with(|message| message.jws(without_member("payload"))).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn a_jws_lacks_nothing() {
    for name in ["protected", "signature"] {
        let reply = own_account_with(|message| message.jws(without_member(name))).await;
        reply.refused(400, "malformed");
        let empty = with_member(name, json!(""));
        let reply = own_account_with(|message| message.jws(empty)).await;
        reply.refused(400, "malformed");
        let number = with_member(name, json!(7));
        let reply = own_account_with(|message| message.jws(number)).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn an_unencoded_payload_is_refused() {
    let reply = own_account_with(|message| message.header("b64", false)).await;
    reply.refused(400, "malformed");
    let reply =
        own_account_with(|message| message.header("b64", false).header("crit", json!(["b64"])));
    reply.await.refused(400, "malformed");
}

#[tokio::test]
async fn an_extension_that_has_to_be_understood_and_is_not_is_refused() {
    for crit in [json!(["exp"]), json!([]), json!("exp"), json!(null)] {
        let reply = own_account_with(|message| message.header("crit", crit)).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_header_parameter_comes_once() {
    for twice in [
        r#""alg":"ES256","#,
        r#""url":"https://x.example","#,
        r#""nonce":"AAAA","#,
    ] {
        let doubled = move |text: String| text.replacen('{', &format!("{{{twice}"), 1);
        let reply = own_account_with(|message| message.header_text(doubled)).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_member_of_the_jws_comes_once() {
    let doubled = |text: String| text.replacen('{', r#"{"payload":"","#, 1);
    let reply = own_account_with(|message| message.body(doubled)).await;
    reply.refused(400, "malformed");
}

#[tokio::test]
async fn base64url_has_no_padding_and_no_other_alphabet() {
    for name in ["protected", "payload", "signature"] {
        for spoil in [
            (|text: &str| format!("{text}=")) as fn(&str) -> String,
            |text| format!("{text}=="),
            |text| format!("{text}+/"),
            |text| format!("{text} "),
            |text| format!("{text}\n"),
        ] {
            let spoiled = move |mut jws: Value| {
                jws[name] = json!(spoil(jws[name].as_str().unwrap()));
                jws
            };
            let reply = own_account_with(|message| message.jws(spoiled)).await;
            reply.refused(400, "malformed");
        }
    }
}

#[tokio::test]
async fn a_header_that_is_no_json_object_is_refused() {
    for text in ["", "[]", "null", "\"alg\"", "{\"alg\":"] {
        let reply = own_account_with(|message| message.header_text(|_| text.to_owned())).await;
        reply.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_payload_that_is_no_json_object_is_malformed() {
    let subject = Subject::open().await;
    for payload in ["", "null", "[]", "7", "{", "{} {}", "\u{0}"] {
        let message = subject.registration().payload_octets(payload);
        message.send().await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_request_without_a_body_is_malformed() {
    let subject = Subject::open().await;
    let request = Request::post(&subject.url("newOrder"));
    subject
        .wire
        .exchange(request)
        .await
        .refused(400, "malformed");
}

/// Parsers that read an object's members off an array are common.
#[tokio::test]
async fn an_array_is_not_taken_for_the_object_with_its_members() {
    let array = |body: String| {
        let jws: Value = serde_json::from_str(&body).unwrap();
        json!([jws["protected"], jws["payload"], jws["signature"]]).to_string()
    };
    own_account_with(|message| message.body(array))
        .await
        .refused(400, "malformed");
    let array = |header: String| {
        let header: Value = serde_json::from_str(&header).unwrap();
        json!([
            header["alg"],
            null,
            header["kid"],
            header["nonce"],
            header["url"]
        ])
        .to_string()
    };
    let reply = own_account_with(|message| message.header_text(array)).await;
    reply.refused(400, "malformed");
    let subject = Subject::open().await;
    let account = subject.account().await;
    let reply = account
        .new_order(&json!([[{"type": "dns", "value": "a.example"}]]))
        .await;
    reply.refused(400, "malformed");
    let reply = account
        .new_order(&json!({"identifiers": [["dns", "a.example"]]}))
        .await;
    reply.refused(400, "malformed");
}
