//! Commits a second of each store, beside what the disk alone allows with the same batching.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Component, Identifier, Ledger, NewOrder, Order,
    PostgresStore, Sequence, SqliteStore, Timestamp, Trigger,
};
use clap::Parser;
use tokio::sync::{mpsc, oneshot};

#[allow(dead_code, reason = "made for tests, of which this uses a part")]
#[path = "../../../certlocker-core/tests/postgres/server.rs"]
mod postgres;

/// Lets many callers commit new orders, each with its record and index entries, at the same time; and
/// the same number of callers append to a file, with one fdatasync for all that wait: bytes that are
/// there already (what the disk alone allows), and the bytes of an order that each makes as it would
/// for a commit (what the disk allows to those who commit). All are measured in turn, on the same disk.
#[derive(Parser)]
struct Flags {
    /// How many callers, one number after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    callers: Vec<usize>,
    /// So many commits and nothing else, to look at what they cost with a profiler.
    #[arg(long)]
    count: Option<u32>,
    /// Without PostgreSQL.
    #[arg(long)]
    only_sqlite: bool,
    /// How often everything is measured; the medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Something that a caller waits for until it is on the disk.
#[async_trait]
trait Durable: Send + Sync {
    async fn put(&self);
}

#[async_trait]
impl<L: Ledger> Durable for L {
    async fn put(&self) {
        let committed = self.commit(change()).await;
        committed.expect("the store takes what is written");
    }
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// A new order: what one request commits.
fn change() -> Changeset {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut random = fastrand::Rng::new();
    let name = format!("n{number}.load.example");
    let new = NewOrder {
        account: AccountId::first_at(NOW),
        client: None,
        expires: NOW.after(Duration::from_secs(86_400)),
        identifiers: Identifier::dns(&name).into_iter().collect(),
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let now = NOW.after(Duration::from_millis(number));
    let created = Order::create(new, None, &mut |bytes| random.fill(bytes), now);
    Changeset::of(created.expect("it is a fitting order").by(&by))
}

/// A file with the stores' batching, and nothing else: one write and one fdatasync for all that wait.
#[derive(Clone)]
struct Raw(mpsc::UnboundedSender<Append>);

type Append = (Vec<u8>, oneshot::Sender<()>);

/// Appends an order, made as for a commit.
struct RawOrders(Raw);

/// About what the snapshot and the record of an order have.
const BYTES: usize = 1_024;
/// As many as the stores let share a transaction.
const BATCH: usize = 256;

impl Raw {
    fn open(path: &Path) -> Result<Self> {
        let mut file = File::create(path)?;
        let (queue, mut waiting) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut batch: Vec<Append> = vec![first];
                while batch.len() < BATCH
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                let bytes: Vec<&[u8]> = batch.iter().map(|(bytes, _)| &bytes[..]).collect();
                file.write_all(&bytes.concat()).expect("the disk takes it");
                file.sync_data().expect("the disk takes it");
                batch.into_iter().for_each(|(_, one)| _ = one.send(()));
            }
        });
        Ok(Self(queue))
    }

    async fn append(&self, bytes: Vec<u8>) {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send((bytes, answer));
        sent.expect("it writes until this is dropped");
        answered.await.expect("every caller is answered");
    }
}

#[async_trait]
impl Durable for Raw {
    async fn put(&self) {
        self.append(vec![0x5a; BYTES]).await;
    }
}

#[async_trait]
impl Durable for RawOrders {
    async fn put(&self) {
        let change = change();
        let snapshots = change.writes().iter().flat_map(|write| &write.snapshot);
        let mut bytes = snapshots.flatten().copied().collect::<Vec<u8>>();
        for draft in change.drafts() {
            bytes.extend(draft.at(Sequence::new(1)));
        }
        self.0.append(bytes).await;
    }
}

/// How many a second, by so many callers, spread over these.
async fn rate(over: &[Arc<dyn Durable>], callers: usize, span: Duration) -> f64 {
    let begun = Instant::now();
    let call = |place: usize| {
        let durable = Arc::clone(&over[place % over.len()]);
        tokio::spawn(async move {
            let mut count = 0_u32;
            while begun.elapsed() < span {
                durable.put().await;
                count += 1;
            }
            count
        })
    };
    let running: Vec<_> = (0..callers).map(call).collect();
    let mut count = 0.0;
    for caller in running {
        count += f64::from(caller.await.unwrap_or(0));
    }
    count / begun.elapsed().as_secs_f64()
}

/// So many times in all, by so many callers; how long it took.
async fn take(count: u32, over: &[Arc<dyn Durable>], callers: usize) -> Duration {
    let begun = Instant::now();
    let each = count as usize / callers.max(1);
    let call = |place: usize| {
        let durable = Arc::clone(&over[place % over.len()]);
        tokio::spawn(async move {
            for _ in 0..each {
                durable.put().await;
            }
        })
    };
    for caller in (0..callers).map(call).collect::<Vec<_>>() {
        caller.await.expect("a caller comes to its end");
    }
    begun.elapsed()
}

/// What is measured, by name.
type Subject = (&'static str, Vec<Arc<dyn Durable>>);

async fn subjects(folder: &Path, server: Option<&postgres::Server>) -> Result<Vec<Subject>> {
    let sqlite = SqliteStore::open(folder.join("certlocker.sqlite"))?;
    let mut subjects: Vec<Subject> = vec![("SQLite", vec![Arc::new(sqlite)])];
    if let Some(server) = server {
        let url = server.url("postgres");
        let mut nodes: Vec<Arc<dyn Durable>> = Vec::new();
        for name in ["PostgreSQL, 1 node", "PostgreSQL, 2 nodes"] {
            nodes.push(Arc::new(PostgresStore::open(&url).await?));
            subjects.push((name, nodes.clone()));
        }
    }
    Ok(subjects)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[tokio::main]
async fn main() -> Result<()> {
    let flags = Flags::parse();
    let beside = std::env::current_exe()?;
    let beside = beside.parent().unwrap_or_else(|| Path::new("."));
    // A temporary folder may be in memory.
    let folder = tempfile::tempdir_in(beside)?;
    let server = match flags.only_sqlite {
        true => None,
        false => postgres::Server::start(),
    };
    let raw = Raw::open(&folder.path().join("raw"))?;
    let orders: Vec<Arc<dyn Durable>> = vec![Arc::new(RawOrders(raw.clone()))];
    let raw: Vec<Arc<dyn Durable>> = vec![Arc::new(raw)];
    let subjects = subjects(folder.path(), server.as_ref()).await?;
    if let Some(count) = flags.count {
        for callers in flags.callers {
            for (name, subject) in &subjects {
                let took = take(count, subject, callers).await;
                println!("{name:<20} {callers:>7} {count} in {took:.2?}");
            }
        }
        return Ok(());
    }
    let span = Duration::from_secs(flags.seconds);
    println!(
        "{:<20} {:>7} {:>10} {:>10} {:>6} {:>10} {:>6} {:>9}",
        "", "callers", "commits/s", "disk/s", "ratio", "orders/s", "ratio", "KiB each"
    );
    for callers in &flags.callers {
        for (name, subject) in &subjects {
            let mut rounds = Rounds::default();
            for _ in 0..flags.rounds {
                let before = rate(&raw, *callers, span / 2).await;
                let orders = rate(&orders, *callers, span / 2).await;
                let begun = written();
                let own = rate(subject, *callers, span).await;
                let each = (written() - begun) / (own * span.as_secs_f64());
                let after = rate(&raw, *callers, span / 2).await;
                rounds.note([own, f64::midpoint(before, after), orders, each]);
            }
            println!("{name:<20} {callers:>7} {rounds}");
        }
    }
    Ok(())
}

/// What was measured of one subject, round by round.
#[derive(Default)]
struct Rounds {
    commits: Vec<f64>,
    disk: Vec<f64>,
    of_disk: Vec<f64>,
    orders: Vec<f64>,
    of_orders: Vec<f64>,
    written: Vec<f64>,
}

impl Rounds {
    fn note(&mut self, [commits, disk, orders, written]: [f64; 4]) {
        self.commits.push(commits);
        self.disk.push(disk);
        self.of_disk.push(commits / disk);
        self.orders.push(orders);
        self.of_orders.push(commits / orders);
        self.written.push(written / 1_024.0);
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [commits, disk, of_disk] =
            [&self.commits, &self.disk, &self.of_disk].map(|all| median(all));
        let [orders, of_orders, written] =
            [&self.orders, &self.of_orders, &self.written].map(|all| median(all));
        write!(
            f,
            "{commits:>10.0} {disk:>10.0} {of_disk:>6.2} {orders:>10.0} {of_orders:>6.2}"
        )?;
        // Of a database elsewhere nothing is known.
        match written > 0.1 {
            true => write!(f, " {written:>9.1}"),
            false => write!(f, " {:>9}", "-"),
        }
    }
}

/// What this process has written to files, in bytes.
fn written() -> f64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|number| number.parse().ok())
        .unwrap_or(f64::NAN)
}
