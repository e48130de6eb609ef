//! Fills a database with finished orders, so that a server can be loaded on a large one.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use certlocker_acme::{Clock, SystemClock};
use certlocker_benches::prefill::prefill;
use certlocker_core::SqliteStore;
use clap::Parser;

/// Enters finished orders into a database that no server has open.
#[derive(Parser)]
struct Flags {
    /// The database; it is made if there is none.
    database: PathBuf,
    /// How many orders.
    #[arg(long, default_value_t = 100_000)]
    orders: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = Flags::parse();
    let store = SqliteStore::open(&flags.database)?;
    let begun = Instant::now();
    let show = |done| {
        eprint!("\r{done} orders");
        // The count is for whoever watches; nobody may.
        let _ = std::io::stderr().flush();
    };
    prefill(&store, flags.orders, SystemClock::default().now(), show).await?;
    store.close();
    let bytes = std::fs::metadata(&flags.database)?.len();
    eprintln!();
    println!(
        "{} orders in {:.1?}, {} MiB",
        flags.orders,
        begun.elapsed(),
        bytes >> 20
    );
    Ok(())
}
