//! Prints the figures of two servers beside each other: medians of all rounds, and their ratio.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use certlocker_benches::Figures;
use certlocker_benches::floor::Floor;
use clap::Parser;
use serde::de::DeserializeOwned;

/// Reads `certlocker-N.json`, `pebble-N.json` and `floor-N.json` in a folder, for every N from 1.
#[derive(Parser)]
struct Flags {
    folder: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Flags::parse().folder;
    let own = Rounds(read(&folder, "certlocker")?);
    let other = Rounds(read(&folder, "pebble")?);
    if own.0.is_empty() || own.0.len() != other.0.len() {
        return Err("each server needs the figures of every round".into());
    }
    compare(&own, &other);
    floor(&own, &read(&folder, "floor")?);
    Ok(())
}

/// The figures of one server, in the order of the rounds.
struct Rounds(Vec<Figures>);

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>, Box<dyn Error>> {
    let paths = (1..).map(|round| folder.join(format!("{name}-{round}.json")));
    let mut read = Vec::new();
    for path in paths.take_while(|path| path.exists()) {
        read.push(serde_json::from_str(&std::fs::read_to_string(path)?)?);
    }
    Ok(read)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Rounds {
    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.0.iter().map(figure).collect())
    }

    fn errors(&self) -> u64 {
        let errors = self.0.iter().flat_map(|figures| figures.errors.values());
        errors.sum()
    }
}

fn compare(own: &Rounds, other: &Rounds) {
    println!(
        "{:<28} {:>11} {:>11} {:>8}",
        "medians", "certlocker", "pebble", "ratio"
    );
    let line = |name: &str, figure: &dyn Fn(&Figures) -> f64| {
        // Round by round, because the speed of a shared machine drifts.
        let pairs = own.0.iter().zip(&other.0);
        let ratio = median(
            pairs
                .map(|(own, other)| figure(own) / figure(other))
                .collect(),
        );
        let [own, other] = [own, other].map(|rounds| rounds.median(figure));
        println!("{name:<28} {own:>11.3} {other:>11.3} {ratio:>8.3}");
    };
    line("orders per second", &|figures| figures.orders_per_second);
    line("CPU per order, ms", &|figures| {
        figures.cpu_ms_per_order.unwrap_or(f64::NAN)
    });
    line("peak memory, MiB", &|figures| {
        figures.peak_kib.map_or(f64::NAN, |kib| kib as f64 / 1024.0)
    });
    line("requests per order", &|figures| figures.requests_per_order);
    line("whole order p50, ms", &|figures| figures.order.p50_ms);
    line("whole order p99, ms", &|figures| figures.order.p99_ms);
    for name in kinds(&own.0) {
        line(&format!("{name} p99, ms"), &|figures| {
            figures
                .requests
                .get(name)
                .map_or(f64::NAN, |latency| latency.p99_ms)
        });
    }
    println!(
        "{:<28} {:>11} {:>11}",
        "errors",
        own.errors(),
        other.errors()
    );
}

fn kinds(rounds: &[Figures]) -> Vec<&str> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, latency) in rounds.iter().flat_map(|figures| &figures.requests) {
        *counts.entry(name).or_default() += latency.count;
    }
    counts.into_keys().collect()
}

fn floor(own: &Rounds, floors: &[Floor]) {
    let of = |figure: fn(&Floor) -> f64| median(floors.iter().map(figure).collect());
    let [signed, handshakes] = [
        own.median(|f| f.signed_per_order),
        own.median(|f| f.handshakes_per_order),
    ];
    let ms = median(
        floors
            .iter()
            .map(|floor| floor.ms(signed, handshakes))
            .collect(),
    );
    let used = own.0.iter().zip(floors).filter_map(|(figures, floor)| {
        Some(figures.cpu_ms_per_order? / floor.ms(signed, handshakes))
    });
    let times = median(used.collect());
    println!();
    println!(
        "floor: {signed:.2} verifications of {:.1} us, request {:.1} us, signature {:.1} us, {handshakes:.4} handshakes of {:.1} us",
        of(|f| f.verify_us),
        of(|f| f.csr_us),
        of(|f| f.sign_us),
        of(|f| f.handshake_us)
    );
    println!("{:<28} {ms:>11.3}", "floor per order, ms");
    println!("{:<28} {times:>11.3}", "CPU over floor");
}
