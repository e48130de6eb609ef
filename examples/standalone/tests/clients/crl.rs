//! What the revocation list that a certificate points at says about that certificate.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::scene::Scene;
use crate::harness::tool::{Tool, fail, succeed};
use crate::openssl::OpenSsl;

/// Fails unless the list is sound and does not name the first certificate of `chain`.
pub(crate) fn assert_not_revoked(scene: &Scene, chain: &Path) {
    if let Some(mut check) = check(scene, chain) {
        succeed(&mut check);
    }
}

/// Fails unless the list is sound and names the first certificate of `chain`.
pub(crate) fn assert_revoked(scene: &Scene, chain: &Path) {
    if let Some(mut check) = check(scene, chain) {
        let said = fail(&mut check);
        assert!(
            said.contains("certificate revoked"),
            "refused, but not as revoked:\n{said}"
        );
    }
}

fn check(scene: &Scene, chain: &Path) -> Option<Command> {
    let openssl = OpenSsl::find(scene)?;
    let list = fetch(scene, &url(&openssl, chain))?;
    let mut command = openssl.verify(chain);
    command
        .args(["-crl_check", "-CRLfile"])
        .arg(list)
        .arg(chain);
    Some(command)
}

fn url(openssl: &OpenSsl<'_>, chain: &Path) -> String {
    let extension = openssl.run("x509 -noout -ext crlDistributionPoints -in", chain);
    let url = extension
        .lines()
        .find_map(|line| line.trim().strip_prefix("URI:"));
    url.unwrap_or_else(|| {
        panic!(
            "{} names no revocation list: {extension:?}",
            chain.display()
        )
    })
    .to_owned()
}

fn fetch(scene: &Scene, url: &str) -> Option<PathBuf> {
    let (curl, list) = (Tool::find("curl")?, scene.path("list.crl"));
    succeed(
        scene
            .command(&curl)
            .args(["--fail", "--silent", "--show-error", "--output"])
            .arg(&list)
            .arg(url),
    );
    Some(list)
}
