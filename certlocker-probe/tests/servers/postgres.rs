//! PostgreSQL.

use std::net::SocketAddr;

use certlocker_probe::{Algorithm, Cause, Level, Possession, Protocol, Verdict};

use crate::authority::{Authority, Issued};
use crate::postgres_server::Server;
use crate::process::until;
use crate::scene::{NAME, Scene};

fn address(server: &Server) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], server.port()))
}

fn deploy(server: &Server, issued: &Issued) {
    server.provide("server.crt", &issued.chain_pem);
    server.provide("server.key", &issued.key_pem);
}

/// A server that has this certificate.
fn start(issued: &Issued) -> Option<Server> {
    let server = Server::start()?;
    deploy(&server, issued);
    let folder = server.folder().display().to_string();
    server.configure(&format!(
        "ssl = on\nssl_cert_file = '{folder}/server.crt'\nssl_key_file = '{folder}/server.key'"
    ));
    server.control(&["-m", "fast", "-w", "restart"]);
    Some(server)
}

fn scene(authority: &Authority, server: &Server, lineage: &[&Issued]) -> Scene {
    let mut scene = Scene::new(authority.judge(&[(NAME, &[lineage])]), address(server));
    scene.target.protocol = Protocol::Postgres;
    scene
}

#[test]
fn a_database_is_met_politely_and_complains_of_nothing() {
    let authority = Authority::new();
    let issued = authority.issue(Algorithm::Ecdsa, NAME);
    let Some(server) = start(&issued) else { return };
    let report = scene(&authority, &server, &[&issued]).reports().remove(0);
    assert_eq!(
        (report.verdict, report.level),
        (Verdict::Expected, Level::Fine)
    );
    assert_eq!(report.captured.unwrap().possession, Possession::Proven);
    let log = server.log();
    for complaint in [
        "SSL",
        "could not",
        "incomplete",
        "unexpected",
        "FATAL",
        "ERROR",
    ] {
        assert!(!log.contains(complaint), "{log}");
    }
}

#[test]
fn a_key_that_others_may_read_keeps_a_database_at_its_old_certificate() {
    let authority = Authority::new();
    let [old, new] = [(); 2].map(|()| authority.issue(Algorithm::Ecdsa, NAME));
    let Some(server) = start(&old) else { return };
    let mut scene = scene(&authority, &server, &[&old, &new]);
    deploy(&server, &new);
    let key = server.folder().join("server.key");
    let readable = |mode| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    readable(0o644);
    server.control(&["reload"]);
    until("the server has tried", || {
        server.log().contains("SSL configuration was not reloaded")
    });
    scene.deployed(&new);
    let verdict = scene.reports().remove(0).verdict;
    assert!(
        matches!(
            verdict,
            Verdict::Previous {
                cause: Cause::NotReloaded,
                ..
            }
        ),
        "{verdict:?}"
    );
    readable(0o600);
    server.control(&["reload"]);
    until("the new certificate is served", || {
        scene.verdict() == "expected"
    });
}
