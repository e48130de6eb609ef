//! The server under test: the built binary with an empty data directory, ended with the test.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

impl Credential {
    pub(crate) fn mac_key(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.hmac_key).unwrap()
    }
}

#[derive(Deserialize)]
struct Ready {
    directory: String,
    ca_file: PathBuf,
    operator_url: String,
    admin_token_file: PathBuf,
    pid: u32,
}

/// Where one of several servers listens, and what they share.
pub(crate) struct Node {
    pub(crate) gateway_port: u16,
    pub(crate) operator_port: u16,
    pub(crate) shared: Vec<(&'static str, String)>,
    /// What starts it, if it is not started directly.
    pub(crate) wrapper: Vec<String>,
}

impl Node {
    pub(crate) fn alone() -> Self {
        Self {
            gateway_port: GATEWAY_PORT,
            operator_port: OPERATOR_PORT,
            shared: Vec::new(),
            wrapper: Vec::new(),
        }
    }
}

pub(crate) struct Server {
    command: Command,
    ca_file: PathBuf,
    gateway: String,
    /// Where its files are, as seen from outside, if it has file systems of its own.
    inside: Option<String>,
    shared: Vec<(&'static str, String)>,
    data: PathBuf,
    folder: PathBuf,
    process: Process,
    ready: Ready,
}

impl Server {
    /// Starts in `folder` and returns once both planes serve.
    pub(crate) fn start(folder: &Path, zone: &Zone, registration: &Registration) -> Self {
        Self::start_node(folder, zone, registration, Node::alone())
    }

    /// The same, as one of several.
    pub(crate) fn start_node(
        folder: &Path,
        zone: &Zone,
        registration: &Registration,
        node: Node,
    ) -> Self {
        let data = folder.join("data");
        let mut command = serve(&data, zone, registration, &node);
        command.arg("--ready-file").arg(folder.join("ready.json"));
        if !node.wrapper.is_empty() {
            command = wrapped(&node.wrapper, &command);
        }
        let (process, ready) = Process::ready(&mut command, folder);
        let inside = (!node.wrapper.is_empty()).then(|| format!("/proc/{}/root", ready.pid));
        let outside = inside.clone().unwrap_or_default();
        Self {
            ca_file: format!("{outside}{}", ready.ca_file.display()).into(),
            inside,
            command,
            gateway: format!("{}:{}", zone.address(), node.gateway_port),
            shared: node.shared,
            data,
            folder: folder.to_owned(),
            process,
            ready,
        }
    }

    /// Ends the process as a crash does.
    pub(crate) fn crash(&mut self) {
        self.process.end();
    }

    /// Ends the process as a crash does, and starts the server again on what is left.
    pub(crate) fn crash_and_restart(&mut self) {
        self.process.end();
        let _ = fs::remove_file(self.folder.join("ready.json"));
        (self.process, self.ready) = Process::ready(&mut self.command, &self.folder);
    }

    /// Asks the process to stop, and gives its exit code and whether the ready file is still there.
    pub(crate) fn stop(&mut self) -> (Option<i32>, bool) {
        let pid = self.ready.pid.to_string();
        succeed(Command::new("kill").args(["-TERM", &pid]));
        let code = self.process.child.wait().unwrap().code();
        (code, self.folder.join("ready.json").exists())
    }

    /// The command that started it.
    pub(crate) fn same_again(&mut self) -> &mut Command {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped())
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Where its gateway listens, whatever its public URL is.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    pub(crate) fn operator_url(&self) -> &str {
        &self.ready.operator_url
    }

    pub(crate) fn admin_token(&self) -> String {
        let token = fs::read_to_string(&self.ready.admin_token_file).unwrap();
        token.trim().to_owned()
    }

    /// A command on the server's data directory; `words` are split at blanks.
    pub(crate) fn certlocker(&self, words: &str) -> Command {
        let mut command = certlocker(words, &self.data);
        command.envs(self.shared.iter().cloned());
        command
    }

    pub(crate) fn directory(&self) -> &str {
        &self.ready.directory
    }

    pub(crate) fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    pub(crate) fn pid(&self) -> u32 {
        self.ready.pid
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.process.log).unwrap()
    }

    /// A path of the server, as it is seen from outside.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        match &self.inside {
            Some(root) => PathBuf::from(format!("{root}{}", path.display())),
            None => path.to_owned(),
        }
    }

    /// A command on the data directory of a server with file systems of its own.
    pub(crate) fn certlocker_inside(&self, words: &str) -> Command {
        let pid = self.ready.pid.to_string();
        let wrapper = ["nsenter", "--target", &pid, "--mount"].map(str::to_owned);
        wrapped(&wrapper, &self.certlocker(words))
    }

    /// Creates a scoped client that may order names under `.example`, while the server runs.
    pub(crate) fn create_client(&self, name: &str) -> Credential {
        let mut command = self.certlocker("client create");
        command.args([name, "--allow", "dns:*.example", "--json"]);
        serde_json::from_str(&succeed(&mut command)).unwrap()
    }
}

fn serve(data: &Path, zone: &Zone, registration: &Registration, node: &Node) -> Command {
    let at = |port| format!("{}:{port}", zone.address());
    let mut command = certlocker("serve", data);
    for (flag, value) in [
        ("--listen", at(node.gateway_port)),
        ("--operator-listen", at(node.operator_port)),
        ("--resolver", zone.resolver().to_string()),
        ("--http01-port", HTTP01_PORT.to_string()),
        ("--tls-alpn01-port", TLS_ALPN01_PORT.to_string()),
        ("--allow-validation-to", "127.0.0.0/8".to_owned()),
    ] {
        command.args([flag, &value]);
    }
    command.envs(node.shared.iter().cloned());
    if matches!(registration, Registration::Open) {
        command.arg("--open-registration");
    }
    command
}

fn wrapped(wrapper: &[String], command: &Command) -> Command {
    let mut wrapped = Command::new(&wrapper[0]);
    wrapped.args(&wrapper[1..]).arg(command.get_program());
    wrapped.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        wrapped.env(name, value.unwrap_or_default());
    }
    wrapped
}

/// The binary without the variables of the surrounding environment, which could configure it.
pub(crate) fn certlocker(words: &str, data: &Path) -> Command {
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
    fn ready(command: &mut Command, folder: &Path) -> (Self, Ready) {
        let mut process = Self::spawn(command, folder.join("server.log"));
        let ready = process.wait_for(&folder.join("ready.json"));
        (process, ready)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
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
        self.end();
        if thread::panicking() {
            eprintln!(
                "the server said:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}
