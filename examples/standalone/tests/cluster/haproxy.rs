//! HAProxy with the configuration that is shipped.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::generate_simple_self_signed;

use crate::harness::server::Server;
use crate::harness::tool::Tool;

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy/haproxy.cfg");
const PATIENCE: Duration = Duration::from_secs(30);

/// The proxy; it ends with its test.
pub(crate) struct HaProxy {
    child: Child,
    log: PathBuf,
    /// What its clients trust.
    pub(crate) root: PathBuf,
}

impl HaProxy {
    /// Listens at `bind` with a certificate of its own, in front of two gateways.
    pub(crate) fn start(tool: &Tool, folder: &Path, bind: SocketAddr, nodes: [&Server; 2]) -> Self {
        let own = generate_simple_self_signed([bind.ip().to_string()]).unwrap();
        let (root, both) = (folder.join("proxy.crt"), folder.join("proxy.pem"));
        fs::write(&root, own.cert.pem()).unwrap();
        fs::write(&both, own.cert.pem() + &own.signing_key.serialize_pem()).unwrap();
        let log = folder.join("haproxy.log");
        let output = File::create(&log).unwrap();
        let mut command = Command::new(tool.path());
        command
            .args(["-db", "-f", CONFIGURATION])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .env_clear()
            .env("CERTLOCKER_BIND", bind.to_string())
            .env("CERTLOCKER_CERTIFICATE", &both)
            .env("CERTLOCKER_HOST", "localhost")
            .env("CERTLOCKER_CA_FILE", nodes[0].ca_file());
        for (node, number) in nodes.iter().zip(1..) {
            let operator = node.operator_url().strip_prefix("https://").unwrap();
            command
                .env(format!("CERTLOCKER_GATEWAY_{number}"), node.gateway())
                .env(format!("CERTLOCKER_OPERATOR_{number}"), operator);
        }
        let mut proxy = Self {
            child: command.spawn().unwrap(),
            log,
            root,
        };
        proxy.wait(bind);
        proxy
    }

    fn wait(&mut self, bind: SocketAddr) {
        let started = Instant::now();
        while std::net::TcpStream::connect(bind).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "HAProxy ended: {ended:?}");
            assert!(started.elapsed() < PATIENCE, "HAProxy does not listen");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(200).collect();
            eprintln!("HAProxy said, newest first:\n{}", last.join("\n"));
        }
    }
}
