use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::testing::{Server, day};
use crate::{Algorithm, Facts, Generation, Goal, Inventory, Item, Lineage, Possession, Protocol};

fn item(current: &Server, previous: Option<&Server>) -> Item {
    let generation =
        |server: &Server, from| Generation::of(&Facts::read(&server.chain[0].0).unwrap(), from);
    let lineage = Lineage::new(Algorithm::Ecdsa, generation(current, day(10)));
    let lineage = match previous {
        Some(previous) => lineage.preceded_by(generation(previous, day(0))),
        None => lineage,
    };
    Item {
        grace: Duration::ZERO,
        lineages: vec![lineage],
        name: "a.example".to_owned(),
        names: vec![Identifier::dns("a.example").unwrap()],
    }
}

fn prober(item: Item, change: impl FnOnce(&mut Settings)) -> Prober {
    let mut settings = Settings {
        per_address_per_second: 10_000,
        ..Settings::default()
    };
    change(&mut settings);
    Prober::new(
        Judge::new(Inventory::new([item])),
        settings,
        Arc::new(|| day(50)),
    )
}

fn target(addresses: &[SocketAddr]) -> Target {
    let mut target = Target::new(Identifier::dns("a.example").unwrap(), 443);
    target.connect_to = addresses.to_vec();
    target
}

/// Serves these by turns, each connection the next one, and counts whole handshakes.
async fn serve(configs: Vec<Arc<ServerConfig>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let whole = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&whole);
    tokio::spawn(async move {
        for config in configs.iter().cycle() {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, Arc::clone(config), Arc::clone(&count)));
        }
    });
    (address, whole)
}

async fn answer(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    whole: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    let mut connection = ServerConnection::new(config).unwrap();
    let mut buffer = vec![0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        connection.read_tls(&mut &buffer[..count])?;
        let was_handshaking = connection.is_handshaking();
        let _ = connection.process_new_packets();
        if was_handshaking && !connection.is_handshaking() {
            whole.fetch_add(1, Ordering::SeqCst);
        }
        let mut out = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut out)?;
        }
        stream.write_all(&out).await?;
    }
}

#[tokio::test]
async fn what_is_expected_is_seen_without_a_whole_handshake() {
    let server = Server::with(&rustls::version::TLS13);
    let (address, whole) = serve(vec![Arc::clone(&server.config)]).await;
    let reports = prober(item(&server, None), |_| {})
        .probe(&target(&[address]))
        .await;
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (&reports[0].verdict, reports[0].level),
        (&Verdict::Expected, Level::Fine)
    );
    assert_eq!(
        reports[0].captured.as_ref().unwrap().possession,
        Possession::NotAsked
    );
    assert_eq!(whole.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_not_expected_is_looked_at_again_in_full() {
    let (new, old) = (
        Server::with(&rustls::version::TLS13),
        Server::with(&rustls::version::TLS13),
    );
    let (address, _) = serve(vec![Arc::clone(&old.config)]).await;
    let prober = prober(item(&new, Some(&old)), |_| {});
    let mut target = target(&[address]);
    target.on_disk = Some(Fingerprint::of(&new.chain[0].0));
    let reports = prober.probe(&target).await;
    let expected = Verdict::Previous {
        cause: crate::Cause::NotReloaded,
        since: day(10),
    };
    assert_eq!(reports[0].verdict, expected);
    assert_eq!(
        reports[0].captured.as_ref().unwrap().possession,
        Possession::Proven
    );
}

#[tokio::test]
async fn each_address_has_a_report_of_its_own() {
    let (new, old) = (
        Server::with(&rustls::version::TLS13),
        Server::with(&rustls::version::TLS12),
    );
    let (fresh, _) = serve(vec![Arc::clone(&new.config)]).await;
    let (stale, _) = serve(vec![Arc::clone(&old.config)]).await;
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let reports = prober(item(&new, Some(&old)), |_| {})
        .probe(&target(&[fresh, stale, closed]))
        .await;
    let names: Vec<&str> = reports.iter().map(|report| report.verdict.name()).collect();
    assert_eq!(names, ["expected", "previous", "unreachable"]);
}

#[tokio::test]
async fn a_server_without_the_cheap_key_exchange_is_seen_all_the_same() {
    let server = Server::without_p256();
    let (address, _) = serve(vec![Arc::clone(&server.config)]).await;
    let reports = prober(item(&server, None), |_| {})
        .probe(&target(&[address]))
        .await;
    assert_eq!(reports[0].verdict, Verdict::Expected);
    assert_eq!(
        reports[0].captured.as_ref().unwrap().possession,
        Possession::Proven
    );
}

#[tokio::test]
async fn one_stale_worker_of_eight_is_found_by_connections_that_are_held() {
    let (new, old) = (
        Server::with(&rustls::version::TLS13),
        Server::with(&rustls::version::TLS13),
    );
    let mut workers = vec![Arc::clone(&new.config); 8];
    workers[7] = Arc::clone(&old.config);
    let (address, _) = serve(workers).await;
    let prober = prober(item(&new, Some(&old)), |_| {});
    let target = target(&[address]);
    let cell = target.cells(&[address], &prober.judge.inventory).remove(0);
    let coverage = prober.sample(&target, &cell, Goal::ONE_OF_EIGHT).await;
    assert!(coverage.is_mixed(), "{coverage}");
}

#[tokio::test]
async fn workers_that_agree_are_sampled_up_to_the_goal() {
    let server = Server::with(&rustls::version::TLS13);
    let (address, _) = serve(vec![Arc::clone(&server.config)]).await;
    let sources = ["127.0.0.2", "127.0.0.3", "::1"]
        .map(|address| address.parse().unwrap())
        .to_vec();
    let prober = prober(item(&server, None), |settings| settings.sources = sources);
    let target = target(&[address]);
    let cell = target.cells(&[address], &prober.judge.inventory).remove(0);
    let coverage = prober.sample(&target, &cell, Goal::ONE_OF_EIGHT).await;
    let shown = coverage.to_string();
    assert_eq!(
        shown,
        "0 of 35 differ: excludes a share of 1/8 at 99 %, from 2 source addresses"
    );
}

/// Accepts, and sends an octet for ever and ever.
async fn drip() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                while stream.write_all(b"2").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_drips_hits_the_deadline_of_the_phase() {
    let server = Server::with(&rustls::version::TLS13);
    let prober = prober(item(&server, None), |settings| {
        settings.timeouts.starttls = Duration::from_millis(200)
    });
    let mut target = target(&[drip().await]);
    target.protocol = Protocol::Smtp;
    let reports = prober.probe(&target).await;
    let why = "the server said too little in the time before TLS".to_owned();
    assert_eq!(reports[0].verdict, Verdict::NoCertificate { why });
}

#[tokio::test]
async fn many_targets_with_black_holes_among_them_all_have_a_report() {
    let server = Server::with(&rustls::version::TLS13);
    let (address, _) = serve(vec![Arc::clone(&server.config)]).await;
    // Takes connections in the kernel and never says a word.
    let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = hole.local_addr().unwrap();
    let prober = prober(item(&server, None), |settings| {
        settings.in_flight = 50;
        settings.per_address_per_second = 100_000;
        settings.connections_per_second = 100_000;
        settings.timeouts.handshake = Duration::from_millis(300);
    });
    let targets = (0..400).map(|number| target(&[if number % 20 == 0 { silent } else { address }]));
    let (sender, mut receiver) = mpsc::channel::<Report>(4);
    let collect = async {
        let mut summary = crate::Summary::default();
        while let Some(report) = receiver.recv().await {
            serde_json::to_string(&report).unwrap();
            summary.add(&report.verdict, report.level, report.leaf_sha256);
        }
        summary
    };
    let run = async {
        prober.run(targets, &sender).await;
        drop(sender);
    };
    let (summary, ()) = tokio::join!(collect, run);
    assert_eq!(summary.counts["expected"], 380);
    assert_eq!(summary.counts["no_certificate"], 20);
}

#[tokio::test]
async fn a_name_without_addresses_is_reported_as_such() {
    let server = Server::with(&rustls::version::TLS13);
    let prober = prober(item(&server, None), |_| {});
    let target = Target::new(Identifier::dns("does-not-exist.invalid").unwrap(), 443);
    let reports = prober.probe(&target).await;
    assert_eq!(
        (reports.len(), reports[0].verdict.name()),
        (1, "unreachable")
    );
}
