//! A folder of one server's: its configuration, and the certificate that it reads there.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use certlocker_probe::{Algorithm, Cause, Verdict};
use tempfile::TempDir;

use crate::authority::{Authority, Issued};
use crate::process::{Process, free_address, until};
use crate::scene::{NAME, Scene};

/// Two certificates of one lineage, of which the server has the first.
pub(crate) struct Renewal {
    pub(crate) authority: Authority,
    pub(crate) new: Issued,
    pub(crate) old: Issued,
}

impl Renewal {
    pub(crate) fn new() -> Self {
        let authority = Authority::new();
        let [old, new] = [(); 2].map(|()| authority.issue(Algorithm::Ecdsa, NAME));
        Self {
            authority,
            new,
            old,
        }
    }

    /// Expects the second.
    pub(crate) fn scene(&self, address: SocketAddr) -> Scene {
        let judge = self.authority.judge(&[(NAME, &[&[&self.old, &self.new]])]);
        Scene::new(judge, address)
    }
}

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Site {
    /// With a certificate to begin with. Servers that give up being root read the folder, too.
    pub(crate) fn new(issued: &Issued) -> Self {
        let site = Self {
            address: free_address(),
            folder: TempDir::new().unwrap(),
        };
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(site.folder.path(), everybody).unwrap();
        site.deploy(issued);
        site
    }

    /// Puts a certificate where the server reads it: by itself, its key, and both in one file.
    pub(crate) fn deploy(&self, issued: &Issued) {
        self.write("chain.pem", &issued.chain_pem);
        self.write("key.pem", &issued.key_pem);
        let both = format!("{}{}", issued.chain_pem, issued.key_pem);
        self.write("both.pem", &both);
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration in which FOLDER, ADDRESS, HOST and PORT are those of this site.
    pub(crate) fn configure(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.folder.path().display().to_string();
        let text = text
            .replace("FOLDER", &folder)
            .replace("ADDRESS", &self.address.to_string())
            .replace("HOST", &self.address.ip().to_string())
            .replace("PORT", &self.address.port().to_string());
        self.write(name, &format!("{}\n", text.trim_end()))
    }

    /// Runs a program to its end, which has to be a good one.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) {
        let mut command = Command::new(program);
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}

/// Why the certificate before is still served, if it is.
pub(crate) fn cause(scene: &Scene) -> Option<Cause> {
    match scene.reports().remove(0).verdict {
        Verdict::Previous { cause, .. } => Some(cause),
        _ => None,
    }
}

/// A new certificate in the files changes nothing until the server is told; then it is served, and
/// nothing is found to be wrong.
pub(crate) fn is_served_after(
    tell: impl FnOnce(&Process),
    server: &Process,
    site: &Site,
    renewal: &Renewal,
    scene: &mut Scene,
) {
    assert_eq!(cause(scene), Some(Cause::Unknown));
    scene.deployed(&renewal.old);
    assert_eq!(cause(scene), Some(Cause::NotDeployed));
    site.deploy(&renewal.new);
    scene.deployed(&renewal.new);
    assert_eq!(cause(scene), Some(Cause::NotReloaded));
    tell(server);
    until("the new certificate is served", || {
        let report = scene.reports().remove(0);
        report.verdict == Verdict::Expected && report.level == certlocker_probe::Level::Fine
    });
}
