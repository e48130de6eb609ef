//! Loads an ACME server with whole orders and prints what they cost.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use certlocker_benches::{
    AccountKey, Directory, Failure, Figures, Latency, Meter, Responder, Session, Step,
    TlsTransport, Transport, Usage, Zone, complete, peak_kib, trusting, zone,
};
use clap::{Parser, ValueEnum};

/// Runs whole orders against an ACME server: every step that a client has to do, over TLS, with
/// honest http-01 validation by a web and a name server in this process.
#[derive(Parser)]
struct Flags {
    /// One account for all workers, or one for each.
    #[arg(long, value_enum, default_value = "one")]
    accounts: Accounts,
    /// The roots that the server is trusted by, in PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: PathBuf,
    /// The process of the database, which is measured with all those below it.
    #[arg(long, value_name = "PID")]
    database_pid: Option<u32>,
    /// The server's directory.
    #[arg(long, value_name = "URL")]
    directory: String,
    /// The port of the name server, on 127.0.0.1.
    #[arg(long, default_value_t = 25053)]
    dns_port: u16,
    /// The port of the web server that answers challenges, on 127.0.0.1.
    #[arg(long, default_value_t = 25080)]
    http01_port: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Where a node of the server is; requests go to all that are named in turn. Without any they go
    /// to the host of the directory.
    #[arg(long, value_name = "HOST:PORT")]
    node: Vec<String>,
    /// How many orders are measured.
    #[arg(long, default_value_t = 2000)]
    orders: u32,
    /// The server's process, to measure it; each of them, if there are several.
    #[arg(long)]
    pid: Vec<u32>,
    /// A new connection for each order.
    #[arg(long)]
    reconnect: bool,
    /// Threads of this program.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How many orders come first, and are not measured.
    #[arg(long, default_value_t = 200)]
    warmup: u32,
    /// How many orders are under way at the same time.
    #[arg(long, default_value_t = 8)]
    workers: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Accounts {
    One,
    Each,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(&flags) {
        Ok(figures) => {
            print(&figures, &flags);
            ExitCode::from(u8::from(!figures.errors.is_empty()))
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

fn print(figures: &Figures, flags: &Flags) {
    match serde_json::to_string_pretty(figures) {
        Ok(json) if flags.json => println!("{json}"),
        _ => print!("{figures}"),
    }
}

fn run(flags: &Flags) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(flags.threads)
        .enable_all()
        .build()?;
    runtime.block_on(measure(flags))
}

/// What all workers share.
struct Run {
    left: AtomicI64,
    reconnect: bool,
    responder: Responder,
    zone: Zone,
}

impl Run {
    fn takes_one(&self) -> bool {
        self.left.fetch_sub(1, Ordering::Relaxed) > 0
    }
}

struct Worker {
    errors: BTreeMap<String, u64>,
    session: Session<TlsTransport>,
}

async fn measure(flags: &Flags) -> Result<Figures> {
    zone::serve(flags.dns_port).await?;
    let (responder, _) = Responder::serve(flags.http01_port).await?;
    let run = Arc::new(Run {
        left: AtomicI64::new(0),
        reconnect: flags.reconnect,
        responder,
        zone: Zone::unique(),
    });
    let workers = workers(flags).await?;
    let workers = round(&run, workers, flags.warmup).await?;
    let warm: Vec<Worker> = workers.into_iter().map(Worker::cleared).collect();
    let handshakes: u64 = warm.iter().map(Worker::handshakes).sum();
    let before = snapshot(flags)?;
    let begun = Instant::now();
    let workers = round(&run, warm, flags.orders).await?;
    let took = begun.elapsed();
    let after = snapshot(flags)?;
    let handshakes = workers.iter().map(Worker::handshakes).sum::<u64>() - handshakes;
    let peaks = flags.pid.iter().map(|pid| peak_kib(*pid));
    let peaks = peaks.collect::<std::io::Result<Vec<u64>>>()?;
    let peak_kib = (!peaks.is_empty()).then(|| peaks.iter().sum());
    let between = |of: fn(&Used) -> Option<Usage>| of(&after).zip(of(&before));
    let used = Used {
        client: after.client - before.client,
        database: between(|used| used.database).map(|(after, before)| after - before),
        server: between(|used| used.server).map(|(after, before)| after - before),
    };
    Ok(figures(&workers, took, handshakes, used, peak_kib))
}

#[derive(Clone, Copy)]
struct Used {
    client: Usage,
    database: Option<Usage>,
    /// Of all nodes together.
    server: Option<Usage>,
}

fn snapshot(flags: &Flags) -> Result<Used> {
    let mut server = None;
    for pid in &flags.pid {
        server = Some(server.unwrap_or_default() + Usage::of(*pid)?);
    }
    Ok(Used {
        client: Usage::of(std::process::id())?,
        database: flags.database_pid.map(Usage::of_tree).transpose()?,
        server,
    })
}

async fn workers(flags: &Flags) -> Result<Vec<Worker>> {
    let config = trusting(&flags.ca_file)?;
    let url = &flags.directory;
    let rest = url.strip_prefix("https://");
    let rest = rest.ok_or("the directory is not an https URL")?;
    let (host, port) = address(rest.split('/').next().unwrap_or(rest))?;
    let nodes = flags.node.iter().map(|node| address(node));
    let nodes = nodes.collect::<Result<Vec<_>>>()?;
    let transport = || TlsTransport::new(&host, port, Arc::clone(&config)).over(&nodes);
    let directory = Arc::new(Directory::read(&mut transport(), &flags.directory).await?);
    let mut first: Option<(Arc<AccountKey>, String)> = None;
    let mut workers = Vec::new();
    for _ in 0..flags.workers.max(1) {
        let shared = first.clone().filter(|_| flags.accounts == Accounts::One);
        let (key, account) = match shared {
            Some((key, account)) => (key, Some(account)),
            None => (Arc::new(AccountKey::generate()?), None),
        };
        let mut session = Session::new(transport(), Arc::clone(&directory), key.clone(), account);
        if session.account().is_none() {
            let account = session.register().await?.to_owned();
            first.get_or_insert((key, account));
        }
        let errors = BTreeMap::new();
        workers.push(Worker { errors, session });
    }
    Ok(workers)
}

fn address(authority: &str) -> Result<(String, u16)> {
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
    Ok((host.to_owned(), port.parse()?))
}

/// Runs so many orders with all workers.
async fn round(run: &Arc<Run>, workers: Vec<Worker>, orders: u32) -> Result<Vec<Worker>> {
    run.left.store(orders.into(), Ordering::Relaxed);
    let start = |worker: Worker| tokio::spawn(worker.work(Arc::clone(run)));
    let running: Vec<_> = workers.into_iter().map(start).collect();
    let mut workers = Vec::new();
    for worker in running {
        workers.push(worker.await?);
    }
    run.responder.clear();
    Ok(workers)
}

impl Worker {
    async fn work(mut self, run: Arc<Run>) -> Self {
        while run.takes_one() {
            if run.reconnect {
                self.session.transport.reset();
            }
            let name = run.zone.fresh();
            if let Err(failure) = complete(&mut self.session, &name, &run.responder).await {
                self.note(&name, &failure);
            }
        }
        self
    }

    fn note(&mut self, name: &str, failure: &Failure) {
        eprintln!("load: {name}: {failure}");
        *self.errors.entry(failure.kind().to_owned()).or_default() += 1;
    }

    fn cleared(mut self) -> Self {
        self.session.meter = Meter::default();
        self
    }

    fn handshakes(&self) -> u64 {
        self.session.transport.handshakes()
    }
}

fn figures(
    workers: &[Worker],
    took: Duration,
    handshakes: u64,
    used: Used,
    peak_kib: Option<u64>,
) -> Figures {
    let (mut meter, mut errors) = (Meter::default(), BTreeMap::new());
    for worker in workers {
        meter.add(&worker.session.meter);
        for (kind, count) in &worker.errors {
            *errors.entry(kind.clone()).or_default() += count;
        }
    }
    let requests: u64 = Step::ALL.iter().map(|step| meter.step(*step).len()).sum();
    let signed = requests - meter.step(Step::NewNonce).len();
    let orders = meter.orders().len();
    let each = |total: f64| total / orders.max(1) as f64;
    let ms = |time: Duration| each(time.as_secs_f64() * 1000.0);
    Figures {
        client_cpu_ms_per_order: ms(used.client.total()),
        cpu_ms_per_order: used.server.map(|used| ms(used.total())),
        cpu_system_ms_per_order: used.server.map(|used| ms(used.system)),
        database_cpu_ms_per_order: used.database.map(|used| ms(used.total())),
        errors,
        handshakes_per_order: each(handshakes as f64),
        order: meter.orders().into(),
        orders,
        orders_per_second: orders as f64 / took.as_secs_f64(),
        peak_kib,
        requests: Latency::by_step(&meter),
        requests_per_order: each(requests as f64),
        seconds: took.as_secs_f64(),
        signed_per_order: each(signed as f64),
    }
}
