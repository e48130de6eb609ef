//! What endpoints serve, against what the database says that they should.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::harness::acme;
use crate::harness::scene::Scene;
use crate::harness::server::Registration;

/// A server of rustls with this key and chain, at the port that is given back.
fn serve(key: &str, chain: &str) -> u16 {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = Arc::new(
        builder
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    port
}

async fn issue(scene: &Scene, name: &str) -> (String, String) {
    let client = scene.server.create_client(&name.replace('.', "-"));
    let account = acme::register(scene, client).await;
    let mut order = acme::order(&account, &[name]).await.unwrap();
    acme::answer(&mut order, &scene.web_root()).await;
    acme::finish(&mut order).await
}

/// The lines that a probe prints, and its exit code.
fn probe(command: &mut Command) -> (Vec<Value>, Option<i32>) {
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (lines.collect(), output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_is_expected_where_it_is_served_and_nowhere_else() {
    let scene = Scene::new(&Registration::Bound);
    let (key, chain) = issue(&scene, "a.example").await;
    let (wrong_key, wrong_chain) = rcgen_pair("a.example");
    let (right, wrong) = (serve(&key, &chain), serve(&wrong_key, &wrong_chain));
    let look = |words: String| {
        let mut command = scene
            .server
            .certlocker(&format!("probe run --json {words}"));
        probe(&mut command)
    };
    let (lines, code) = look(format!("a.example:{right} --connect-to 127.0.0.1:{right}"));
    assert_eq!((lines.len(), code), (1, Some(0)), "{lines:?}");
    assert_eq!(
        (&lines[0]["verdict"], &lines[0]["level"]),
        (&Value::from("expected"), &Value::from("fine"))
    );
    assert_eq!(lines[0]["judgement"]["trust"]["inventory"]["is"], "trusted");
    assert_eq!(lines[0]["judgement"]["trust"]["mozilla"]["is"], "refused");

    let (lines, code) = look(format!("a.example:{wrong} --connect-to 127.0.0.1:{wrong}"));
    assert_eq!(
        (&lines[0]["verdict"], code),
        (&Value::from("unknown"), Some(1))
    );
    assert_eq!(lines[0]["captured"]["possession"], "proven");

    let (lines, code) = look(format!(
        "--connect-to 127.0.0.1:{right} --connect-to 127.0.0.1:{wrong}"
    ));
    let verdicts: Vec<&Value> = lines.iter().map(|line| &line["verdict"]).collect();
    assert_eq!(
        (verdicts, code),
        (
            vec![&Value::from("expected"), &Value::from("unknown")],
            Some(1)
        )
    );

    let (lines, code) = look(format!(
        "a.example:{right} --connect-to 127.0.0.1:{right} --sample"
    ));
    assert_eq!(
        (&lines[1]["mixed"], &lines[1]["sample"]["excludes_one_of"]),
        (&Value::from(false), &Value::from(8))
    );
    assert_eq!(code, Some(0));
}

fn rcgen_pair(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.signing_key.serialize_pem(), made.cert.pem())
}

#[test]
fn a_target_that_does_not_read_is_misuse_and_one_that_is_away_is_no() {
    let scene = Scene::new(&Registration::Bound);
    let away = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (words, code) in [
        ("gopher://a.example".to_owned(), 2),
        ("a_b.example".to_owned(), 2),
        (format!("{away}"), 1),
        (
            format!("--server {} a.example", scene.server.operator_url()),
            2,
        ),
    ] {
        let ended = scene
            .server
            .certlocker(&format!("probe run {words}"))
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(code), "{words}");
    }
}
