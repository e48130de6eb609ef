//! Ten thousand endpoints in flight at once, some of them black holes: how long, in how much memory, and
//! whether every result is whole.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use certlocker_acme::{Clock, SystemClock};
use certlocker_core::Identifier;
use certlocker_probe::{
    Algorithm, Facts, Generation, Inventory, Item, Judge, Lineage, Prober, Settings, Target,
};
use clap::Parser;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// Looks at many endpoints at once, served by another process of this program.
#[derive(Parser)]
struct Arguments {
    /// How many endpoints.
    #[arg(long, default_value_t = 10_000)]
    endpoints: u32,
    /// Of so many one is a black hole.
    #[arg(long, default_value_t = 20)]
    one_dead_of: u32,
    /// How long the server lets every connection wait before it answers, in milliseconds: so that all are
    /// there together.
    #[arg(long, default_value_t = 5_000)]
    hold: u64,
    /// Be the server.
    #[arg(long, hide = true)]
    serve: bool,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments = Arguments::parse();
    allow_open_files()?;
    match arguments.serve {
        true => serve(Duration::from_millis(arguments.hold)).await,
        false => look(&arguments).await,
    }
}

fn allow_open_files() -> Result<(), Failed> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

const QUEUE: u32 = 16_384;

/// Serves at every address of this machine; says on which port, with which certificate.
async fn serve(hold: Duration) -> Result<(), Failed> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
    let listener = socket.listen(QUEUE)?;
    let leaf = made.cert.der().iter().map(|byte| format!("{byte:02x}"));
    println!(
        "{} {}",
        listener.local_addr()?.port(),
        leaf.collect::<String>()
    );
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            tokio::time::sleep(hold).await;
            let _ = acceptor.accept(stream).await;
        });
    }
}

const NAME: &str = "a.example";

fn leaf(text: &str) -> Result<CertificateDer<'static>, Failed> {
    let digits: Vec<&str> = (0..text.len() / 2)
        .map(|at| &text[2 * at..2 * at + 2])
        .collect();
    let octets: Result<Vec<u8>, _> = digits
        .iter()
        .map(|two| u8::from_str_radix(two, 16))
        .collect();
    Ok(octets?.into())
}

async fn look(arguments: &Arguments) -> Result<(), Failed> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["--serve", "--hold", &arguments.hold.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let output = server.stdout.take().ok_or("the server says nothing")?;
    BufReader::new(output).read_line(&mut said)?;
    let measured = measure(arguments, said.trim()).await;
    server.kill()?;
    server.wait()?;
    measured
}

async fn measure(arguments: &Arguments, said: &str) -> Result<(), Failed> {
    let (port, certificate) = said
        .split_once(' ')
        .ok_or("the server says something else")?;
    let port: u16 = port.parse()?;
    // Nobody accepts here, and there is room for two: what comes after gets no answer.
    let hole = TcpSocket::new_v4()?;
    hole.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let hole = hole.listen(1)?;
    let targets = targets(arguments, port, hole.local_addr()?)?;
    let prober = prober(&leaf(certificate)?, arguments.endpoints as usize)?;
    let (sender, mut receiver) = mpsc::channel(256);
    let started = Instant::now();
    let looking = tokio::spawn(async move { prober.run(targets, &sender).await });
    let (mut lines, mut expected) = (Vec::new(), 0);
    while let Some(report) = receiver.recv().await {
        expected += u32::from(report.verdict.name() == "expected");
        serde_json::to_writer(&mut lines, &report)?;
        lines.write_all(b"\n")?;
    }
    looking.await?;
    let took = started.elapsed();
    let whole = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let whole = whole.filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok());
    let (whole, held) = (whole.count(), lines.len() / 1024 / 1024);
    println!(
        "{} endpoints: {expected} expected, {whole} lines whole, {:.1} s, {} MiB at most ({held} of them results that this program keeps)",
        arguments.endpoints,
        took.as_secs_f64(),
        most_memory()? / 1024,
    );
    let dead = arguments.endpoints / arguments.one_dead_of.max(1);
    match (whole, expected) == (arguments.endpoints as usize, arguments.endpoints - dead) {
        true => Ok(()),
        false => {
            Err(format!("{dead} black holes and as many results as endpoints were expected").into())
        }
    }
}

fn targets(arguments: &Arguments, port: u16, hole: SocketAddr) -> Result<Vec<Target>, Failed> {
    let name = Identifier::dns(NAME)?;
    let target = |number: u32| {
        let mut target = Target::new(name.clone(), port);
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number);
        target.connect_to = vec![match number % arguments.one_dead_of.max(1) {
            0 => hole,
            _ => SocketAddr::from((address, port)),
        }];
        target
    };
    Ok((1..=arguments.endpoints).map(target).collect())
}

fn prober(leaf: &CertificateDer<'_>, in_flight: usize) -> Result<Prober, Failed> {
    let clock = SystemClock::default();
    let facts = Facts::read(leaf).map_err(|error| format!("{error:?}"))?;
    let lineage = Lineage::new(Algorithm::Ecdsa, Generation::of(&facts, clock.now()));
    let item = Item {
        grace: Duration::ZERO,
        lineages: vec![lineage],
        name: NAME.to_owned(),
        names: vec![Identifier::dns(NAME)?],
    };
    let mut settings = Settings::default();
    settings.in_flight = in_flight;
    settings.connections_per_second = 1_000_000;
    settings.per_address_per_second = 1_000_000;
    settings.timeouts.handshake = Duration::from_secs(30);
    let judge = Judge::new(Inventory::new([item]));
    Ok(Prober::new(judge, settings, Arc::new(move || clock.now())))
}

/// The most memory that this process had, in KiB.
fn most_memory() -> Result<u64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.ok_or("no VmHWM in /proc/self/status")?;
    Ok(words.trim().trim_end_matches(" kB").parse()?)
}
