//! Section 7.4: from a ready order to a certificate.

use std::sync::Arc;
use std::time::Duration;

use certlocker_acme::{Config, Parts};
use certlocker_core::{Failure, FailureKind, IssueFailure};
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{
    Account, Csr, Failing, Held, Key, Leaf, Order, P256, RSA, Reply, Subject, base64url, host,
    spki_of_request,
};

async fn ready(names: &[String]) -> (Account, Order) {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.ready_order(names).await;
    (account, order)
}

/// A ready order for one name, and what became of it with this request.
async fn answer_to(csr: &[u8]) -> Reply {
    let (account, order) = ready(&[host("a")]).await;
    account.hand_in(&order, csr).await
}

async fn bad_csr(csr: Csr) {
    answer_to(&csr.der()).await.refused(400, "badCSR");
}

#[tokio::test]
async fn finalize_answers_with_the_order_and_its_place() {
    let (account, order) = ready(&[host("a")]).await;
    let reply = account
        .hand_in(&order, &Csr::new(&[host("a")]).der())
        .await
        .expect(200);
    let status = reply.json()["status"].clone();
    assert!(status == "processing" || status == "valid", "{reply}");
    assert_eq!(reply.json()["identifiers"], order.body["identifiers"]);
    assert_eq!(reply.location(), order.url);
}

#[tokio::test]
async fn an_order_that_is_not_ready_is_not_finalized() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let order = account.order(&[host("a")]).await;
    let reply = account.hand_in(&order, &Csr::new(&[host("a")]).der()).await;
    reply.refused(403, "orderNotReady");
    assert_eq!(account.reread(&order).await.status(), "pending");
}

#[tokio::test]
async fn an_order_is_finalized_once() {
    let (account, order) = ready(&[host("a")]).await;
    let csr = Csr::new(&[host("a")]).der();
    let valid = account.finalize(&order, &csr).await;
    account
        .hand_in(&order, &csr)
        .await
        .refused(403, "orderNotReady");
    let other = Csr::new(&[host("a")]).der();
    account
        .hand_in(&order, &other)
        .await
        .refused(403, "orderNotReady");
    assert_eq!(account.reread(&order).await.body, valid.body);
}

#[tokio::test]
async fn of_many_finalizes_at_once_one_gets_a_certificate() {
    let (account, order) = ready(&[host("a")]).await;
    let requests: Vec<_> = (0..6).map(|_| Csr::new(&[host("a")]).der()).collect();
    let replies = join_all(requests.iter().map(|csr| account.hand_in(&order, csr))).await;
    let through: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(through.len(), 1, "{}", replies.len());
    let order = account.settled(&order.url).await.json();
    let first = &through[0].json()["certificate"];
    assert!(first.is_null() || *first == order["certificate"], "{order}");
}

#[tokio::test]
async fn a_request_that_does_not_read_is_refused() {
    let trailing = [Csr::new(&[host("a")]).der().as_slice(), b"\0"].concat();
    for csr in [
        &b""[..],
        b"x",
        &[0x30, 0x00],
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        &trailing,
    ] {
        let reply = answer_to(csr).await.expect(400);
        let kind = reply.problem();
        assert!(["malformed", "badCSR"].contains(&kind.as_str()), "{reply}");
    }
}

#[tokio::test]
async fn a_request_is_base64url_without_padding() {
    let (account, order) = ready(&[host("a")]).await;
    let csr = base64url(Csr::new(&[host("a")]).der());
    for payload in [
        json!({"csr": format!("{csr}=")}),
        json!({"csr": format!("{csr}==")}),
        json!({"csr": format!("-----BEGIN CERTIFICATE REQUEST-----\n{csr}")}),
        json!({"csr": 7}),
        json!({}),
        json!([csr]),
    ] {
        let reply = account
            .post(order.finalize_url(), &payload)
            .await
            .expect(400);
        let kind = reply.problem();
        assert!(
            ["malformed", "badCSR"].contains(&kind.as_str()),
            "{payload}: {reply}"
        );
    }
}

#[tokio::test]
async fn an_order_whose_request_was_refused_can_be_finalized_still() {
    let (account, order) = ready(&[host("a")]).await;
    let other = Csr::new(&[host("b")]).der();
    let reply = account.hand_in(&order, &other).await;
    assert!((400..500).contains(&reply.status), "{reply}");
    account.issue_with(&order, Csr::new(&[host("a")])).await;
}

#[tokio::test]
async fn a_request_names_what_the_order_names_and_nothing_else() {
    for names in [
        &[host("b")][..],
        &[host("a"), host("b")],
        &[format!("*.{}", host("a"))],
        &["192.0.2.1".to_owned(), host("a")],
        &[],
    ] {
        bad_csr(Csr::new(names)).await;
    }
    bad_csr(Csr::new(&[host("a")]).subject(&format!("/CN={}", host("b")))).await;
}

#[tokio::test]
async fn a_request_lacks_no_name_of_its_order() {
    let (account, order) = ready(&[host("a"), host("b")]).await;
    for names in [&[host("a")][..], &[host("b")]] {
        let reply = account.hand_in(&order, &Csr::new(names).der()).await;
        reply.refused(400, "badCSR");
    }
}

#[tokio::test]
async fn names_may_come_in_any_order_and_any_case() {
    let (account, order) = ready(&[host("a"), host("b")]).await;
    let names = [host("b").to_uppercase(), host("a")];
    let issued = account.issue_with(&order, Csr::new(&names)).await;
    let mut named = Leaf::parse(&issued.leaf).dns_names();
    named
        .iter_mut()
        .for_each(|name| name.make_ascii_lowercase());
    named.sort();
    assert_eq!(named, [host("a"), host("b")]);
}

#[tokio::test]
async fn a_name_may_stand_in_the_common_name_only() {
    let (account, order) = ready(&[host("a")]).await;
    let csr = Csr::new::<&str>(&[]).subject(&format!("/CN={}", host("a")));
    let issued = account.issue_with(&order, csr).await;
    assert_eq!(Leaf::parse(&issued.leaf).dns_names(), [host("a")]);
}

#[tokio::test]
async fn a_request_does_not_decide_what_it_becomes() {
    bad_csr(Csr::new(&[host("a")]).options(&["-addext", "basicConstraints=critical,CA:TRUE"]))
        .await;
    let (account, order) = ready(&[host("a")]).await;
    let csr = Csr::new(&[host("a")]).options(&["-addext", "keyUsage=keyCertSign,cRLSign"]);
    let ended = account.hand_in(&order, &csr.der()).await;
    if ended.status == 200 {
        let issued = account.settled(&order.url).await.json();
        let chain = account.read(issued["certificate"].as_str().unwrap()).await;
        assert!(!Leaf::first_of(&chain).signs_certificates(), "{chain}");
    }
}

#[tokio::test]
async fn an_extension_that_nobody_knows_is_no_reason_to_refuse() {
    let (account, order) = ready(&[host("a")]).await;
    let unknown = ["-addext", "1.3.6.1.4.1.311.20.2=ASN1:UTF8String:WebServer"];
    account
        .issue_with(&order, Csr::new(&[host("a")]).options(&unknown))
        .await;
}

#[tokio::test]
async fn a_request_is_signed_with_its_own_key() {
    let mut csr = Csr::new(&[host("a")]).der();
    let last = csr.len() - 1;
    csr[last] ^= 1;
    answer_to(&csr).await.refused(400, "badCSR");
}

#[tokio::test]
async fn a_weak_key_or_signature_is_a_bad_request() {
    let names = [host("a")];
    for key in [
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"][..],
        &[
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-pkeyopt",
            "rsa_keygen_pubexp:3",
        ],
        &[
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:prime192v1",
        ],
        &[
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:secp224r1",
        ],
        &[
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:secp256k1",
        ],
    ] {
        bad_csr(Csr::new(&names).new_key(key)).await;
    }
    bad_csr(Csr::new(&names).options(&["-sha1"])).await;
    bad_csr(Csr::new(&names).new_key(RSA).options(&["-sha1"])).await;
}

#[tokio::test]
async fn the_key_of_an_account_is_no_key_for_a_certificate() {
    let subject = Subject::open().await;
    let (account, other) = (subject.account().await, subject.account().await);
    let order = account.ready_order(&[host("a")]).await;
    for key in [&account.key, &other.key] {
        let csr = Csr::new(&[host("a")]).key(key).der();
        account.hand_in(&order, &csr).await.refused(400, "badCSR");
    }
}

/// rcgen#448: a key signed with the digest of another curve must not come back as another key.
#[tokio::test]
async fn a_certificate_carries_the_key_of_its_request_octet_for_octet() {
    const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
    const PSS: &[&str] = &[
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:32",
    ];
    let subject = Subject::open().await;
    let account = subject.account().await;
    for (key, options) in [
        (P256, &["-sha256"][..]),
        (P256, &["-sha384"]),
        (P384, &["-sha256"]),
        (RSA, &["-sha256"]),
        (RSA, PSS),
        (&["-algorithm", "ed25519"], &[]),
    ] {
        let order = account.ready_order(&[host("a")]).await;
        let csr = Csr::new(&[host("a")]).new_key(key).options(options).der();
        let spki = spki_of_request(&csr);
        let ended = account.finalize(&order, &csr).await;
        assert_eq!(
            ended.status(),
            "valid",
            "{key:?} {options:?}: {}",
            ended.body
        );
        let chain = account
            .read(ended.body["certificate"].as_str().unwrap())
            .await;
        assert_eq!(Leaf::first_of(&chain).spki(), spki, "{key:?} {options:?}");
    }
}

#[tokio::test]
async fn an_order_in_processing_says_when_to_come_again() {
    let mut gate = None;
    let hold = |parts: &mut Parts| {
        let (held, opened) = Held::new(Arc::clone(&parts.issuer));
        parts.issuer = Arc::new(held);
        gate = Some(opened);
    };
    let no_wait = |config: &mut Config| config.answer_wait = Duration::ZERO;
    let subject = Subject::assembled("holds the issuer", hold, no_wait).await;
    let Some(subject) = subject else { return };
    let account = subject.account().await;
    let order = account.ready_order(&["a.example"]).await;
    let handed_in = account
        .hand_in(&order, &Csr::new(&["a.example"]).der())
        .await;
    for reply in [handed_in, account.read(&order.url).await] {
        assert_eq!(reply.json()["status"], "processing", "{reply}");
        assert!(reply.header("retry-after").is_some(), "{reply}");
        assert_eq!(reply.location(), order.url);
    }
    gate.expect("the parts were assembled").add_permits(1);
    assert_eq!(account.settled(&order.url).await.json()["status"], "valid");
}

/// An order handed in to an issuer that fails so.
async fn handed_in_to(failure: IssueFailure) -> Option<(Subject, Account, Order)> {
    let fail = |parts: &mut Parts| parts.issuer = Arc::new(Failing(failure));
    let subject = Subject::assembled("has an issuer that fails", fail, |_| {}).await?;
    let account = subject.account().await;
    let order = account.ready_order(&["a.example"]).await;
    account
        .hand_in(&order, &Csr::new(&["a.example"]).der())
        .await
        .expect(200);
    let order = account.reread(&order).await;
    Some((subject, account, order))
}

#[tokio::test]
async fn an_issuer_that_refuses_ends_the_order_with_its_reason() {
    let failure = Failure::new(FailureKind::BadCsr, "the issuer will not");
    let Some((_, _, order)) = handed_in_to(IssueFailure::Refused(failure)).await else {
        return;
    };
    assert_eq!(order.status(), "invalid");
    let detail = order.body["error"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("the issuer will not"), "{}", order.body);
}

#[tokio::test]
async fn an_issuer_without_an_answer_is_not_waited_for_without_end() {
    let silence = IssueFailure::NoAnswer {
        failure: Failure::new(FailureKind::Connection, "the issuer is silent"),
        retry_after: None,
    };
    let Some((subject, account, order)) = handed_in_to(silence).await else {
        return;
    };
    assert_eq!(order.status(), "processing");
    subject.pass(Duration::from_secs(24 * 3600));
    let gateway = subject.lab().gateway.clone();
    let at_work = tokio::spawn(async move { gateway.run().await });
    let ended = account.settled(&order.url).await;
    at_work.abort();
    assert_eq!(ended.json()["status"], "invalid", "{ended}");
    assert!(ended.json()["error"].is_object(), "{ended}");
}

#[tokio::test]
async fn a_key_serves_one_certificate_after_another() {
    let subject = Subject::open().await;
    let account = subject.account().await;
    let key = Key::es256();
    for _ in 0..2 {
        let order = account.ready_order(&[host("a")]).await;
        account
            .issue_with(&order, Csr::new(&[host("a")]).key(&key))
            .await;
    }
}
