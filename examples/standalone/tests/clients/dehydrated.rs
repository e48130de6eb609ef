//! dehydrated: a shell script over curl, with a web root or a DNS hook, and its settings in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crl;
use crate::harness::scene::{HOOK, Scene};
use crate::harness::server::Registration;
use crate::harness::tool::{Tool, succeed};
use crate::openssl::OpenSsl;

#[test]
fn dehydrated_registers_signs_revokes_and_deactivates_its_account() {
    let Some(dehydrated) = Tool::find("dehydrated") else {
        return;
    };
    let scene = Scene::new(&Registration::Open);
    let Some(openssl) = OpenSsl::find(&scene) else {
        return;
    };
    let config = configure(&scene, &format!("WELLKNOWN={}", scene.web_root().display()));
    let run = |words: &str| succeed(run(&scene, &dehydrated, &config).args(words.split(' ')));

    run("--register --accept-terms");
    run("--cron --domain hydra.example");
    let (chain, key) = certificate(&scene, "hydra.example");
    openssl.assert_serves(&chain, &key, &["DNS:hydra.example"]);
    crl::assert_not_revoked(&scene, &chain);

    run(&format!("--revoke {}", chain.display()));
    let revoked = fs::read_dir(chain.parent().unwrap())
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let revoked = revoked
        .filter(|path| path.to_string_lossy().ends_with("-revoked"))
        .last();
    crl::assert_revoked(
        &scene,
        &revoked.expect("dehydrated renames what it revokes"),
    );
    run("--deactivate");
}

#[test]
fn dehydrated_proves_a_name_and_its_wildcard_by_dns_with_a_scoped_client() {
    let Some(dehydrated) = Tool::find("dehydrated") else {
        return;
    };
    let scene = Scene::new(&Registration::Bound);
    let Some(openssl) = OpenSsl::find(&scene) else {
        return;
    };
    let client = scene.server.create_client("dehydrated");
    let eab = format!("EAB_KID={}\nEAB_HMAC_KEY={}", client.kid, client.hmac_key);
    let config = configure(&scene, &format!("CHALLENGETYPE=dns-01\nHOOK={HOOK}\n{eab}"));
    let run = |words: &str| succeed(run(&scene, &dehydrated, &config).args(words.split(' ')));

    run("--register --accept-terms");
    fs::write(scene.path("domains.txt"), "hydra.example *.hydra.example\n").unwrap();
    run("--cron");
    let (chain, key) = certificate(&scene, "hydra.example");
    openssl.assert_serves(&chain, &key, &["DNS:*.hydra.example", "DNS:hydra.example"]);
}

fn configure(scene: &Scene, more: &str) -> PathBuf {
    let (config, base) = (scene.path("config"), scene.path(""));
    let (base, directory) = (base.display(), scene.server.directory());
    fs::write(
        &config,
        format!("BASEDIR={base}\nCA={directory}\nCONTACT_EMAIL=ops@hydra.example\n{more}\n"),
    )
    .unwrap();
    config
}

fn run(scene: &Scene, dehydrated: &Tool, config: &Path) -> Command {
    let mut command = scene.command(dehydrated);
    command.arg("--config").arg(config);
    command
}

fn certificate(scene: &Scene, name: &str) -> (PathBuf, PathBuf) {
    let folder = scene.path("certs").join(name);
    (folder.join("fullchain.pem"), folder.join("privkey.pem"))
}
