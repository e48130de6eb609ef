//! instant-acme over TLS: http-01, renewal with a new key, revocation, a new account key, the end.

use std::fs;
use std::path::{Path, PathBuf};

use instant_acme::{Account, RevocationReason, RevocationRequest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::crl;
use crate::harness::acme;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::openssl::OpenSsl;

#[tokio::test]
async fn instant_acme_issues_renews_and_revokes_over_tls() {
    let scene = Scene::new(&Registration::Bound);
    let (answers, account) = (
        scene.web_root(),
        acme::register(&scene, scene.server.create_client("instant")).await,
    );
    let names = ["instant.example", "www.instant.example"];
    let first = issue(&account, &names, &answers, &scene.path("first")).await;
    let second = issue(&account, &names, &answers, &scene.path("second")).await;
    assert_ne!(first.leaf, second.leaf);
    if let Some(openssl) = OpenSsl::find(&scene) {
        for issued in [&first, &second] {
            let names = ["DNS:instant.example", "DNS:www.instant.example"];
            openssl.assert_serves(&issued.chain, &issued.key, &names);
        }
    }
    crl::assert_not_revoked(&scene, &first.chain);
    let request = RevocationRequest {
        certificate: &first.leaf,
        reason: Some(RevocationReason::Superseded),
    };
    account.revoke(&request).await.unwrap();
    crl::assert_revoked(&scene, &first.chain);
    crl::assert_not_revoked(&scene, &second.chain);
}

#[tokio::test]
async fn instant_acme_goes_on_with_a_new_key_until_it_deactivates_the_account() {
    let scene = Scene::new(&Registration::Bound);
    let (answers, mut account) = (
        scene.web_root(),
        acme::register(&scene, scene.server.create_client("instant")).await,
    );
    let _new_key = account.update_key().await.unwrap();
    account
        .update_contacts(&["mailto:new@instant.example"])
        .await
        .unwrap();
    issue(
        &account,
        &["instant.example"],
        &answers,
        &scene.path("issued"),
    )
    .await;
    account.deactivate().await.unwrap();
}

struct Issued {
    chain: PathBuf,
    key: PathBuf,
    leaf: CertificateDer<'static>,
}

/// Orders a certificate, puts the answers into the web root `answers`, and keeps chain and key in `folder`.
async fn issue(account: &Account, names: &[&str], answers: &Path, folder: &Path) -> Issued {
    let mut order = acme::order(account, names).await.unwrap();
    acme::answer(&mut order, answers).await;
    let (private_key, pem) = acme::finish(&mut order).await;
    fs::create_dir_all(folder).unwrap();
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    fs::write(&chain, &pem).unwrap();
    fs::write(&key, private_key).unwrap();
    let leaf = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    Issued { chain, key, leaf }
}
