//! Kills the server under load, again and again, and checks what is left.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certlocker_acme::{Clock, SystemClock};
use certlocker_benches::kill::{Acknowledged, Checked, Persistent, Shared, check};
use certlocker_benches::{
    AccountKey, Binary, Directory, Responder, Server, Session, TlsTransport, Zone, trusting, zone,
};
use clap::Parser;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

/// Runs orders against the server on a durable database, kills it at random moments, and checks
/// in the end that nothing that was acknowledged is lost, doubled or stuck.
#[derive(Parser)]
struct Flags {
    /// The server [default: `certlocker` beside this program].
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// A folder for the database and the log [default: one that is removed if all is well].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// How often the server is killed.
    #[arg(long, default_value_t = 10)]
    kills: u32,
    /// The longest time that it serves before it is killed, in milliseconds.
    #[arg(long, default_value_t = 250)]
    longest: u64,
    /// What the moments come from [default: random].
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients go on at the same time.
    #[arg(long, default_value_t = 8)]
    workers: usize,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Flags::parse()).await {
        Ok(checked) => {
            report(&checked);
            ExitCode::from(u8::from(!checked.wrong.is_empty()))
        }
        Err(error) => {
            eprintln!("kill_loop: {error}");
            ExitCode::from(2)
        }
    }
}

fn report(checked: &Checked) {
    println!(
        "checked {} records without a gap, {} starts among them",
        checked.records, checked.starts
    );
    println!(
        "checked {} orders against their records and {} certificates, one for each",
        checked.orders, checked.certificates
    );
    println!(
        "checked {} accounts and {} orders that clients were told of",
        checked.accounts, checked.orders_told
    );
    for wrong in checked.wrong.iter().take(50) {
        println!("WRONG: {wrong}");
    }
    println!("{} violations", checked.wrong.len());
}

async fn run(flags: &Flags) -> Result<Checked> {
    let folder = folder(flags)?;
    let seed = flags.seed.unwrap_or_else(|| fastrand::u64(..));
    println!(
        "{} kills, seed {seed}, in {}",
        flags.kills,
        folder.display()
    );
    let (responder, http01_port) = Responder::serve(0).await?;
    let binary = Binary {
        path: flags.binary.clone().map_or_else(Binary::beside, Ok)?,
        folder: folder.clone(),
        http01_port,
        listen: [free()?, free()?],
        resolver: zone::serve(0).await?,
    };
    let shared = Arc::new(Shared {
        acknowledged: Acknowledged::default(),
        completed: AtomicU64::new(0),
        responder,
        stop: AtomicBool::new(false),
        torn: AtomicU64::new(0),
        wrong: Mutex::default(),
        zone: Zone::unique(),
    });
    let mut server = binary.start()?;
    let (ready, first) = server.wait()?;
    println!("the first start took {first:.1?}");
    let mut clients = clients(
        flags,
        &ready.directory,
        &ready.ca_file,
        binary.listen[0],
        &shared,
    )
    .await?;
    let server = kill_again_and_again(flags, seed, &binary, server).await?;
    settle(&shared, &mut clients).await;
    server.stop()?;
    let mut checked = check(
        &binary.database(),
        &shared.acknowledged,
        SystemClock::default().now(),
    )
    .await?;
    println!(
        "{} orders completed, {} requests broken off",
        shared.completed.load(Ordering::Relaxed),
        shared.torn.load(Ordering::Relaxed)
    );
    checked.wrong.extend(
        shared
            .wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..),
    );
    if checked.wrong.is_empty() && flags.folder.is_none() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(checked)
}

/// On the disk that the build is on: a temporary folder may be in memory.
fn folder(flags: &Flags) -> Result<PathBuf> {
    if let Some(folder) = &flags.folder {
        std::fs::create_dir_all(folder)?;
        return Ok(folder.clone());
    }
    let own = std::env::current_exe()?;
    let beside = own.parent().unwrap_or_else(|| Path::new("."));
    Ok(tempfile::Builder::new()
        .prefix("kill-loop-")
        .tempdir_in(beside)?
        .keep())
}

/// A port below those that the system gives to clients: one of these would find itself there, and
/// take the port, while the server is gone.
fn free() -> Result<SocketAddr> {
    let ports = std::iter::repeat_with(|| fastrand::u16(20_000..30_000)).take(100);
    let mut addresses = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let free = addresses.find(|address| TcpListener::bind(address).is_ok());
    Ok(free.ok_or("no port is free")?)
}

async fn clients(
    flags: &Flags,
    directory: &str,
    ca_file: &Path,
    address: SocketAddr,
    shared: &Arc<Shared>,
) -> Result<JoinSet<()>> {
    let config = trusting(ca_file)?;
    let transport = || {
        TlsTransport::new(
            &address.ip().to_string(),
            address.port(),
            Arc::clone(&config),
        )
    };
    let directory = Arc::new(Directory::read(&mut transport(), directory).await?);
    let mut clients = JoinSet::new();
    for _ in 0..flags.workers {
        let key = Arc::new(AccountKey::generate()?);
        let session = Session::new(transport(), Arc::clone(&directory), key, None);
        clients.spawn(Persistent::new(session, Arc::clone(shared)).run());
    }
    Ok(clients)
}

/// Kills and restarts; every tenth time before it serves.
async fn kill_again_and_again(
    flags: &Flags,
    seed: u64,
    binary: &Binary,
    mut server: Server,
) -> Result<Server> {
    const EARLY: u32 = 10;
    const EARLY_WITHIN: u64 = 60;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut starts = Histogram::<u64>::new_with_bounds(1, 120_000_000, 3)?;
    for kill in 1..=flags.kills {
        let early = kill.is_multiple_of(EARLY);
        let longest = if early { EARLY_WITHIN } else { flags.longest };
        if !early && kill > 1 {
            let (_, took) = tokio::task::block_in_place(|| server.wait())?;
            starts.saturating_record(u64::try_from(took.as_micros())?);
        }
        tokio::time::sleep(Duration::from_micros(random.u64(0..=longest * 1000))).await;
        server.kill()?;
        server = binary.start()?;
    }
    let (_, took) = tokio::task::block_in_place(|| server.wait())?;
    starts.saturating_record(u64::try_from(took.as_micros())?);
    let ms = |quantile| starts.value_at_quantile(quantile) as f64 / 1000.0;
    println!(
        "restarts took {:.1} ms in the middle, {:.1} ms at p99, {:.1} ms at most",
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    Ok(server)
}

/// Lets every client complete its order, within a bound: what it leaves open is found in the check.
async fn settle(shared: &Shared, clients: &mut JoinSet<()>) {
    const BOUND: Duration = Duration::from_secs(60);
    shared.stop.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let all = async { while clients.join_next().await.is_some() {} };
    let ended = tokio::time::timeout(BOUND, all).await;
    match ended {
        Ok(()) => println!(
            "every client had completed its order {:.1?} after the last restart",
            begun.elapsed()
        ),
        Err(_) => println!(
            "{} clients were still at work after {BOUND:?}",
            clients.len()
        ),
    }
}
