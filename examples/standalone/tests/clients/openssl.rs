//! What OpenSSL says about the keys and chains that clients were given.

use std::path::Path;
use std::process::Command;

use crate::harness::scene::Scene;
use crate::harness::tool::{Tool, succeed};

pub(crate) struct OpenSsl<'a> {
    scene: &'a Scene,
    tool: Tool,
}

impl<'a> OpenSsl<'a> {
    /// `None` where OpenSSL is not installed, as for every other tool.
    pub(crate) fn find(scene: &'a Scene) -> Option<Self> {
        Some(Self {
            scene,
            tool: Tool::find("openssl")?,
        })
    }

    /// Runs a subcommand; `words` are split at blanks and `file` is the last argument.
    pub(crate) fn run(&self, words: &str, file: &Path) -> String {
        succeed(self.command(words).arg(file))
    }

    /// Fails unless `chain` is a sound server certificate for `names` and nothing else, and `key` is its key.
    pub(crate) fn assert_serves(&self, chain: &Path, key: &Path, names: &[&str]) {
        succeed(self.verify(chain).arg(chain));
        assert_eq!(self.names(chain), names);
        let certified = self.run("x509 -noout -pubkey -in", chain);
        assert_eq!(
            certified,
            self.run("pkey -pubout -in", key),
            "{} is another key",
            key.display()
        );
    }

    /// `openssl verify` as strict as it can be, with the root that the server names; the certificate comes last.
    pub(crate) fn verify(&self, chain: &Path) -> Command {
        let mut command = self.command("verify -x509_strict -purpose sslserver -CAfile");
        command
            .arg(self.scene.server.ca_file())
            .arg("-untrusted")
            .arg(chain);
        command
    }

    pub(crate) fn serial(&self, chain: &Path) -> String {
        self.run("x509 -noout -serial -in", chain)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.scene.command(&self.tool);
        command.args(words.split(' '));
        command
    }

    fn names(&self, chain: &Path) -> Vec<String> {
        let extension = self.run("x509 -noout -ext subjectAltName -in", chain);
        let listed = extension.lines().skip(1).flat_map(|line| line.split(','));
        let mut names: Vec<_> = listed.map(|name| name.trim().to_owned()).collect();
        names.sort();
        names
    }
}
