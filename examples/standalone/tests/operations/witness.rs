//! The log as others see it: its files on a listener for anybody, cosigned by a witness.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use certlocker_audit::note::{Note, SigningKey};
use certlocker_audit::policy::Policy;
use certlocker_core::{Secret, Timestamp};

use crate::harness::https::{Response, call};
use crate::harness::scene::Scene;
use crate::harness::server::Registration;
use crate::harness::tool::succeed;

const PATIENCE: Duration = Duration::from_secs(60);

/// Cosigns whatever it is asked to; the key that it does it with, and where it is.
fn witness() -> (String, SocketAddr) {
    let name = "witness.example".parse().unwrap();
    let key = SigningKey::witness(name, &Secret::new(vec![9; 32])).unwrap();
    let verifier = key.verifier().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            for line in stream.by_ref().lines().map_while(Result::ok) {
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let (_, note) = body.split_once("\n\n").unwrap();
            let note = Note::parse(note.as_bytes()).unwrap();
            let line = format!(
                "{}\n",
                key.cosign(note.text(), Timestamp::from_seconds(1_700_000_000))
            );
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                line.len()
            );
            let _ = stream
                .get_mut()
                .write_all(format!("{head}{line}").as_bytes());
        }
    });
    (verifier, address)
}

#[test]
fn the_log_is_cosigned_by_the_policy_s_witness_and_read_by_anybody() {
    let mut scene = Scene::new(&Registration::Bound);
    let (verifier, address) = witness();
    let log = fs::read_to_string(scene.server.data().join("audit.vkey")).unwrap();
    let policy = scene.path("policy");
    let text = format!(
        "log {}\nwitness w {verifier} http://{address}\nquorum w\n",
        log.trim()
    );
    fs::write(&policy, &text).unwrap();
    let listen = format!("{}:20445", scene.zone.address());
    scene
        .server
        .same_again()
        .args(["--audit-listen", &listen, "--audit-policy"])
        .arg(&policy);
    scene.server.crash_and_restart();
    let base = format!("https://{listen}");
    let get = |path: &str| -> Response {
        call(
            scene.server.ca_file(),
            &base,
            &format!("GET {path}"),
            &[],
            "",
        )
    };
    let (policy_read, started): (Policy, _) = (text.parse().unwrap(), Instant::now());
    let note = loop {
        let note = Note::parse(get("/checkpoint").body.as_bytes()).unwrap();
        if policy_read.verify(&note).is_ok() {
            break note;
        }
        assert!(started.elapsed() < PATIENCE, "{note}");
        thread::sleep(Duration::from_millis(50));
    };
    let size = note.text().lines().nth(1).unwrap();
    assert_eq!(get(&format!("/tile/entries/000.p/{size}")).status, 200);
    for absent in [
        "/tile/0/999",
        "/checkpoint.witnessed",
        "/../audit.vkey",
        "/rest/acme/clients",
        "/",
    ] {
        assert_eq!(get(absent).status, 404, "{absent}");
    }
    let policy = policy.display();
    let (url, server) = (scene.server.operator_url(), &scene.server);
    for words in [
        format!("audit verify --policy {policy}"),
        format!("audit verify --policy {policy} --server {url}"),
    ] {
        succeed(&mut server.certlocker(&words));
    }
}
