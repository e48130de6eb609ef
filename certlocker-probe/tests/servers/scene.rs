//! A prober with what it expects, and short answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use certlocker_core::{Identifier, Timestamp};
use certlocker_probe::{
    Algorithm, Coverage, Fingerprint, Goal, Judge, Prober, Protocol, Report, Settings, Target,
};
use tokio::runtime::Runtime;

use crate::authority::Issued;

pub(crate) const NAME: &str = "a.example";

pub(crate) struct Scene {
    pub(crate) target: Target,
    prober: Prober,
    runtime: Runtime,
}

impl Scene {
    pub(crate) fn new(judge: Judge, address: SocketAddr) -> Self {
        let mut settings = Settings::default();
        settings.per_address_per_second = 1000;
        let clock = Arc::new(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            Timestamp::from_seconds(now.as_secs().try_into().unwrap())
        });
        let mut target = Target::new(Identifier::dns(NAME).unwrap(), address.port());
        target.connect_to = vec![address];
        target.protocol = Protocol::Tls;
        Self {
            target,
            prober: Prober::new(judge, settings, clock),
            runtime: Runtime::new().unwrap(),
        }
    }

    pub(crate) fn reports(&self) -> Vec<Report> {
        self.runtime.block_on(self.prober.probe(&self.target))
    }

    /// What is said for each kind of key, and how bad it is.
    pub(crate) fn verdicts(&self) -> Vec<(Option<Algorithm>, &'static str)> {
        let reports = self.reports();
        let short = |report: &Report| {
            (
                report.cell.as_ref().unwrap().algorithm,
                report.verdict.name(),
            )
        };
        reports.iter().map(short).collect()
    }

    pub(crate) fn verdict(&self) -> &'static str {
        self.verdicts()[0].1
    }

    pub(crate) fn deployed(&mut self, on_disk: &Issued) {
        self.target.on_disk = Some(Fingerprint::of(&on_disk.leaf));
    }

    pub(crate) fn sample(&self) -> Coverage {
        let cell = self.reports().remove(0).cell.unwrap();
        self.runtime
            .block_on(self.prober.sample(&self.target, &cell, Goal::ONE_OF_EIGHT))
    }
}
