//! Two gateways, their database, and the proxy in front of them.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::haproxy::HaProxy;
use crate::harness::dns::Zone;
use crate::harness::http::serve_files;
use crate::harness::https::{Response, call};
use crate::harness::server::{GATEWAY_PORT, HTTP01_PORT, Node, Registration, Server};
use crate::harness::tool::Tool;
use crate::postgres;

const PORTS: [u16; 2] = [20453, 20463];
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Platform {
    pub(crate) proxy: HaProxy,
    pub(crate) nodes: [Server; 2],
    /// The database's URL.
    pub(crate) database: String,
    pub(crate) zone: Zone,
    folder: TempDir,
}

impl Platform {
    /// On a database of its own on the shared server; none if PostgreSQL or HAProxy is not installed.
    pub(crate) fn new(database: &str) -> Option<Self> {
        let postgres = postgres::Server::shared()?;
        postgres.create_database(database);
        Self::on(postgres.url(database))
    }

    /// On this database.
    pub(crate) fn on(database: String) -> Option<Self> {
        let tool = Tool::find("haproxy")?;
        let (folder, zone) = (tempfile::tempdir().unwrap(), Zone::serve());
        let answers = folder.path().join("www/.well-known/acme-challenge");
        fs::create_dir_all(answers).unwrap();
        let http01 = (zone.address(), HTTP01_PORT).into();
        serve_files(http01, folder.path().join("www"));
        let nodes = [("one", PORTS[0]), ("two", PORTS[1])]
            .map(|(name, port)| start(folder.path(), name, port, &zone, &database));
        let bind = (zone.address(), GATEWAY_PORT).into();
        let proxy = HaProxy::start(&tool, folder.path(), bind, nodes.each_ref());
        Some(Self {
            proxy,
            nodes,
            database,
            zone,
            folder,
        })
    }

    /// Where clients find the directory: at the proxy.
    pub(crate) fn directory(&self) -> &str {
        self.nodes[0].directory()
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where answers to http-01 challenges go, whoever gives them.
    pub(crate) fn answers(&self) -> PathBuf {
        self.path("www/.well-known/acme-challenge")
    }

    /// A program that trusts the proxy, and keeps its files here.
    pub(crate) fn command(&self, tool: &Tool) -> Command {
        let mut command = tool.command();
        let folder = self.folder.path();
        command.current_dir(folder).env("HOME", folder);
        for variable in ["LEGO_CA_CERTIFICATES", "REQUESTS_CA_BUNDLE"] {
            command.env(variable, &self.proxy.root);
        }
        command
    }

    /// What the proxy, or who is behind it, answers to GET.
    pub(crate) fn ask_proxy(&self, path: &str) -> Response {
        let bind: SocketAddr = (self.zone.address(), GATEWAY_PORT).into();
        let base = format!("https://{bind}");
        call(&self.proxy.root, &base, &format!("GET {path}"), &[], "")
    }

    /// Waits until requests reach this node.
    pub(crate) fn takes_requests(&self, place: usize) {
        let before = requests(&self.nodes[place]);
        let started = Instant::now();
        while requests(&self.nodes[place]) == before {
            assert!(started.elapsed() < PATIENCE, "no request comes");
            self.ask_proxy("/rest/acme/directory");
        }
    }

    /// Waits until the proxy answers with this status.
    pub(crate) fn answers_with(&self, status: u16) -> Response {
        let started = Instant::now();
        loop {
            let answer = self.ask_proxy("/rest/acme/directory");
            if answer.status == status {
                return answer;
            }
            let seen = answer.status;
            assert!(started.elapsed() < PATIENCE, "{status} is not {seen}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn start(folder: &Path, name: &str, port: u16, zone: &Zone, database: &str) -> Server {
    let public = format!("https://{}:{GATEWAY_PORT}", zone.address());
    let key = folder.join("master.key").display().to_string();
    let node = Node {
        gateway_port: port,
        operator_port: port + 1,
        shared: vec![
            ("CERTLOCKER_DATABASE", database.to_owned()),
            ("CERTLOCKER_MASTER_KEY_FILE", key),
            ("CERTLOCKER_PUBLIC_URL", public),
        ],
        wrapper: Vec::new(),
    };
    let own = folder.join(name);
    fs::create_dir(&own).unwrap();
    Server::start_node(&own, zone, &Registration::Open, node)
}

/// How many requests of the protocol a node has answered.
pub(crate) fn requests(node: &Server) -> u64 {
    sum(&metrics(node), "certlocker_acme_requests_total")
}

/// How many nonces it has refused.
pub(crate) fn bad_nonces(node: &Server) -> u64 {
    let metrics = metrics(node);
    let refused = metrics.lines().filter(|line| line.contains("badNonce"));
    sum(&refused.collect::<Vec<_>>().join("\n"), "")
}

/// How many requests of each operation.
pub(crate) fn by_operation(node: &Server) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for line in metrics(node).lines() {
        let Some(labels) = line.strip_prefix("certlocker_acme_requests_total{") else {
            continue;
        };
        let operation = labels.split("operation=\"").nth(1).unwrap();
        let operation = operation.split('"').next().unwrap().to_owned();
        *counts.entry(operation).or_default() += value(line);
    }
    counts
}

fn metrics(node: &Server) -> String {
    call(node.ca_file(), node.operator_url(), "GET /metrics", &[], "").body
}

fn sum(metrics: &str, name: &str) -> u64 {
    let own = metrics
        .lines()
        .filter(|line| line.starts_with(name) && !line.starts_with('#'));
    own.map(value).sum()
}

fn value(line: &str) -> u64 {
    line.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
