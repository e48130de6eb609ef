//! `probe run`, `watch`, `explain`.

mod expected;
mod stored;

use std::io::IsTerminal;
use std::sync::Arc;

use certlocker_acme::{Clock, SystemClock};
use certlocker_core::Store;
use certlocker_probe::{
    Cell, Coverage, Goal, Judge, Level, Prober, Report, Settings as Manner, Summary, Target,
};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{CommandError, Desk, endpoint};
use crate::assemble::Opened;
use crate::cli::{Exit, ProbeCommand, ProbeRun};
use crate::config::Settings;
use crate::home::Home;
use crate::inventory::InventoryError;
use crate::output::{Output, facts, say};
use crate::target;

pub(super) async fn run(
    settings: &Settings,
    command: &ProbeCommand,
    output: Output,
) -> Result<Exit, CommandError> {
    let run = match command {
        ProbeCommand::Run(run) => run,
        ProbeCommand::Watch(arguments) => {
            return stored::watch(&Desk::open(settings).await?, arguments, output).await;
        }
        ProbeCommand::Explain { endpoint } => {
            return stored::explain(&Desk::open(settings).await?, endpoint, output).await;
        }
    };
    if run.targets.is_empty() {
        let desk = Desk::open(settings).await?;
        let endpoints = endpoint::all(&desk).await?;
        if !endpoints.is_empty() {
            refuse_manner(run)?;
            return stored::run(&desk, endpoints, output).await;
        }
    }
    if settings.server.is_some() {
        let sentence = "`probe run` with a target looks from here and reads the database itself: leave --server out";
        return Err(InventoryError::Invalid(sentence.to_owned()).into());
    }
    let home = Home::at(&settings.data_dir)?;
    let opened = Opened::open(settings).await?;
    let store: &dyn Store = &*opened.store;
    let judge = expected::judge(store, &home, run.grace).await?;
    let targets = targets(run, &judge)?;
    let prober = prober(judge, run);
    let round = Round {
        output,
        prober,
        sample: run.sample,
    };
    round.over(targets).await
}

/// How the endpoints of the store are looked at is theirs to say.
fn refuse_manner(run: &ProbeRun) -> Result<(), CommandError> {
    let said = run.sample || run.thorough || run.without_name || run.grace > 0;
    if !said && run.connect_to.is_empty() && run.source.is_empty() {
        return Ok(());
    }
    let sentence = "--connect-to, --grace, --sample, --source, --thorough and --without-name go with a target: \
        the endpoints of the store say for themselves how they are looked at";
    Err(InventoryError::Invalid(sentence.to_owned()).into())
}

fn targets(run: &ProbeRun, judge: &Judge) -> Result<Vec<Target>, CommandError> {
    let mut targets = match run.targets.is_empty() {
        true => target::of_inventory(&judge.inventory),
        false => {
            let read = run
                .targets
                .iter()
                .map(|text| target::read(text, &judge.inventory));
            read.collect::<Result<_, String>>()
                .map_err(InventoryError::Invalid)?
        }
    };
    for target in &mut targets {
        target.connect_to.clone_from(&run.connect_to);
        target.without_name = run.without_name;
    }
    Ok(targets)
}

fn prober(judge: Judge, run: &ProbeRun) -> Prober {
    let mut manner = Manner::default();
    manner.in_flight = run.in_flight;
    manner.sources.clone_from(&run.source);
    manner.thorough = run.thorough;
    let clock = SystemClock::default();
    Prober::new(judge, manner, Arc::new(move || clock.now()))
}

/// How many reports wait to be printed.
const WAITING: usize = 256;

/// One look at everything.
struct Round {
    output: Output,
    prober: Prober,
    sample: bool,
}

/// One line of what programs read.
#[derive(Serialize)]
struct SampleLine<'a> {
    cell: &'a Cell,
    mixed: bool,
    sample: &'a Coverage,
}

impl Round {
    async fn over(&self, targets: Vec<Target>) -> Result<Exit, CommandError> {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let (prober, all) = (self.prober.clone(), targets.clone());
        let looking = tokio::spawn(async move { prober.run(all, &sender).await });
        let mut progress = Progress::of(targets.len());
        let (mut summary, mut cells) = (Summary::default(), Vec::new());
        while let Some(report) = receiver.recv().await {
            summary.add(&report.verdict, report.level, report.leaf_sha256);
            self.print(&report, || report_text(&report))?;
            cells.extend(report.cell.clone());
            progress.step(&report);
        }
        progress.done();
        let _ = looking.await;
        if self.sample {
            self.sample(&targets, &cells, &mut summary).await?;
        }
        Ok(match summary.level {
            Level::Failure => Exit::No,
            Level::Fine | Level::Notice | Level::Warning => Exit::Done,
        })
    }

    async fn sample(
        &self,
        targets: &[Target],
        cells: &[Cell],
        summary: &mut Summary,
    ) -> Result<(), CommandError> {
        for cell in cells {
            let same =
                |target: &&Target| target.host == cell.host && target.protocol == cell.protocol;
            let Some(target) = targets.iter().find(same) else {
                continue;
            };
            let coverage = self.prober.sample(target, cell, Goal::ONE_OF_EIGHT).await;
            if coverage.is_mixed() {
                summary.level = Level::Failure;
            }
            let line = SampleLine {
                cell,
                mixed: coverage.is_mixed(),
                sample: &coverage,
            };
            self.print(&line, || format!("{}  {coverage}", cell.address))?;
        }
        Ok(())
    }

    /// One line for each answer, as soon as it is there.
    fn print<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        let line = match self.output {
            Output::Json => serde_json::to_string(value).map_err(std::io::Error::other)?,
            Output::Text => text(),
        };
        Ok(say(&line)?)
    }
}

fn report_text(report: &Report) -> String {
    let cell = report.cell.as_ref();
    let verdict = serde_json::to_value(&report.verdict).unwrap_or_default();
    let told = |name: &str| verdict[name].as_str().unwrap_or_default().to_owned();
    let place = cell.map_or_else(String::new, |cell| cell.address.to_string());
    let key = cell
        .and_then(|cell| cell.algorithm)
        .map_or_else(String::new, |key| format!("{key:?}"));
    let chain = report
        .judgement
        .as_ref()
        .map_or_else(String::new, |judgement| {
            let reach = serde_json::to_value(&judgement.chain.reach).unwrap_or_default();
            let words = ["is", "subject", "why"]
                .map(|name| reach[name].as_str().unwrap_or_default().to_owned());
            words.join(" ").trim().to_owned()
        });
    let listed = facts(&[
        ("address", place),
        ("key", key),
        ("why", told("why")),
        ("since", told("since")),
        ("cause", told("cause")),
        ("instead", told("item")),
        ("chain", chain),
        (
            "sha256",
            report
                .leaf_sha256
                .map_or_else(String::new, |leaf| leaf.to_string()),
        ),
    ]);
    let indented: Vec<String> = listed.lines().map(|line| format!("  {line}")).collect();
    let level = serde_json::to_value(report.level).unwrap_or_default();
    let level = level.as_str().unwrap_or_default();
    format!(
        "{}:{}  {}  ({level})\n{}",
        report.host.value(),
        report.port,
        report.verdict.name(),
        indented.join("\n")
    )
}

/// How far it is, for people who wait.
struct Progress {
    all: usize,
    seen: std::collections::BTreeSet<(String, u16)>,
    shown: bool,
}

impl Progress {
    fn of(all: usize) -> Self {
        Self {
            all,
            seen: std::collections::BTreeSet::new(),
            shown: std::io::stderr().is_terminal(),
        }
    }

    fn step(&mut self, report: &Report) {
        self.seen.insert((report.host.value(), report.port));
        if self.shown {
            eprint!("\r{} of {} looked at", self.seen.len(), self.all);
        }
    }

    fn done(&self) {
        if self.shown {
            eprintln!();
        }
    }
}
