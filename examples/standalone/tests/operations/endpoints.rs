//! Endpoints that the server looks at by itself, until what was issued is served.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use instant_acme::Account;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tempfile::TempDir;

use crate::crash::PATIENCE;
use crate::harness::acme;
use crate::harness::scene::Scene;
use crate::harness::server::{Node, Registration, Server};
use crate::harness::tool::{Tool, succeed};
use crate::postgres;

/// nginx with one certificate.
struct Nginx {
    address: SocketAddr,
    folder: TempDir,
    process: Option<Child>,
    tool: Tool,
}

impl Nginx {
    /// None if it is not installed, and need not be.
    fn new() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Some(Self {
            address: free.local_addr().unwrap(),
            folder: TempDir::new().unwrap(),
            process: None,
            tool: Tool::find("nginx")?,
        })
    }

    fn deploy(&self, (key, chain): &(String, String)) {
        fs::write(self.folder.path().join("key"), key).unwrap();
        fs::write(self.folder.path().join("chain"), chain).unwrap();
    }

    fn start(&mut self) {
        let (folder, address) = (self.folder.path().display(), self.address);
        let configuration = format!(
            "daemon off; user root; worker_processes 1; pid nginx.pid; error_log error.log;
            events {{ worker_connections 64; }}
            http {{
                access_log off;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                server {{ listen {address} ssl; ssl_certificate chain; ssl_certificate_key key; }}
            }}"
        );
        fs::write(self.folder.path().join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new(self.tool.path());
        command.arg("-p").arg(self.folder.path());
        command.args(["-c", "nginx.conf", "-e", "error.log"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        succeed(Command::new("kill").args([signal, &pid]));
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = Command::new("kill")
                .args(["-TERM", &process.id().to_string()])
                .status();
            let _ = process.wait();
        }
    }
}

fn json(server: &Server, words: &str) -> Value {
    serde_json::from_str(&succeed(&mut server.certlocker(&format!("{words} --json")))).unwrap()
}

/// Asks for an endpoint again and again until it is as wanted.
fn until(server: &Server, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE * 2;
    loop {
        let shown = json(server, &format!("endpoint show {id}"));
        if wanted(&shown) {
            return shown;
        }
        assert!(Instant::now() < end, "{shown:#}\n{}", server.log());
    }
}

fn verdict(endpoint: &Value) -> &str {
    endpoint["places"][0]["verdict"].as_str().unwrap_or("none")
}

/// An order's id, and the key and chain that it led to.
async fn issue(answers: &Path, account: &Account) -> (String, (String, String)) {
    let mut order = acme::order(account, &["a.example"]).await.unwrap();
    acme::answer(&mut order, answers).await;
    let pair = acme::finish(&mut order).await;
    (acme::id(&order), pair)
}

fn leaf_sha256(chain: &str) -> String {
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// How often something was recorded about an endpoint.
fn recorded(server: &Server, id: &str, name: &str) -> usize {
    let records = json(
        server,
        &format!("audit list --about endpoint:{id} --limit 500"),
    );
    let records = records.as_array().cloned().unwrap_or_default();
    records
        .iter()
        .filter(|record| record["name"] == name)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_is_done_when_the_server_that_was_told_to_reload_serves_it() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let scene = Scene::new(&Registration::Bound);
    let server = &scene.server;
    let account = acme::register(&scene, server.create_client("web")).await;
    let answers = scene.web_root();
    let (first_order, first) = issue(&answers, &account).await;
    nginx.deploy(&first);
    nginx.start();
    let place = format!(
        "a.example:{} --connect-to {}",
        nginx.address.port(),
        nginx.address
    );
    let added = json(server, &format!("endpoint add {place} --interval 1"));
    let id = added["id"].as_str().unwrap().to_owned();
    until(server, &id, |endpoint| endpoint["agrees"] == true);
    until_served(server, &first_order);

    let (order, renewed) = issue(&answers, &account).await;
    nginx.deploy(&renewed);
    let stale = until(server, &id, |endpoint| verdict(endpoint) == "previous");
    assert_eq!(stale["waiting_for"], "client");
    let told = json(server, &format!("order explain {order}"));
    assert_eq!(
        (&told["stage"], &told["waiting_for"]),
        (&"served".into(), &"client".into())
    );
    let sentence = told["verdict"].as_str().unwrap();
    assert!(sentence.contains("0 of 1 endpoints serve it"), "{sentence}");

    let disk = leaf_sha256(&renewed.1);
    json(
        server,
        &format!("endpoint add {place} --interval 1 --disk {disk}"),
    );
    let explained = until(server, &id, |endpoint| {
        let sentence = endpoint["explanation"].as_str().unwrap_or_default();
        sentence.contains("cause: not reloaded")
    });
    let sentence = explained["explanation"].as_str().unwrap();
    assert!(sentence.contains("should have gone at"), "{sentence}");
    let name = format!("a.example:{}", nginx.address.port());
    let explain = server.certlocker(&format!("probe explain {name}")).status();
    assert_eq!(explain.unwrap().code(), Some(1));
    let late = format!("probe watch {name} --until-converged --timeout 1");
    assert_eq!(server.certlocker(&late).status().unwrap().code(), Some(1));

    let watch = format!("probe watch {name} --until-converged --timeout 60 --json");
    let mut watch = server.certlocker(&watch);
    let watch = watch.stdout(Stdio::piped()).spawn().unwrap();
    nginx.signal("-HUP");
    let watched = watch.wait_with_output().unwrap();
    assert_eq!(watched.status.code(), Some(0));
    let lines = String::from_utf8(watched.stdout).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(verdict(&last), "expected");
    assert!(last["rotation"]["last_old_at"].is_string(), "{last:#}");
    until_served(server, &order);
    assert_eq!(recorded(server, &id, "endpoint.converged"), 2);
    let runs = succeed(&mut server.certlocker("probe run --json"));
    assert_eq!(runs.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_certificates_is_a_plan_before_it_is_there_and_the_server_takes_it() {
    let scene = Scene::new(&Registration::Bound);
    let server = &scene.server;
    let account = acme::register(&scene, server.create_client("web")).await;
    issue(&scene.web_root(), &account).await;
    let remote = format!("--server {}", server.operator_url());
    let derive = format!("endpoint derive {remote}");
    let plan = json(server, &derive);
    assert_eq!(plan["lines"][0]["place"], "tls://a.example:443");
    assert_eq!(
        json(server, &format!("endpoint list {remote}")),
        Value::Array(Vec::new())
    );
    let other = format!("endpoint derive --apply {}", "0".repeat(64));
    assert_eq!(server.certlocker(&other).status().unwrap().code(), Some(1));
    let fingerprint = plan["fingerprint"].as_str().unwrap();
    json(server, &format!("{derive} --apply {fingerprint}"));
    assert_eq!(json(server, &derive)["lines"], Value::Array(Vec::new()));
    let listed = json(server, &format!("endpoint list {remote}"));
    let id = listed[0]["id"].as_str().unwrap();
    // No resolver of this machine knows the name.
    let run = server
        .certlocker(&format!("probe run {remote} --json"))
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    let seen: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&seen["id"], verdict(&seen)), (&id.into(), "unreachable"));
    json(server, &format!("endpoint remove a.example:443 {remote}"));
    let gone = server.certlocker(&format!("endpoint show {id}")).status();
    assert_eq!(gone.unwrap().code(), Some(1));
    let unnamed = server.certlocker("endpoint add b.example").status();
    assert_eq!(unnamed.unwrap().code(), Some(2));
}

fn until_served(server: &Server, order: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let told = json(server, &format!("order explain {order}"));
        let rail = told["rail"].as_array().cloned().unwrap_or_default();
        if rail
            .iter()
            .any(|step| step["stage"] == "served" && step["status"] == "done")
        {
            return;
        }
        assert!(Instant::now() < end, "{told:#}\n{}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_was_looking_at_when_it_was_killed_is_taken_over_by_another() {
    let Some(database) = postgres::Server::shared() else {
        return;
    };
    database.create_database("endpoint_nodes");
    let url = database.url("endpoint_nodes");
    let start = |folder: &Path, zone: &_, name: &str, gateway_port: u16| {
        let key = folder.join("master.key").display().to_string();
        let node = Node {
            gateway_port,
            operator_port: gateway_port + 1,
            shared: vec![
                ("CERTLOCKER_DATABASE", url.clone()),
                ("CERTLOCKER_MASTER_KEY_FILE", key),
            ],
            wrapper: Vec::new(),
        };
        let own = folder.join(name);
        fs::create_dir(&own).unwrap();
        Server::start_node(&own, zone, &Registration::Bound, node)
    };
    let mut scene = Scene::starting(|folder, zone| start(folder, zone, "one", 20_653));
    let account = acme::register(&scene, scene.server.create_client("web")).await;
    let answers = scene.web_root();
    issue(&answers, &account).await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let added = json(
        &scene.server,
        &format!(
            "endpoint add a.example:{} --connect-to {address}",
            address.port()
        ),
    );
    let id = added["id"].as_str().unwrap().to_owned();
    // Somebody is there, who waits for an answer.
    let (_held, _) = silent.accept().unwrap();
    scene.server.crash();
    let other = start(&scene.path(""), &scene.zone, "other", 20_663);
    let seen = json(&other, &format!("endpoint show {id}"));
    assert_eq!(seen["places"], Value::Array(Vec::new()));
    drop(silent);
    let seen = until(&other, &id, |endpoint| verdict(endpoint) != "none");
    assert_eq!(seen["level"], "failure");
    assert_eq!(recorded(&other, &id, "endpoint.mismatch"), 1);
}
