//! certbot: a scoped client's credential, its own web server or DNS hooks, renewal, revocation and the account's end.

use std::path::PathBuf;
use std::process::Command;

use crate::crl;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{Tool, fail, succeed};
use crate::openssl::OpenSsl;

#[test]
fn certbot_registers_with_a_credential_issues_renews_and_revokes_over_http() {
    let Some(certbot) = Certbot::find(&Registration::Bound) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&certbot.scene) else {
        return;
    };
    let client = certbot.scene.server.create_client("certbot");
    let eab = ["--eab-kid", &client.kid, "--eab-hmac-key", &client.hmac_key];
    succeed(
        certbot
            .run("register --agree-tos -m ops@bot.example")
            .args(eab),
    );

    succeed(
        certbot
            .run("certonly --standalone -d bot.example -d www.bot.example")
            .args(certbot.http01()),
    );
    let (chain, key) = certbot.certificate("bot.example");
    openssl.assert_serves(&chain, &key, &["DNS:bot.example", "DNS:www.bot.example"]);

    let first = openssl.serial(&chain);
    succeed(&mut certbot.run("renew --force-renewal --no-random-sleep-on-renew"));
    openssl.assert_serves(&chain, &key, &["DNS:bot.example", "DNS:www.bot.example"]);
    assert_ne!(openssl.serial(&chain), first);

    crl::assert_not_revoked(&certbot.scene, &chain);
    succeed(
        &mut certbot
            .run("revoke --cert-name bot.example --reason superseded --no-delete-after-revoke"),
    );
    crl::assert_revoked(&certbot.scene, &chain);
}

#[test]
fn certbot_proves_a_name_and_its_wildcard_by_dns_and_then_ends_its_account() {
    let Some(certbot) = Certbot::find(&Registration::Open) else {
        return;
    };
    let Some(openssl) = OpenSsl::find(&certbot.scene) else {
        return;
    };
    let mut order =
        certbot.run("certonly --agree-tos -m ops@bot.example --manual --preferred-challenges dns");
    order.args([
        "--manual-auth-hook",
        "sh \"$HOOK\" auth",
        "--manual-cleanup-hook",
        "sh \"$HOOK\" cleanup-auth",
    ]);
    succeed(order.args(["-d", "bot.example", "-d", "*.bot.example"]));
    let (chain, key) = certbot.certificate("bot.example");
    openssl.assert_serves(&chain, &key, &["DNS:*.bot.example", "DNS:bot.example"]);

    succeed(&mut certbot.run("update_account -m hostmaster@bot.example"));
    succeed(&mut certbot.run("unregister"));
}

#[test]
fn certbot_is_refused_without_a_credential() {
    let Some(certbot) = Certbot::find(&Registration::Bound) else {
        return;
    };
    let said = fail(&mut certbot.run("register --agree-tos -m ops@bot.example"));
    assert!(said.contains("external account binding"), "{said}");
}

struct Certbot {
    scene: Scene,
    tool: Tool,
}

impl Certbot {
    fn find(registration: &Registration) -> Option<Self> {
        let tool = Tool::find("certbot")?;
        Some(Self {
            scene: Scene::new(registration),
            tool,
        })
    }

    fn run(&self, words: &str) -> Command {
        let mut command = self.scene.command(&self.tool);
        command.args(words.split(' ')).args([
            "--non-interactive",
            "--server",
            self.scene.server.directory(),
        ]);
        for (option, folder) in [
            ("--config-dir", "etc"),
            ("--work-dir", "work"),
            ("--logs-dir", "logs"),
        ] {
            command.arg(option).arg(self.scene.path(folder));
        }
        command
    }

    fn http01(&self) -> [String; 4] {
        let address = self.scene.http01();
        let words = [
            "--http-01-address",
            &address.ip().to_string(),
            "--http-01-port",
            &address.port().to_string(),
        ];
        words.map(str::to_owned)
    }

    fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = self.scene.path("etc/live").join(name);
        (folder.join("fullchain.pem"), folder.join("privkey.pem"))
    }
}
