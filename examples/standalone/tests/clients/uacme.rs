//! uacme: a name beside an IP address, a new account key, revocation by the certificate's own key, the account's end.

use std::path::PathBuf;
use std::process::Command;

use crate::crl;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{Tool, fail, succeed};
use crate::openssl::OpenSsl;

/// The roots that uacme's TLS library is built to trust; no option or variable names others.
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The package's own hook, which writes http-01 answers into a web root.
const HOOK: &str = "/usr/share/uacme/uacme.sh";

#[test]
fn uacme_certifies_an_address_beside_a_name() {
    let Some(uacme) = Uacme::find(&Registration::Open) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&uacme.scene) else {
        return;
    };
    let (name, address) = ("micro.example", uacme.scene.zone.address().to_string());
    succeed(&mut uacme.run("--yes new ops@micro.example"));
    succeed(&mut uacme.run(&format!("issue {name} {address}")));
    let (chain, key) = uacme.certificate(name);
    openssl.assert_serves(
        &chain,
        &key,
        &["DNS:micro.example", &format!("IP Address:{address}")],
    );
}

#[test]
fn uacme_changes_its_account_key_and_goes_on_with_the_new_one() {
    let Some(uacme) = Uacme::find(&Registration::Bound) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&uacme.scene) else {
        return;
    };
    let client = uacme.scene.server.create_client("uacme");
    succeed(&mut uacme.run(&format!(
        "--yes --eab {}:{} --type EC new",
        client.kid, client.hmac_key
    )));
    let account_key = uacme.scene.path("uacme/private/key.pem");
    let first = openssl.run("pkey -pubout -in", &account_key);

    succeed(&mut uacme.run("--type EC newkey"));
    assert_ne!(openssl.run("pkey -pubout -in", &account_key), first);
    succeed(&mut uacme.run("issue micro.example"));
    let (chain, key) = uacme.certificate("micro.example");
    openssl.assert_serves(&chain, &key, &["DNS:micro.example"]);
}

#[test]
fn uacme_revokes_with_the_certificates_key_and_orders_nothing_once_deactivated() {
    let Some(uacme) = Uacme::find(&Registration::Open) else {
        return;
    };
    succeed(&mut uacme.run("--yes new ops@micro.example"));
    succeed(&mut uacme.run("issue micro.example"));
    let (chain, key) = uacme.certificate("micro.example");
    let kept = uacme.scene.path("kept.pem");
    std::fs::copy(&chain, &kept).unwrap();

    succeed(uacme.run("revoke").args([&chain, &key]));
    crl::assert_revoked(&uacme.scene, &kept);
    succeed(&mut uacme.run("deactivate"));
    let said = fail(&mut uacme.run("issue other.example"));
    assert!(
        said.contains("urn:ietf:params:acme:error:unauthorized"),
        "{said}"
    );
}

struct Uacme {
    scene: Scene,
    tool: Tool,
    /// Shows the scene's root to uacme in the place of the machine's.
    proot: Tool,
}

impl Uacme {
    fn find(registration: &Registration) -> Option<Self> {
        let (tool, proot) = (Tool::find("uacme")?, Tool::find("proot")?);
        let scene = Scene::new(registration);
        scene.web_root();
        Some(Self { scene, tool, proot })
    }

    fn run(&self, words: &str) -> Command {
        let mut command = self.scene.command(&self.proot);
        command
            .arg("-b")
            .arg(format!("{}:{ROOTS}", self.scene.server.ca_file().display()));
        command.arg(self.tool.path()).args([
            "--acme-url",
            self.scene.server.directory(),
            "--hook",
            HOOK,
        ]);
        command
            .arg("--confdir")
            .arg(self.scene.path("uacme"))
            .args(words.split(' '));
        command.env(
            "UACME_CHALLENGE_PATH",
            self.scene.path("www/.well-known/acme-challenge"),
        );
        command
    }

    fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = self.scene.path("uacme");
        (
            folder.join(name).join("cert.pem"),
            folder.join("private").join(name).join("key.pem"),
        )
    }
}
