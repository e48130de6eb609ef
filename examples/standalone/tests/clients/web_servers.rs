//! Web servers that are ACME clients themselves: Caddy, and Apache with mod_md.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::{Tool, succeed};

const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn caddy_serves_what_it_ordered_with_an_external_account() {
    let (Some(caddy), Some(openssl)) = (Tool::find("caddy"), Tool::find("openssl")) else {
        return;
    };
    let scene = Scene::new(&Registration::Bound);
    let client = scene.server.create_client("caddy");
    let config = scene.path("Caddyfile");
    let text = format!(
        "{{
            admin off
            default_bind {address}
            http_port {http}
            https_port {https}
            storage file_system {storage}
            acme_ca {directory}
            acme_ca_root {root}
            acme_eab {{
                key_id {kid}
                mac_key {mac}
            }}
        }}
        caddy.example {{
            respond here
        }}
        ",
        address = scene.zone.address(),
        http = scene.http01().port(),
        https = scene.tls_alpn01().port(),
        storage = scene.path("caddy").display(),
        directory = scene.server.directory(),
        root = scene.server.ca_file().display(),
        kid = client.kid,
        mac = client.hmac_key,
    );
    fs::write(&config, text).unwrap();
    let mut command = scene.command(&caddy);
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    let _caddy = Daemon::start(command.arg(config), scene.path("caddy.log"));
    wait_until_served(&scene, &openssl, "caddy.example");
}

#[test]
fn apache_serves_the_certificates_that_mod_md_ordered_with_an_external_account() {
    let (Some(apache), Some(openssl)) = (Tool::find("apache2"), Tool::find("openssl")) else {
        return;
    };
    let scene = Scene::new(&Registration::Bound);
    let client = scene.server.create_client("apache");
    let config = scene.path("apache.conf");
    let text = format!(
        "ServerRoot {folder}
        DefaultRuntimeDir {folder}
        PidFile {folder}/apache.pid
        ErrorLog /dev/stderr
        LoadModule mpm_event_module {modules}/mod_mpm_event.so
        LoadModule authz_core_module {modules}/mod_authz_core.so
        LoadModule ssl_module {modules}/mod_ssl.so
        LoadModule md_module {modules}/mod_md.so
        Listen {http}
        Listen {https}
        MDStoreDir {folder}/md
        MDPortMap http:{http_port} https:{https_port}
        MDCertificateAuthority {directory}
        MDCACertificateFile {root}
        MDCertificateAgreement accepted
        MDContactEmail ops@apache.example
        MDExternalAccountBinding {kid} {mac}
        MDPrivateKeys P-256 RSA
        MDomain apache.example www.apache.example
        ServerName apache.example
        <VirtualHost *:{https_port}>
            ServerName apache.example
            ServerAlias www.apache.example
            SSLEngine on
        </VirtualHost>
        ",
        folder = scene.path("").display(),
        modules = "/usr/lib/apache2/modules",
        http = scene.http01(),
        https = scene.tls_alpn01(),
        http_port = scene.http01().port(),
        https_port = scene.tls_alpn01().port(),
        directory = scene.server.directory(),
        root = scene.server.ca_file().display(),
        kid = client.kid,
        mac = client.hmac_key,
    );
    fs::write(&config, text).unwrap();
    let mut command = scene.command(&apache);
    command.args(["-D", "FOREGROUND", "-f"]).arg(&config);
    let _apache = Daemon::start(&mut command, scene.path("apache.log"));

    let job = scene.path("md/staging/apache.example/job.json");
    wait_until("mod_md has both certificates", || {
        fs::read_to_string(&job).is_ok_and(|job| job.contains("\"finished\": true"))
    });
    succeed(
        scene
            .command(&apache)
            .args(["-k", "graceful", "-f"])
            .arg(&config),
    );
    for algorithm in ["ECDSA+SHA256", "RSA-PSS+SHA256"] {
        wait_until(&format!("a {algorithm} certificate is served"), || {
            handshake(&scene, &openssl, "www.apache.example")
                .args(["-sigalgs", algorithm])
                .output()
                .unwrap()
                .status
                .success()
        });
    }
}

/// A server that is asked to end with its test, and shows what it said when the test fails.
struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    fn start(command: &mut Command, log: PathBuf) -> Self {
        let output = File::create(&log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap());
        let child = command.stderr(output).spawn().unwrap();
        Self { child, log }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

fn wait_until_served(scene: &Scene, openssl: &Tool, name: &str) {
    wait_until(&format!("{name} is served"), || {
        let shown = handshake(scene, openssl, name).output().unwrap();
        shown.status.success()
    });
}

/// Succeeds if what is served for `name` chains to the server's root.
fn handshake(scene: &Scene, openssl: &Tool, name: &str) -> Command {
    let mut command = scene.command(openssl);
    command.stdin(Stdio::null()).args([
        "s_client",
        "-verify_return_error",
        "-verify_hostname",
        name,
        "-servername",
        name,
    ]);
    command.arg("-connect").arg(scene.tls_alpn01().to_string());
    command.arg("-CAfile").arg(scene.server.ca_file());
    command
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::yield_now();
    }
}
