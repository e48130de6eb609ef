//! acme-tiny: RSA account, answers through a web root, a CSR made by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{Tool, fail, succeed};
use crate::openssl::OpenSsl;

#[test]
fn acme_tiny_gets_a_certificate_for_two_names() {
    let Some(acme_tiny) = Tool::find("acme-tiny") else {
        return;
    };
    let scene = Scene::new(&Registration::Open);
    let Some(openssl) = OpenSsl::find(&scene) else {
        return;
    };
    let (key, csr) = request(&openssl, &scene, "DNS:tiny.example,DNS:www.tiny.example");
    let chain = scene.path("chain.pem");
    let answers = scene.web_root();
    let mut command = order(&scene, &acme_tiny, &csr, &answers);
    command.args(["--contact", "mailto:ops@tiny.example"]);
    std::fs::write(&chain, succeed(&mut command)).unwrap();
    openssl.assert_serves(&chain, &key, &["DNS:tiny.example", "DNS:www.tiny.example"]);
}

#[test]
fn acme_tiny_is_told_which_answer_was_wrong() {
    let Some(acme_tiny) = Tool::find("acme-tiny") else {
        return;
    };
    let scene = Scene::new(&Registration::Open);
    let Some(openssl) = OpenSsl::find(&scene) else {
        return;
    };
    let (_, csr) = request(&openssl, &scene, "DNS:tiny.example");
    scene.web_root();
    let elsewhere = scene.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let said = fail(&mut order(&scene, &acme_tiny, &csr, &elsewhere));
    assert!(
        said.contains("Challenge did not pass for tiny.example"),
        "{said}"
    );
    assert!(
        said.contains("urn:ietf:params:acme:error:incorrectResponse") && said.contains("404"),
        "{said}"
    );
}

fn request(openssl: &OpenSsl<'_>, scene: &Scene, names: &str) -> (PathBuf, PathBuf) {
    let (key, csr) = (scene.path("tls.key"), scene.path("tls.csr"));
    openssl.run("genrsa -out", &scene.path("account.key"));
    openssl.run("ecparam -genkey -name prime256v1 -noout -out", &key);
    let subject = format!(
        "req -new -subj / -addext subjectAltName={names} -key {} -out",
        key.display()
    );
    openssl.run(&subject, &csr);
    (key, csr)
}

fn order(scene: &Scene, acme_tiny: &Tool, csr: &Path, answers: &Path) -> Command {
    let mut command = scene.command(acme_tiny);
    command
        .arg("--account-key")
        .arg(scene.path("account.key"))
        .arg("--csr")
        .arg(csr);
    command.arg("--acme-dir").arg(answers).args([
        "--disable-check",
        "--directory-url",
        scene.server.directory(),
    ]);
    command
}
