//! The record of what happened: asked, explained, proven, and checked after somebody was at it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use instant_acme::RetryPolicy;
use serde_json::Value;

use crate::harness::acme;
use crate::harness::https::call;
use crate::harness::scene::Scene;
use crate::harness::server::{Registration, Server};
use crate::harness::tool::{fail, succeed};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a client and a certificate, and the id of the certificate.
async fn scene() -> (Scene, String) {
    let scene = Scene::new(&Registration::Bound);
    let account = acme::register(&scene, scene.server.create_client("web")).await;
    let mut order = acme::order(&account, &["a.example"]).await.unwrap();
    acme::answer(&mut order, &scene.web_root()).await;
    order.poll_ready(&RetryPolicy::default()).await.unwrap();
    acme::finish(&mut order).await;
    let certificates = json(&mut scene.server.certlocker("certificate list --json"));
    let id = certificates[0]["id"].as_str().unwrap().to_owned();
    (scene, id)
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

fn records(server: &Server) -> u64 {
    let newest = json(&mut server.certlocker("audit list --limit 1 --json"));
    newest[0]["sequence"].as_u64().unwrap()
}

/// Until the log has every record; gives its checkpoint.
fn written(server: &Server) -> String {
    let (last, started) = (records(server), Instant::now());
    loop {
        let note = succeed(&mut server.certlocker("audit checkpoint"));
        let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
        if size >= last {
            return note;
        }
        assert!(started.elapsed() < PATIENCE, "{size} of {last} records");
        thread::sleep(Duration::from_millis(20));
    }
}

fn verify(server: &Server, words: &str) -> (Option<i32>, Value) {
    let words = format!("audit verify --json {words}");
    let output = server.certlocker(words.trim()).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report)
}

#[tokio::test]
async fn a_certificate_is_explained_back_to_the_command_that_made_its_client() {
    let (scene, certificate) = scene().await;
    let why = json(
        &mut scene
            .server
            .certlocker(&format!("audit why certificate {certificate} --json")),
    );
    let codes: Vec<_> = why["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["CLA070I", "CLA050I", "CLA020I", "CLA010I", "CLA100I"]
    );
    assert!(
        why["root"]
            .as_str()
            .unwrap()
            .contains("typed on the machine"),
        "{why}"
    );
    let said = succeed(
        &mut scene
            .server
            .certlocker(&format!("audit why certificate {certificate}")),
    );
    assert!(said.contains("because Record"), "{said}");
    let renewal = json(
        &mut scene
            .server
            .certlocker(&format!("audit renewal certificate {certificate} --json")),
    );
    assert_eq!(renewal["certificate"].as_str(), Some(certificate.as_str()));
    assert_eq!(renewal["root"], why["root"]);
    let records = renewal["records"].as_array().unwrap();
    assert_eq!(records.first().unwrap()["code"], "CLA020I");
    let order = renewal["order"].as_str().unwrap();
    let words = format!(
        "audit renewal order {order} --server {}",
        scene.server.operator_url()
    );
    let said = succeed(&mut scene.server.certlocker(&words));
    assert!(said.contains("the first for its names"), "{said}");
}

#[tokio::test]
async fn entries_are_removed_as_a_written_policy_allows_and_as_it_was_shown() {
    let (scene, _) = scene().await;
    let server = &scene.server;
    written(server);
    let prune = |policy: Option<&str>, words: &str| {
        let mut command = server.certlocker(&format!("audit prune --json {words}"));
        command.envs(policy.map(|span| ("CERTLOCKER_AUDIT_RETENTION", span)));
        command.output().unwrap()
    };
    let long_ago = "--before 2020-01-01T00:00:00Z";
    let refused = prune(None, long_ago);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("without a written policy"), "{said}");
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        prune(Some("1d"), "--before 2999-01-01T00:00:00Z")
            .status
            .code(),
        Some(1)
    );
    let plan: Value = serde_json::from_slice(&prune(Some("1d"), long_ago).stdout).unwrap();
    assert_eq!(
        (&plan["minimum"], &plan["applied"]),
        (&0.into(), &false.into())
    );
    let before = records(server);
    assert_eq!(
        prune(Some("1d"), &format!("{long_ago} --apply 256"))
            .status
            .code(),
        Some(1)
    );
    assert_eq!(records(server), before);
    assert!(
        prune(Some("1d"), &format!("{long_ago} --apply 0"))
            .status
            .success()
    );
    let recorded = json(&mut server.certlocker("audit list --action log.pruned --json"));
    assert_eq!(recorded[0]["sequence"].as_u64(), Some(before + 1));
    assert_eq!(verify(server, "").0, Some(0));
}

#[tokio::test]
async fn records_are_listed_by_what_is_asked_for_page_by_page() {
    let (scene, certificate) = scene().await;
    let list = |words: &str| {
        let found = json(
            &mut scene
                .server
                .certlocker(&format!("audit list --json {words}")),
        );
        let found = found.as_array().unwrap().iter();
        found
            .map(|one| {
                (
                    one["sequence"].as_u64().unwrap(),
                    one["name"].as_str().unwrap().to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let stored = list("--action certificate.stored");
    assert_eq!(stored.len(), 1);
    assert_eq!(
        list(&format!(
            "--about certificate:{certificate} --action CLA070I"
        )),
        stored
    );
    assert!(
        list("--actor server:validator")
            .iter()
            .all(|(_, name)| name.starts_with("challenge") || name.starts_with("order"))
    );
    assert!(list("--since 2999-01-01T00:00:00Z").is_empty());
    let all = list("--limit 1000");
    let first = list("--limit 3");
    let second = list(&format!("--limit 3 --cursor {}", first[2].0));
    assert_eq!([first, second].concat(), all[..6]);
    let mut oldest = list("--limit 1000 --oldest-first");
    oldest.reverse();
    assert_eq!(oldest, all);
    let output = scene
        .server
        .certlocker("audit list --action certificate.store")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("is `certificate.stored` meant?"), "{said}");
}

#[tokio::test]
async fn what_nobody_touched_is_good_from_the_files_the_database_and_over_the_network() {
    let (scene, certificate) = scene().await;
    let server = &scene.server;
    let anchor = scene.path("anchor.txt");
    fs::write(&anchor, written(server)).unwrap();
    acme::register(&scene, server.create_client("more")).await;
    written(server);
    let anchored = format!("--anchor {}", anchor.display());
    let (tiles, url) = (server.data().join("audit"), server.operator_url());
    for words in [
        "",
        &anchored,
        &format!("{anchored} --tiles {}", tiles.display()),
        &format!("{anchored} --server {url}"),
    ] {
        let (code, report) = verify(server, words);
        assert_eq!(code, Some(0), "{words}: {report}");
        assert!(report["size"].as_u64() >= Some(10), "{report}");
    }
    let stored = json(&mut server.certlocker(&format!(
        "audit list --json --action CLA070I --about certificate:{certificate}"
    )));
    let record = stored[0]["sequence"].as_u64().unwrap();
    let receipt = json(&mut server.certlocker(&format!("audit receipt {record} --json")));
    let key = fs::read_to_string(server.data().join("audit.vkey")).unwrap();
    let proof: certlocker_audit::proof::Receipt =
        receipt["receipt"].as_str().unwrap().parse().unwrap();
    let entry = receipt["entry"].as_str().unwrap();
    proof
        .verify(entry.as_bytes(), &key.trim().parse().unwrap())
        .unwrap();
    assert!(entry.contains(&certificate));
}

#[tokio::test]
async fn a_changed_record_an_index_that_lies_and_a_changed_file_are_named() {
    let (mut scene, _) = scene().await;
    written(&scene.server);
    scene.server.stop();
    let server = &scene.server;
    let database = server.data().join("certlocker.sqlite");
    let sql = |statement: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection
            .execute_batch(
                "DROP TRIGGER IF EXISTS record_is_final; DROP TRIGGER IF EXISTS record_stays",
            )
            .unwrap();
        connection.execute_batch(statement).unwrap();
    };
    let first = |words: &str| {
        let (code, report) = verify(server, words);
        assert_eq!(code, Some(1), "{report}");
        let finding = report["findings"][0].clone();
        (
            finding["kind"].as_str().unwrap().to_owned(),
            finding["index"].as_u64(),
        )
    };
    let bytes: Vec<u8> = rusqlite::Connection::open(&database)
        .unwrap()
        .query_row("SELECT bytes FROM record WHERE sequence = 4", [], |row| {
            row.get(0)
        })
        .unwrap();
    sql(
        "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"time\":\"20', '\"time\":\"21') AS BLOB) WHERE sequence = 4",
    );
    assert_eq!(first(""), ("entry".to_owned(), Some(3)));
    let back: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    sql(&format!(
        "UPDATE record SET bytes = x'{back}' WHERE sequence = 4"
    ));
    assert_eq!(verify(server, "").0, Some(0));
    sql("UPDATE record SET code = 'CLA999I' WHERE sequence = 5");
    assert_eq!(first(""), ("index".to_owned(), Some(4)));
    let tiles = server.data().join("audit");
    let checkpoint = fs::read_to_string(tiles.join("checkpoint")).unwrap();
    let size = checkpoint.lines().nth(1).unwrap();
    let bundle = tiles.join(format!("tile/entries/000.p/{size}"));
    let mut changed = fs::read(&bundle).unwrap();
    changed[20] ^= 1;
    fs::write(&bundle, changed).unwrap();
    let words = format!("--tiles {}", tiles.display());
    assert_eq!(first(&words), ("entry".to_owned(), Some(0)));
}

#[tokio::test]
async fn the_log_is_taken_up_after_a_crash_and_refused_once_somebody_changed_it() {
    let (mut scene, _) = scene().await;
    scene.server.crash_and_restart();
    acme::register(&scene, scene.server.create_client("more")).await;
    written(&scene.server);
    assert_eq!(verify(&scene.server, "").0, Some(0));
    scene.server.stop();
    let note = succeed(&mut scene.server.certlocker("audit checkpoint"));
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    let path = format!("audit/tile/0/000.p/{size}");
    let tile = scene.server.data().join(path);
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let said = fail(scene.server.same_again());
    assert!(
        said.contains("the audit log, in `audit` of the data directory, cannot be used: tile/"),
        "{said}"
    );
    fs::remove_dir_all(scene.server.data().join("audit")).unwrap();
    scene.server.crash_and_restart();
    let again = written(&scene.server);
    assert!(again.lines().nth(1).unwrap().parse::<u64>().unwrap() > size);
    let anchor = scene.path("anchor.txt");
    fs::write(&anchor, note).unwrap();
    let words = format!("--anchor {}", anchor.display());
    assert_eq!(verify(&scene.server, &words).0, Some(0));
}

#[tokio::test]
async fn sinks_get_every_record_and_a_required_one_that_takes_nothing_is_known() {
    let (mut scene, _) = scene().await;
    let (lines, closed) = (scene.path("sink.jsonl"), closed_port());
    let file = format!("file:{}", lines.display());
    let dead = format!("tcp:{closed};required=1ms");
    let hopeless = format!("tcp:{closed};format=ocsf");
    for sink in [&file, &dead, &hopeless] {
        scene.server.same_again().args(["--audit-sink", sink]);
    }
    scene.server.crash_and_restart();
    let server = &scene.server;
    sequences(&lines, 1..=records(server));
    fs::remove_file(&lines).unwrap();
    let before = records(server);
    server.create_client("more");
    sequences(&lines, before + 1..=records(server));
    let ready = call(
        server.ca_file(),
        server.operator_url(),
        "GET /readyz",
        &[],
        "",
    );
    let checks: Value = serde_json::from_str(&ready.body).unwrap();
    let failed = checks["checks"].as_array().unwrap().iter();
    let failed: Vec<_> = failed
        .filter(|check| check["ok"] == false)
        .map(|check| &check["name"])
        .collect();
    assert_eq!(
        (ready.status, failed),
        (503, vec![&Value::from(format!("tcp:{closed}"))])
    );
    let metrics = call(
        server.ca_file(),
        server.operator_url(),
        "GET /metrics",
        &[],
        "",
    )
    .body;
    assert!(
        metrics.contains("certlocker_audit_lag_records{follower=\"audit-log\"}"),
        "{metrics}"
    );
}

fn closed_port() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Waits until the lines are the records with these numbers, in order.
fn sequences(lines: &std::path::Path, expected: std::ops::RangeInclusive<u64>) {
    let (started, expected) = (Instant::now(), expected.collect::<Vec<_>>());
    loop {
        let text = fs::read_to_string(lines).unwrap_or_default();
        let read = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
        let read: Vec<u64> = read
            .filter_map(|record| record["sequence"].as_u64())
            .collect();
        if read == expected {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{read:?} instead of {expected:?}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
