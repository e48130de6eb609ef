//! What a run of the load program found, as JSON and as a table.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::{Meter, Step};

/// The figures of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by the load program")]
pub struct Figures {
    /// Processor time of the client for each order, in milliseconds.
    pub client_cpu_ms_per_order: f64,
    /// Processor time of the server for each order, in milliseconds.
    pub cpu_ms_per_order: Option<f64>,
    /// The part of it that the system spent for the server.
    pub cpu_system_ms_per_order: Option<f64>,
    /// Processor time of a database of its own for each order, in milliseconds.
    pub database_cpu_ms_per_order: Option<f64>,
    /// What did not work, by kind.
    pub errors: BTreeMap<String, u64>,
    /// TLS handshakes for each order.
    pub handshakes_per_order: f64,
    /// Times of whole orders.
    pub order: Latency,
    /// Orders that got their certificate.
    pub orders: u64,
    /// Orders for each second.
    pub orders_per_second: f64,
    /// The most memory that the server has had, in KiB.
    pub peak_kib: Option<u64>,
    /// Requests by kind.
    pub requests: BTreeMap<String, Latency>,
    /// Requests for each order.
    pub requests_per_order: f64,
    /// How long it took.
    pub seconds: f64,
    /// Signed requests for each order.
    pub signed_per_order: f64,
}

/// How long something took, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by the load program")]
pub struct Latency {
    /// How often it was done.
    pub count: u64,
    /// The longest.
    pub max_ms: f64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// All but one in a hundred took no longer.
    pub p99_ms: f64,
}

impl From<&Histogram<u64>> for Latency {
    fn from(micros: &Histogram<u64>) -> Self {
        let ms = |micros: u64| micros as f64 / 1000.0;
        Self {
            count: micros.len(),
            max_ms: ms(micros.max()),
            p50_ms: ms(micros.value_at_quantile(0.5)),
            p99_ms: ms(micros.value_at_quantile(0.99)),
        }
    }
}

impl Latency {
    /// Of every kind of request that was made.
    pub fn by_step(meter: &Meter) -> BTreeMap<String, Self> {
        let made = Step::ALL
            .into_iter()
            .filter(|step| !meter.step(*step).is_empty());
        made.map(|step| (step.name().to_owned(), meter.step(step).into()))
            .collect()
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            max_ms,
            p50_ms,
            p99_ms,
        } = self;
        write!(f, "{count:>9} {p50_ms:>9.2} {p99_ms:>9.2} {max_ms:>9.2}")
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["count", "p50 ms", "p99 ms", "max ms"];
        writeln!(
            f,
            "{:<20} {:>9} {:>9} {:>9} {:>9}",
            "request", head[0], head[1], head[2], head[3]
        )?;
        let known = Step::ALL.iter().map(|step| step.name());
        for (name, latency) in known.filter_map(|name| Some((name, self.requests.get(name)?))) {
            writeln!(f, "{name:<20} {latency}")?;
        }
        writeln!(f, "{:<20} {}\n", "whole order", self.order)?;
        let line = |f: &mut fmt::Formatter<'_>, name: &str, value: String| {
            writeln!(f, "{name:<26} {value}")
        };
        line(
            f,
            "orders",
            format!("{} in {:.2} s", self.orders, self.seconds),
        )?;
        line(
            f,
            "orders per second",
            format!("{:.1}", self.orders_per_second),
        )?;
        line(
            f,
            "requests per order",
            format!(
                "{:.2}, signed {:.2}",
                self.requests_per_order, self.signed_per_order
            ),
        )?;
        line(
            f,
            "handshakes per order",
            format!("{:.4}", self.handshakes_per_order),
        )?;
        if let (Some(cpu), Some(system)) = (self.cpu_ms_per_order, self.cpu_system_ms_per_order) {
            line(
                f,
                "server CPU per order",
                format!("{cpu:.3} ms, in the system {system:.3}"),
            )?;
        }
        if let Some(cpu) = self.database_cpu_ms_per_order {
            line(f, "database CPU per order", format!("{cpu:.3} ms"))?;
        }
        line(
            f,
            "client CPU per order",
            format!("{:.3} ms", self.client_cpu_ms_per_order),
        )?;
        if let Some(peak) = self.peak_kib {
            line(
                f,
                "server's peak memory",
                format!("{:.1} MiB", peak as f64 / 1024.0),
            )?;
        }
        let errors: Vec<String> = self
            .errors
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        line(
            f,
            "errors",
            if errors.is_empty() {
                "none".to_owned()
            } else {
                errors.join(", ")
            },
        )
    }
}
