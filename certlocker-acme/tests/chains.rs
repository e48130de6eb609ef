//! What the local authority signs, as openssl sees it.
#![cfg(feature = "local-ca")]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use certlocker_acme::RevocationLists;
use certlocker_core::{
    AccountId, Actor, Attribution, CertificateRequest, Component, Der, Identifier, Issuer,
    NewOrder, Order, Revocation, RevocationReason, Timestamp, Trigger,
};
use support::Lab;

fn openssl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn succeeds(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = openssl(arguments, input);
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn new_csr(directory: &Path, key: &[&str], names: &str, more: &[&str]) -> Vec<u8> {
    let key_file = directory.join("key.pem");
    let key_file = key_file.to_str().unwrap();
    succeeds(&[&["genpkey", "-out", key_file], key].concat(), b"");
    let names = format!("subjectAltName={names}");
    let request = [
        "req", "-new", "-key", key_file, "-subj", "/", "-addext", &names, "-outform", "DER",
    ];
    succeeds(&[&request[..], more].concat(), b"")
}

/// Signs `csr` for `names` as if an order had come that far.
async fn sign(lab: &Lab, csr: &[u8], names: &[&str]) -> Result<certlocker_core::Chain, String> {
    let now = Timestamp::from_seconds(1_790_000_000).max(certlocker_acme::Clock::now(
        &certlocker_acme::SystemClock::default(),
    ));
    let parsed = certlocker_acme::x509::Csr::parse(csr).map_err(|refusal| refusal.to_string())?;
    let identifiers: Vec<Identifier> = names
        .iter()
        .map(|name| Identifier::try_from((*name).to_owned()).unwrap())
        .collect();
    parsed
        .check_names(&identifiers.iter().cloned().collect())
        .map_err(|refusal| refusal.to_string())?;
    let new = NewOrder {
        account: AccountId::first_at(now),
        client: None,
        expires: now.after(Duration::from_secs(60)),
        identifiers,
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    let by = Attribution::new(Actor::Server(Component::Issuer), Trigger::Due);
    let order = Order::create(new, None, &mut |bytes| bytes.fill(7), now)
        .unwrap()
        .by(&by)
        .after();
    let request = CertificateRequest {
        der: Der(csr.to_vec()),
        key_sha256: parsed.key_sha256(),
    };
    Ok(lab
        .ca
        .issue(&order.value, &request, now)
        .await
        .unwrap()
        .chain)
}

fn write_pem(path: &Path, der: &[u8]) {
    let pem = succeeds(&["x509", "-inform", "DER"], der);
    std::fs::write(path, pem).unwrap();
}

fn verify(lab: &Lab, directory: &Path, chain: &certlocker_core::Chain, more: &[&str]) -> Output {
    let [root, intermediate, leaf] =
        ["root.pem", "intermediate.pem", "leaf.pem"].map(|name| directory.join(name));
    std::fs::write(&root, lab.ca.root_pem()).unwrap();
    write_pem(&intermediate, &chain.intermediates[0].0);
    write_pem(&leaf, &chain.leaf.0);
    let [root, intermediate, leaf] =
        [&root, &intermediate, &leaf].map(|path| path.to_str().unwrap());
    let verify = [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        root,
        "-untrusted",
        intermediate,
    ];
    openssl(&[&verify[..], more, &[leaf]].concat(), b"")
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

#[tokio::test]
async fn chains_for_every_kind_of_key_verify_and_carry_the_key_octet_for_octet() {
    let lab = Lab::open().await;
    let directory = tempfile::tempdir().unwrap();
    let long = format!("dns:{}.{}.example", "a".repeat(60), "b".repeat(60));
    for (key, more, names, ordered) in [
        (
            P256,
            &["-sha256"][..],
            "DNS:a.example",
            &["dns:a.example"][..],
        ),
        (
            P256,
            &["-sha384"],
            "DNS:B.example,DNS:*.example",
            &["dns:*.example", "dns:b.example"],
        ),
        (
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            &["-sha256"],
            "DNS:a.example",
            &["dns:a.example"],
        ),
        (
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            &["-sha512"],
            "DNS:a.example",
            &["dns:a.example"],
        ),
        (
            &["-algorithm", "ED25519"],
            &[],
            "DNS:a.example",
            &["dns:a.example"],
        ),
        (
            RSA,
            &["-sha256"],
            "IP:192.0.2.1,IP:2001:db8::1",
            &["ip:192.0.2.1", "ip:2001:db8::1"],
        ),
        (
            RSA,
            &[
                "-sha256",
                "-sigopt",
                "rsa_padding_mode:pss",
                "-sigopt",
                "rsa_pss_saltlen:-1",
            ],
            "DNS:a.example",
            &["dns:a.example"],
        ),
        (P256, &["-sha256"], &long.replace("dns:", "DNS:"), &[&long]),
        (
            P256,
            &["-sha256", "-addext", "1.3.6.1.5.5.7.1.24=DER:3003020105"],
            "DNS:a.example",
            &["dns:a.example"],
        ),
    ] {
        let csr = new_csr(directory.path(), key, names, more);
        let chain = sign(&lab, &csr, ordered).await.unwrap();
        let spki = certlocker_acme::x509::Csr::parse(&csr)
            .unwrap()
            .spki_der()
            .to_vec();
        assert_eq!(
            certlocker_acme::x509::Leaf::parse(&chain.leaf.0)
                .unwrap()
                .spki_der(),
            spki,
            "{key:?}"
        );
        let verified = verify(&lab, directory.path(), &chain, &[]);
        assert!(
            verified.status.success(),
            "{key:?} {names}: {}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
}

#[tokio::test]
async fn requests_that_must_not_be_signed_are_refused_with_their_reason() {
    let lab = Lab::open().await;
    let directory = tempfile::tempdir().unwrap();
    for (key, more, names, reason) in [
        (P256, &["-sha1"][..], "DNS:a.example", "SHA-256 or stronger"),
        (
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
            &["-sha256"],
            "DNS:a.example",
            "1024 bits",
        ),
        (
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"],
            &["-sha256"],
            "DNS:a.example",
            "not accepted",
        ),
        (
            P256,
            &["-sha256"],
            "DNS:a.example,DNS:b.example",
            "the order lacks dns:b.example",
        ),
        (P256, &["-sha256"], "DNS:b.example", "lacks dns:a.example"),
        (
            P256,
            &["-sha256"],
            "DNS:a.example,email:a@b.example",
            "rfc822Name",
        ),
        (P256, &["-sha256"], "IP:192.0.2.1", "lacks dns:a.example"),
        (
            P256,
            &["-sha256", "-addext", "basicConstraints=CA:TRUE"],
            "DNS:a.example",
            "CA:TRUE",
        ),
        (
            P256,
            &["-sha256", "-subj", "/CN=c.example"],
            "DNS:a.example",
            "the order lacks dns:c.example",
        ),
    ] {
        let csr = new_csr(directory.path(), key, names, more);
        let error = sign(&lab, &csr, &["dns:a.example"]).await.unwrap_err();
        assert!(error.contains(reason), "{names} {more:?}: {error}");
    }
}

#[tokio::test]
async fn a_request_signed_by_another_key_is_refused() {
    let lab = Lab::open().await;
    let directory = tempfile::tempdir().unwrap();
    let mut csr = new_csr(directory.path(), P256, "DNS:a.example", &["-sha256"]);
    let last = csr.len() - 1;
    csr[last] ^= 1;
    assert!(
        sign(&lab, &csr, &["dns:a.example"])
            .await
            .unwrap_err()
            .contains("does not verify")
    );
}

#[tokio::test]
async fn a_revoked_certificate_is_on_the_list_that_openssl_checks() {
    let lab = Lab::open().await;
    let directory = tempfile::tempdir().unwrap();
    let csr = new_csr(directory.path(), P256, "DNS:a.example", &["-sha256"]);
    let chain = sign(&lab, &csr, &["dns:a.example"]).await.unwrap();
    let serial = certlocker_acme::x509::Leaf::parse(&chain.leaf.0)
        .unwrap()
        .description()
        .serial
        .clone();
    let now = certlocker_acme::Clock::now(&certlocker_acme::SystemClock::default());
    let list = |entries| certlocker_acme::RevocationList {
        entries,
        next_update: now.after(Duration::from_secs(3600)),
        number: 7,
        this_update: now,
    };
    let revoked = Revocation {
        at: now,
        reason: Some(RevocationReason::KeyCompromise),
    };
    for (entries, verdict) in [(Vec::new(), true), (vec![(serial, revoked)], false)] {
        let crl = lab.ca.sign(list(entries)).await.unwrap();
        let file = directory.path().join("crl.pem");
        std::fs::write(&file, succeeds(&["crl", "-inform", "DER"], &crl.0)).unwrap();
        let checked = verify(
            &lab,
            directory.path(),
            &chain,
            &["-crl_check", "-CRLfile", file.to_str().unwrap()],
        );
        assert_eq!(
            checked.status.success(),
            verdict,
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}
