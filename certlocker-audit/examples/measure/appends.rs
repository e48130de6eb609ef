//! Commits of one record each by many callers at the same time, beside what the disk gives at most:
//! the same bytes appended to a file by one thread that waits for the disk once for all that is
//! there.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Fact, Ledger, SqliteStore, Timestamp, Trigger,
};
use pollster::block_on;

const CALLERS: [usize; 3] = [1, 16, 256];
/// How long each count of callers goes on.
const SPAN: Duration = Duration::from_secs(3);
/// Rounds, raw and ledger in turn; the best of each counts, so that a noisy neighbour does not.
const ROUNDS: usize = 3;
/// About as long as a record.
const LENGTH: usize = 300;
const BATCH: usize = 1_024;

/// One to be appended, and who is told that it is.
type Waiting = (Vec<u8>, SyncSender<()>);

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    for callers in CALLERS {
        let (mut raw, mut ledger) = (0_f64, 0_f64);
        for _ in 0..ROUNDS {
            raw = raw.max(raw_appends(callers)?);
            ledger = ledger.max(commits(callers)?);
        }
        let share = 100.0 * ledger / raw;
        println!(
            "{callers} callers: {ledger:.0} commits a second, {raw:.0} raw appends, {share:.0} %"
        );
    }
    Ok(())
}

fn raw_appends(callers: usize) -> Result<f64, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let file = File::create(directory.path().join("raw"))?;
    let (queue, queued) = channel::<Waiting>();
    let writer = thread::spawn(move || write(file, &queued));
    let rate = measure(callers, || {
        let queue: Sender<Waiting> = queue.clone();
        move || {
            let (told, tell) = sync_channel(1);
            queue
                .send((vec![b'x'; LENGTH], told))
                .expect("the writer runs");
            tell.recv().expect("the writer tells");
        }
    });
    drop(queue);
    writer.join().map_err(|_| "the writer failed")??;
    Ok(rate)
}

fn write(mut file: File, queued: &Receiver<Waiting>) -> std::io::Result<()> {
    while let Ok(first) = queued.recv() {
        let mut batch = vec![first];
        batch.extend(queued.try_iter().take(BATCH - 1));
        let bytes: Vec<u8> = batch.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        file.write_all(&bytes)?;
        file.sync_data()?;
        for (_, told) in batch {
            // Whoever waits is there.
            let _ = told.send(());
        }
    }
    Ok(())
}

fn commits(callers: usize) -> Result<f64, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(directory.path().join("db"))?);
    let at = Timestamp::from_seconds(1_700_000_000);
    let by = Attribution::new(Actor::Account(AccountId::first_at(at)), Trigger::Command);
    Ok(measure(callers, || {
        let (store, by) = (store.clone(), by.clone());
        move || {
            let fact = Fact::server_started("1", at);
            block_on(store.commit(Changeset::fact(&fact, &by))).expect("the disk takes it");
        }
    }))
}

/// How often a second `callers` threads together do what each of them was made to do.
fn measure<F: FnMut() + Send + 'static>(callers: usize, make: impl Fn() -> F) -> f64 {
    let start = Instant::now();
    let threads = (0..callers).map(|_| {
        let mut act = make();
        thread::spawn(move || {
            let mut count = 0_u64;
            while start.elapsed() < SPAN {
                act();
                count += 1;
            }
            count
        })
    });
    let threads: Vec<_> = threads.collect();
    let counts = threads.into_iter().map(|one| one.join().unwrap_or(0));
    let count: u64 = counts.sum();
    count as f64 / start.elapsed().as_secs_f64()
}
