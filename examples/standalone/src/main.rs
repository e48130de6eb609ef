//! The program `certlocker`.

use std::process::ExitCode;

use certlocker_standalone::cli::{Cli, Command, ConfigCommand, Exit};
use certlocker_standalone::commands::{self, CommandError};
use certlocker_standalone::config::{self, Report, Settings};
use certlocker_standalone::output::Output;
use certlocker_standalone::serve::serve;
use certlocker_standalone::telemetry::{Metrics, start_log};

fn main() -> ExitCode {
    let cli = match Cli::parse_line(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    run(&cli).into()
}

fn run(cli: &Cli) -> Exit {
    if let Some(Command::Config(ConfigCommand::Example)) = &cli.command {
        print!("{}", config::example());
        return Exit::Done;
    }
    let loaded = match cli
        .sources(std::env::vars_os().collect())
        .and_then(|sources| config::load(&sources))
    {
        Ok(loaded) => loaded,
        Err(error) => return unusable(&error),
    };
    if let Some(Command::Config(ConfigCommand::Check(_))) = &cli.command {
        return check(&Report::of(&loaded), &loaded.settings);
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(perform(cli.command.as_ref(), &loaded.settings)),
        Err(error) => unusable(&error),
    }
}

fn check(report: &Report, settings: &Settings) -> Exit {
    let output = if settings.json {
        Output::Json
    } else {
        Output::Text
    };
    match output.print(report, Report::to_string) {
        Ok(()) => Exit::Done,
        Err(error) => unusable(&error),
    }
}

async fn perform(command: Option<&Command>, settings: &Settings) -> Exit {
    let done = match command {
        Some(Command::Audit(command)) => commands::audit(settings, command).await,
        Some(Command::Backup(command)) => commands::backup(settings, command).await,
        Some(Command::Certificate(command)) => commands::certificate(settings, command).await,
        Some(Command::Client(command)) => commands::client(settings, command).await,
        Some(Command::Host(command)) => commands::host(settings, command).await,
        Some(Command::Import(command)) => commands::import(settings, command).await,
        Some(Command::Order(command)) => commands::order(settings, command).await,
        Some(Command::Person(command)) => commands::person(settings, command).await,
        Some(Command::Token(command)) => commands::token(settings, command).await,
        Some(Command::Endpoint(command)) => commands::endpoint(settings, command).await,
        Some(Command::Probe(command)) => commands::probe(settings, command).await,
        Some(Command::Restore(command)) => commands::restore(settings, command).await,
        Some(Command::Secret(command)) => commands::secret(settings, command).await,
        _ => return run_server(settings).await,
    };
    done.unwrap_or_else(|error: CommandError| {
        unusable(&error);
        error.exit()
    })
}

async fn run_server(settings: &Settings) -> Exit {
    if let Err(error) = start_log(settings.log_format, &settings.log_level) {
        return unusable(&error);
    }
    let metrics = match Metrics::start() {
        Ok(metrics) => metrics,
        Err(error) => return unusable(&error),
    };
    match serve(settings, metrics).await {
        Ok(()) => Exit::Done,
        Err(error) => unusable(&error),
    }
}

/// Says what is wrong with its causes, on one line.
fn unusable(error: &dyn std::error::Error) -> Exit {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let text: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("certlocker: {}", text.join(": "));
    Exit::Unusable
}
