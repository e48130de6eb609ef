//! The server under test: the built binary with an empty data directory, ended with the test.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::harness::dns::Zone;
use crate::harness::tool::succeed;

const BINARY: &str = env!("CARGO_BIN_EXE_certlocker");
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) const GATEWAY_PORT: u16 = 20443;
pub(crate) const OPERATOR_PORT: u16 = 20444;
pub(crate) const HTTP01_PORT: u16 = 20080;
pub(crate) const TLS_ALPN01_PORT: u16 = 20445;

/// Who may register an account.
pub(crate) enum Registration {
    /// Anybody.
    Open,
    /// Whoever holds the credential of a scoped client.
    Bound,
}

/// What a scoped client needs to register.
#[derive(Deserialize)]
pub(crate) struct Credential {
    pub(crate) kid: String,
    pub(crate) hmac_key: String,
}

#[derive(Deserialize)]
struct Ready {
    directory: String,
    ca_file: PathBuf,
}

pub(crate) struct Server {
    _process: Process,
    data: PathBuf,
    ready: Ready,
}

impl Server {
    /// Starts in `folder` and returns once both planes serve.
    pub(crate) fn start(folder: &Path, zone: &Zone, registration: &Registration) -> Self {
        let (data, ready) = (folder.join("data"), folder.join("ready.json"));
        let mut command = serve(&data, zone, registration);
        command.arg("--ready-file").arg(&ready);
        let mut process = Process::spawn(&mut command, folder.join("server.log"));
        let ready = process.wait_for(&ready);
        Self {
            _process: process,
            data,
            ready,
        }
    }

    pub(crate) fn directory(&self) -> &str {
        &self.ready.directory
    }

    pub(crate) fn ca_file(&self) -> &Path {
        &self.ready.ca_file
    }

    /// Creates a scoped client that may order names under `.example`, while the server runs.
    pub(crate) fn create_client(&self, name: &str) -> Credential {
        let mut command = certlocker("client create", &self.data);
        command.args([name, "--allow", "dns:*.example", "--json"]);
        serde_json::from_str(&succeed(&mut command)).unwrap()
    }
}

fn serve(data: &Path, zone: &Zone, registration: &Registration) -> Command {
    let at = |port| format!("{}:{port}", zone.address());
    let mut command = certlocker("serve", data);
    for (flag, value) in [
        ("--listen", at(GATEWAY_PORT)),
        ("--operator-listen", at(OPERATOR_PORT)),
        ("--resolver", zone.resolver().to_string()),
        ("--http01-port", HTTP01_PORT.to_string()),
        ("--tls-alpn01-port", TLS_ALPN01_PORT.to_string()),
        ("--allow-validation-to", "127.0.0.0/8".to_owned()),
    ] {
        command.args([flag, &value]);
    }
    if matches!(registration, Registration::Open) {
        command.arg("--open-registration");
    }
    command
}

/// The binary without the variables of the surrounding environment, which could configure it.
fn certlocker(words: &str, data: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default());
    command.args(words.split(' ')).arg("--data-dir").arg(data);
    command
}

/// A process that ends with its test, and shows what it logged when the test fails.
struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let output = File::create(&log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        Self {
            child: command.spawn().unwrap(),
            log,
        }
    }

    fn wait_for(&mut self, file: &Path) -> Ready {
        let started = Instant::now();
        loop {
            if let Ok(json) = fs::read_to_string(file) {
                return serde_json::from_str(&json).unwrap();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the server ended before it was ready: {ended:?}"
            );
            assert!(
                started.elapsed() < READY_WITHIN,
                "the server was not ready within {READY_WITHIN:?}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!(
                "the server said:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}
