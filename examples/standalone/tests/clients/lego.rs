//! lego: all three challenges, renewal, revocation, and a scoped client's bounds.

use std::path::PathBuf;
use std::process::Command;

use crate::crl;
use crate::harness::scene::{HOOK, Scene};
use crate::harness::server::Registration;
use crate::harness::tool::{Tool, fail, succeed};
use crate::openssl::OpenSsl;

#[test]
fn lego_issues_renews_and_revokes_over_http() {
    let Some(lego) = Lego::find(&Registration::Open) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&lego.scene) else {
        return;
    };
    let over_http = |command| {
        lego.run(&format!(
            "-d go.example -d www.go.example --http --http.port {} {command}",
            lego.scene.http01()
        ))
    };
    succeed(&mut over_http("run"));
    let (chain, key) = lego.certificate("go.example");
    openssl.assert_serves(&chain, &key, &["DNS:go.example", "DNS:www.go.example"]);

    let first = openssl.serial(&chain);
    succeed(&mut over_http(
        "renew --days 36500 --no-random-sleep --reuse-key",
    ));
    openssl.assert_serves(&chain, &key, &["DNS:go.example", "DNS:www.go.example"]);
    assert_ne!(openssl.serial(&chain), first);

    crl::assert_not_revoked(&lego.scene, &chain);
    succeed(&mut lego.run("-d go.example revoke --keep --reason 4"));
    crl::assert_revoked(&lego.scene, &chain);
}

#[test]
fn lego_proves_a_name_and_its_wildcard_by_dns() {
    let Some(lego) = Lego::find(&Registration::Open) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&lego.scene) else {
        return;
    };
    let resolver = lego.scene.zone.resolver();
    let words = format!(
        "-d go.example -d *.go.example --dns exec --dns.disable-cp --dns.resolvers {resolver} run"
    );
    let mut command = lego.run(&words);
    command
        .env("EXEC_PATH", HOOK)
        .env("EXEC_POLLING_INTERVAL", "1")
        .env("EXEC_SEQUENCE_INTERVAL", "1");
    succeed(&mut command);
    let (chain, key) = lego.certificate("go.example");
    openssl.assert_serves(&chain, &key, &["DNS:*.go.example", "DNS:go.example"]);
}

#[test]
fn lego_proves_a_name_by_tls_alpn() {
    let Some(lego) = Lego::find(&Registration::Open) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&lego.scene) else {
        return;
    };
    let tls_alpn01 = lego.scene.tls_alpn01();
    succeed(&mut lego.run(&format!(
        "-d go.example --tls --tls.port {tls_alpn01} --key-type rsa2048 run"
    )));
    let (chain, key) = lego.certificate("go.example");
    openssl.assert_serves(&chain, &key, &["DNS:go.example"]);
}

#[test]
fn lego_with_a_credential_gets_what_its_client_may_order_and_no_more() {
    let Some(lego) = Lego::find(&Registration::Bound) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&lego.scene) else {
        return;
    };
    let client = lego.scene.server.create_client("lego");
    let http01 = lego.scene.http01();
    let order = |name| {
        let eab = format!("--eab --kid {} --hmac {}", client.kid, client.hmac_key);
        lego.run(&format!("-d {name} --http --http.port {http01} {eab} run"))
    };
    succeed(&mut order("go.example"));
    let (chain, key) = lego.certificate("go.example");
    openssl.assert_serves(&chain, &key, &["DNS:go.example"]);

    let said = fail(&mut order("outside.test"));
    assert!(
        said.contains("urn:ietf:params:acme:error:rejectedIdentifier"),
        "{said}"
    );
}

struct Lego {
    scene: Scene,
    tool: Tool,
}

impl Lego {
    fn find(registration: &Registration) -> Option<Self> {
        let tool = Tool::find("lego")?;
        Some(Self {
            scene: Scene::new(registration),
            tool,
        })
    }

    fn run(&self, words: &str) -> Command {
        let mut command = self.scene.command(&self.tool);
        command.args([
            "--accept-tos",
            "--email",
            "ops@go.example",
            "--server",
            self.scene.server.directory(),
        ]);
        command
            .arg("--path")
            .arg(self.scene.path("lego"))
            .args(words.split(' '));
        command
    }

    fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = self.scene.path("lego/certificates");
        (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        )
    }
}
