//! nginx.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use certlocker_probe::{
    Algorithm, Cause, ClientCertificate, Level, Possession, Reach, TlsVersion, Verdict,
};
use tempfile::TempDir;

use crate::authority::{Authority, Issued};
use crate::process::{Process, free_address, program, until, wait_for};
use crate::scene::{NAME, Scene};

struct Nginx {
    address: SocketAddr,
    folder: TempDir,
    process: Option<Process>,
    program: PathBuf,
}

impl Nginx {
    /// Not started yet; `None` if there is no nginx, and there need not be.
    fn new() -> Option<Self> {
        let (folder, program) = (TempDir::new().unwrap(), program("nginx")?);
        Some(Self {
            address: free_address(),
            folder,
            process: None,
            program,
        })
    }

    /// Puts a certificate with its key where the server reads them.
    fn deploy(&self, issued: &Issued) {
        self.deploy_as(issued, &issued.chain_pem);
    }

    fn deploy_as(&self, issued: &Issued, chain_pem: &str) {
        let name = format!("{:?}", issued.algorithm).to_lowercase();
        self.write(&format!("{name}.crt"), chain_pem);
        self.write(&format!("{name}.key"), &issued.key_pem);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Starts with the certificates of these kinds and these settings.
    fn start(&mut self, algorithms: &[Algorithm], settings: &str) {
        let certificates: String = algorithms
            .iter()
            .map(|algorithm| format!("{algorithm:?}").to_lowercase())
            .map(|name| format!("ssl_certificate {name}.crt; ssl_certificate_key {name}.key;"))
            .collect();
        let (folder, address) = (self.folder.path().display().to_string(), self.address);
        let configuration = format!(
            "daemon off; user root; worker_processes 1; pid nginx.pid; error_log error.log;
            events {{ worker_connections 512; }}
            http {{
                access_log off;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                server {{ listen {address} ssl reuseport; server_name {NAME}; {certificates} {settings} }}
            }}"
        );
        self.write("nginx.conf", &configuration);
        self.process = Some(self.run("nginx.conf"));
        wait_for(self.address);
    }

    fn run(&self, configuration: &str) -> Process {
        let mut command = Command::new(&self.program);
        Process::start(command.arg("-p").arg(self.folder.path()).args([
            "-c",
            configuration,
            "-e",
            "error.log",
        ]))
    }

    fn reload(&self) {
        self.process.as_ref().unwrap().signal("-HUP");
    }
}

#[test]
fn a_server_with_both_kinds_of_certificate_is_fine_in_all_places() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [ec, rsa] =
        [Algorithm::Ecdsa, Algorithm::Rsa].map(|algorithm| authority.issue(algorithm, NAME));
    [&ec, &rsa]
        .into_iter()
        .for_each(|issued| nginx.deploy(issued));
    for versions in ["TLSv1.3", "TLSv1.2"] {
        nginx.process = None;
        nginx.start(
            &[Algorithm::Ecdsa, Algorithm::Rsa],
            &format!("ssl_protocols {versions};"),
        );
        let mut scene = Scene::new(
            authority.judge(&[(NAME, &[&[&ec], &[&rsa]])]),
            nginx.address,
        );
        scene.target.without_name = true;
        let reports = scene.reports();
        assert_eq!(reports.len(), 4);
        for report in reports {
            assert_eq!(
                (&report.verdict, report.level),
                (&Verdict::Expected, Level::Fine),
                "{versions} {report:?}"
            );
            // Nothing more than the cheap look was needed.
            assert_eq!(report.captured.unwrap().possession, Possession::NotAsked);
        }
    }
}

#[test]
fn a_certificate_that_is_swapped_is_served_only_after_a_reload() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [old, new] = [(); 2].map(|()| authority.issue(Algorithm::Ecdsa, NAME));
    nginx.deploy(&old);
    nginx.start(&[Algorithm::Ecdsa], "");
    let mut scene = Scene::new(authority.judge(&[(NAME, &[&[&old, &new]])]), nginx.address);
    scene.deployed(&old);
    let cause = |scene: &Scene| match &scene.reports()[0].verdict {
        Verdict::Previous { cause, .. } => Some(*cause),
        _ => None,
    };
    assert_eq!(cause(&scene), Some(Cause::NotDeployed));
    nginx.deploy(&new);
    scene.deployed(&new);
    assert_eq!(cause(&scene), Some(Cause::NotReloaded));
    nginx.reload();
    until("the new certificate is served", || {
        scene.verdict() == "expected"
    });
}

#[test]
fn the_stale_one_of_two_certificates_is_named_by_its_kind() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [old_rsa, new_rsa] = [(); 2].map(|()| authority.issue(Algorithm::Rsa, NAME));
    let new_ec = authority.issue(Algorithm::Ecdsa, NAME);
    [&old_rsa, &new_ec]
        .into_iter()
        .for_each(|issued| nginx.deploy(issued));
    nginx.start(
        &[Algorithm::Ecdsa, Algorithm::Rsa],
        "ssl_protocols TLSv1.3;",
    );
    let judge = authority.judge(&[(NAME, &[&[&new_ec], &[&old_rsa, &new_rsa]])]);
    let verdicts = Scene::new(judge, nginx.address).verdicts();
    assert_eq!(
        verdicts,
        [
            (Some(Algorithm::Ecdsa), "expected"),
            (Some(Algorithm::Rsa), "previous")
        ]
    );
}

#[test]
fn two_servers_on_one_port_are_found_by_a_sample() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [old, new] = [(); 2].map(|()| authority.issue(Algorithm::Ecdsa, NAME));
    nginx.deploy(&old);
    nginx.start(&[Algorithm::Ecdsa], "");
    let scene = Scene::new(authority.judge(&[(NAME, &[&[&old, &new]])]), nginx.address);
    let alone = scene.sample();
    assert!(
        !alone.is_mixed() && alone.excludes_one_of == Some(8),
        "{alone}"
    );
    nginx.deploy(&new);
    let second = fs::read_to_string(nginx.folder.path().join("nginx.conf")).unwrap();
    nginx.write("second.conf", &second.replace("nginx.pid", "second.pid"));
    let _second = nginx.run("second.conf");
    until("both are seen", || scene.sample().is_mixed());
}

#[test]
fn a_certificate_with_the_key_of_another_kind_leaves_nothing_to_be_served() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [ec, rsa] =
        [Algorithm::Ecdsa, Algorithm::Rsa].map(|algorithm| authority.issue(algorithm, NAME));
    nginx.deploy(&Issued {
        key_pem: rsa.key_pem,
        ..ec.clone()
    });
    nginx.start(&[Algorithm::Ecdsa], "");
    let scene = Scene::new(authority.judge(&[(NAME, &[&[&ec]])]), nginx.address);
    let verdict = scene.reports().remove(0).verdict;
    let why = "the server refused with the alert handshake_failure (40)".to_owned();
    assert_eq!(verdict, Verdict::NoCertificate { why });
}

#[test]
fn an_intermediate_that_is_left_out_is_named() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let issued = authority.issue(Algorithm::Ecdsa, NAME);
    nginx.deploy_as(&issued, &issued.leaf_pem);
    nginx.start(&[Algorithm::Ecdsa], "");
    let scene = Scene::new(authority.judge(&[(NAME, &[&[&issued]])]), nginx.address);
    let report = scene.reports().remove(0);
    assert_eq!(
        (report.verdict, report.level),
        (Verdict::Expected, Level::Failure)
    );
    let missing = Reach::Missing {
        known: true,
        subject: "CN=intermediate".to_owned(),
    };
    assert_eq!(report.judgement.unwrap().chain.reach, missing);
}

#[test]
fn the_certificate_of_another_site_is_named_by_its_item() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [own, other] = [NAME, "b.example"].map(|name| authority.issue(Algorithm::Ecdsa, name));
    nginx.deploy(&other);
    nginx.start(&[Algorithm::Ecdsa], "");
    let judge = authority.judge(&[(NAME, &[&[&own]]), ("b.example", &[&[&other]])]);
    let report = Scene::new(judge, nginx.address).reports().remove(0);
    assert_eq!(
        report.verdict,
        Verdict::OtherItem {
            item: "b.example".to_owned()
        }
    );
    assert_eq!(report.captured.unwrap().possession, Possession::Proven);
}

#[test]
fn a_server_that_speaks_nothing_newer_than_tls_1_0_is_seen() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let [old, new] = [(); 2].map(|()| authority.issue(Algorithm::Rsa, NAME));
    nginx.deploy(&old);
    nginx.start(
        &[Algorithm::Rsa],
        "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;",
    );
    let scene = Scene::new(authority.judge(&[(NAME, &[&[&old, &new]])]), nginx.address);
    let report = scene.reports().remove(0);
    assert_eq!(report.verdict.name(), "previous");
    let captured = report.captured.unwrap();
    assert_eq!(
        (captured.version, captured.possession),
        (TlsVersion::TLS_1_0, Possession::NotAsked)
    );
}

#[test]
fn a_server_without_the_cheap_curve_is_seen_in_full() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let issued = authority.issue(Algorithm::Rsa, NAME);
    nginx.deploy(&issued);
    nginx.start(
        &[Algorithm::Rsa],
        "ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;",
    );
    let scene = Scene::new(authority.judge(&[(NAME, &[&[&issued]])]), nginx.address);
    let report = scene.reports().remove(0);
    assert_eq!(
        (report.verdict, report.level),
        (Verdict::Expected, Level::Fine)
    );
    assert_eq!(report.captured.unwrap().possession, Possession::Proven);
}

#[test]
fn a_server_that_asks_for_certificates_is_seen_and_told() {
    let Some(mut nginx) = Nginx::new() else {
        return;
    };
    let authority = Authority::new();
    let issued = authority.issue(Algorithm::Ecdsa, NAME);
    nginx.deploy(&issued);
    nginx.start(
        &[Algorithm::Ecdsa],
        "ssl_verify_client optional_no_ca; ssl_protocols TLSv1.3;",
    );
    let scene = Scene::new(authority.judge(&[(NAME, &[&[&issued]])]), nginx.address);
    let report = scene.reports().remove(0);
    assert_eq!(report.verdict, Verdict::Expected);
    assert_eq!(
        report.captured.unwrap().client_certificate,
        ClientCertificate::Asked
    );
}
