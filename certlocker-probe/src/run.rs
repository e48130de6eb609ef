//! Connections over the network, driven by tokio.

mod connection;
mod pace;
mod sample;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use certlocker_core::{Identifier, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{
    Captured, Cell, Depth, Failure, Fingerprint, Judge, Level, Manners, Offer, Plan, Report,
    Target, Timings, TlsVersion, Verdict, is_disk_behind_memory,
};

use connection::Looked;
use pace::Pace;

/// How long each phase of a probe may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "one for each phase there is")]
pub struct Timeouts {
    /// Looking up the addresses of a name.
    pub dns: Duration,
    /// Making the connection.
    pub connect: Duration,
    /// The plain text before TLS.
    pub starttls: Duration,
    /// TLS, up to what is wanted of it.
    pub handshake: Duration,
    /// Waiting for what a server thinks of a client without a certificate.
    pub leaving: Duration,
}

/// How probes are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// How many connections are made in a second, to all addresses together.
    pub connections_per_second: u32,
    /// How many connections are made at the same time; those that a sample holds come on top.
    pub in_flight: usize,
    /// How connections end. Where nobody minds ([`Protocol::minds_manners`](crate::Protocol::minds_manners)),
    /// a look that finds what is expected ends without a word either way.
    pub manners: Manners,
    /// How many connections are made in a second to one address.
    pub per_address_per_second: u32,
    /// Source addresses, taken in turn; those of the other family than the destination are passed over.
    pub sources: Vec<IpAddr>,
    /// Whether every look goes to the end of the handshake. Without it, that is done for whatever is not as
    /// expected.
    pub thorough: bool,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections_per_second: 1000,
            in_flight: 512,
            manners: Manners::Polite,
            per_address_per_second: 20,
            sources: Vec::new(),
            thorough: false,
            timeouts: Timeouts {
                dns: seconds(5),
                connect: seconds(5),
                starttls: seconds(10),
                handshake: seconds(10),
                leaving: seconds(1),
            },
        }
    }
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Looks at targets and says what it found.
#[derive(Clone)]
pub struct Prober {
    clock: Clock,
    connections: Arc<Semaphore>,
    judge: Arc<Judge>,
    pace: Arc<Pace>,
    settings: Arc<Settings>,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Prober {
    /// Judges by this, at the times of this clock.
    pub fn new(judge: Judge, settings: Settings, clock: Clock) -> Self {
        Self {
            clock,
            connections: Arc::new(Semaphore::new(settings.in_flight.max(1))),
            judge: Arc::new(judge),
            pace: Arc::new(Pace::new(
                settings.connections_per_second,
                settings.per_address_per_second,
            )),
            settings: Arc::new(settings),
        }
    }

    /// Looks at all targets and sends a report for each place, until all are done or nobody listens.
    ///
    /// No more targets are taken up than there may be connections, and no more reports are kept than the
    /// channel holds.
    pub async fn run(
        &self,
        targets: impl IntoIterator<Item = Target>,
        reports: &mpsc::Sender<Report>,
    ) {
        let mut tasks = JoinSet::new();
        for target in targets {
            if self.settings.in_flight <= tasks.len() {
                tasks.join_next().await;
            }
            if reports.is_closed() {
                break;
            }
            let (prober, reports) = (self.clone(), reports.clone());
            tasks.spawn(async move {
                for report in prober.probe(&target).await {
                    if reports.send(report).await.is_err() {
                        return;
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Looks at every place of one target.
    pub async fn probe(&self, target: &Target) -> Vec<Report> {
        let addresses = match self.addresses(target).await {
            Ok(addresses) => addresses,
            Err(why) => return vec![self.nowhere(target, why)],
        };
        let mut reports = Vec::new();
        for cell in target.cells(&addresses, &self.judge.inventory) {
            reports.push(self.look(target, cell).await);
        }
        reports
    }

    /// Every address of a target: as configured, or as the system knows them, its hosts file included.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, String> {
        if !target.connect_to.is_empty() {
            return Ok(target.connect_to.clone());
        }
        let name = match &target.host {
            Identifier::Ip(address) => return Ok(vec![SocketAddr::new(*address, target.port)]),
            Identifier::Dns(name) => name.base(),
        };
        let looked_up = timeout(
            self.settings.timeouts.dns,
            tokio::net::lookup_host((name.as_str(), target.port)),
        );
        let mut addresses: Vec<SocketAddr> = match looked_up.await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => return Err(format!("the name {name} has no address: {error}")),
            Err(_) => {
                return Err(format!(
                    "nobody answered in time for the addresses of {name}"
                ));
            }
        };
        addresses.sort();
        addresses.dedup();
        match addresses.is_empty() {
            true => Err(format!("the name {name} has no address")),
            false => Ok(addresses),
        }
    }

    async fn look(&self, target: &Target, cell: Cell) -> Report {
        let (looked, timings) = self.observe(target, &cell).await;
        let at = (self.clock)();
        let mut report = Report {
            at,
            captured: None,
            disk_behind_memory: false,
            host: cell.host.clone(),
            item: cell.item.clone(),
            cell: Some(cell),
            judgement: None,
            leaf_sha256: None,
            level: Level::Failure,
            port: target.port,
            timings,
            verdict: Verdict::Unusable,
        };
        match looked {
            Ok(captured) => self.fill(&mut report, target, captured),
            Err(NotSeen::Unreachable(why)) => report.verdict = Verdict::Unreachable { why },
            Err(NotSeen::Failed(failure)) => {
                report.verdict = Verdict::NoCertificate {
                    why: failure.to_string(),
                }
            }
        }
        report
    }

    fn fill(&self, report: &mut Report, target: &Target, captured: Captured) {
        // Nobody who names nothing can expect to be shown a name.
        let named = report.cell.as_ref().is_none_or(|cell| cell.named);
        let name = (named || matches!(target.host, Identifier::Ip(_))).then_some(&target.host);
        let judgement = self.judge.judge(&report.item, name, &captured, report.at);
        let on_disk = target.on_disk.map(|sha256| {
            self.judge
                .inventory
                .identify_fingerprint(&report.item, &sha256)
        });
        report.verdict = Verdict::of(&judgement, on_disk.as_ref());
        report.level = judgement.level().max(report.verdict.level());
        let served = judgement.leaf.as_ref().map(|leaf| &leaf.identity);
        if let (Some(served), Some(on_disk)) = (served, &on_disk)
            && is_disk_behind_memory(served, on_disk)
        {
            report.disk_behind_memory = true;
            report.level = report.level.max(Level::Warning);
        }
        report.leaf_sha256 = captured.chain.first().map(|leaf| Fingerprint::of(&leaf.0));
        report.judgement = Some(judgement);
        report.captured = Some(captured);
    }

    /// The cheap way first, if that is allowed, and the thorough one for whatever is not as expected. What
    /// only one of the two can speak with is seen by that one.
    async fn observe(
        &self,
        target: &Target,
        cell: &Cell,
    ) -> (Result<Captured, NotSeen>, Option<Timings>) {
        let minds = cell.protocol.minds_manners() && self.settings.manners == Manners::Polite;
        let mut grabbed = None;
        if !self.settings.thorough && !minds {
            let first = self.once(target, cell, Depth::Grab).await;
            if self.settles(cell, &first.outcome) {
                return (first.outcome, first.timings);
            }
            grabbed = Some(first);
        }
        let identity = target.identity.clone();
        let full = self.once(target, cell, Depth::Full { identity }).await;
        if full.outcome.is_ok() {
            return (full.outcome, full.timings);
        }
        // Too old for the one, and perhaps not for the other.
        let grabbed = match (grabbed, &full.outcome) {
            (Some(grabbed), _) => grabbed,
            (
                None,
                Err(NotSeen::Failed(
                    Failure::Alert { .. }
                    | Failure::Tls(_)
                    | Failure::Malformed { .. }
                    | Failure::Closed(_),
                )),
            ) => self.once(target, cell, Depth::Grab).await,
            (None, _) => return (full.outcome, full.timings),
        };
        match grabbed.outcome.is_ok() {
            true => (grabbed.outcome, grabbed.timings),
            false => (full.outcome, full.timings),
        }
    }

    /// Whether a cheap look has said all that there is to say.
    fn settles(&self, cell: &Cell, outcome: &Result<Captured, NotSeen>) -> bool {
        match outcome {
            Ok(captured) => captured.chain.first().is_some_and(|leaf| {
                self.judge
                    .inventory
                    .is_expected(&cell.item, &Fingerprint::of(&leaf.0))
            }),
            Err(NotSeen::Unreachable(_)) => true,
            Err(NotSeen::Failed(_)) => false,
        }
    }

    async fn once(&self, target: &Target, cell: &Cell, depth: Depth) -> Looked {
        let plan = self.plan(target, cell, depth);
        self.connect(target, cell, plan, 0).await.into_closed()
    }

    /// Waits for a turn before it takes room, so that an address whose turn is far off takes none.
    async fn connect(&self, target: &Target, cell: &Cell, plan: Plan, number: usize) -> Looked {
        self.pace.wait(cell.address.ip()).await;
        let Ok(_room) = self.connections.acquire().await else {
            return Looked::unreachable("the prober was closed".to_owned());
        };
        connection::look(target, cell, plan, &self.settings, number).await
    }

    fn plan(&self, target: &Target, cell: &Cell, depth: Depth) -> Plan {
        Plan {
            depth,
            manners: self.settings.manners,
            offer: Offer {
                algorithm: cell.algorithm,
                newest: TlsVersion::TLS_1_3,
                server_name: target.server_name().filter(|_| cell.named),
            },
            prelude: Vec::new(),
            protocol: cell.protocol,
        }
    }

    fn nowhere(&self, target: &Target, why: String) -> Report {
        Report {
            at: (self.clock)(),
            captured: None,
            cell: None,
            disk_behind_memory: false,
            host: target.host.clone(),
            item: target.item.clone(),
            judgement: None,
            leaf_sha256: None,
            level: Level::Failure,
            port: target.port,
            timings: None,
            verdict: Verdict::Unreachable { why },
        }
    }
}

/// Why nothing was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NotSeen {
    Failed(Failure),
    Unreachable(String),
}

#[cfg(test)]
mod tests;
