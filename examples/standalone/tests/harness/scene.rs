//! All that a client meets: a server, a zone, a web root, and a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::dns::Zone;
use crate::harness::http::{serve_files, serve_records};
use crate::harness::server::{HTTP01_PORT, Registration, Server, TLS_ALPN01_PORT};
use crate::harness::tool::Tool;

pub(crate) const HOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/hook");
const RECORDS_PORT: u16 = 20081;

pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) zone: Zone,
    folder: TempDir,
}

impl Scene {
    pub(crate) fn new(registration: &Registration) -> Self {
        Self::starting(|folder, zone| Server::start(folder, zone, registration))
    }

    /// With a server that is started in another way.
    pub(crate) fn starting(start: impl FnOnce(&Path, &Zone) -> Server) -> Self {
        let (folder, zone) = (tempfile::tempdir().unwrap(), Zone::serve());
        serve_records((zone.address(), RECORDS_PORT).into(), zone.clone());
        let server = start(folder.path(), &zone);
        Self {
            server,
            zone,
            folder,
        }
    }

    /// `tool` in this scene: it trusts the server's root, keeps its files here, and finds the DNS hook in `$HOOK`.
    pub(crate) fn command(&self, tool: &Tool) -> Command {
        let mut command = tool.command();
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path());
        for variable in [
            "CURL_CA_BUNDLE",
            "LEGO_CA_CERTIFICATES",
            "REQUESTS_CA_BUNDLE",
            "SSL_CERT_FILE",
        ] {
            command.env(variable, self.server.ca_file());
        }
        command.env("HOOK", HOOK).env(
            "TXT_ENDPOINT",
            format!("http://{}:{RECORDS_PORT}", self.zone.address()),
        );
        command
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn http01(&self) -> SocketAddr {
        (self.zone.address(), HTTP01_PORT).into()
    }

    pub(crate) fn tls_alpn01(&self) -> SocketAddr {
        (self.zone.address(), TLS_ALPN01_PORT).into()
    }

    /// Starts a web server for this scene's names, and returns the folder where a client puts its http-01 answers.
    pub(crate) fn web_root(&self) -> PathBuf {
        let answers = self.path("www/.well-known/acme-challenge");
        fs::create_dir_all(&answers).unwrap();
        serve_files(self.http01(), self.path("www"));
        answers
    }
}
