//! The program `certlocker`.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use certlocker::cli::{Cli, Command, ConfigCommand, Exit};
use certlocker::config::{ConfigError, Loaded, Report, example, load};

fn main() -> ExitCode {
    match Cli::parse_line(std::env::args_os()) {
        Ok(cli) => run(&cli).into(),
        Err(error) => {
            // Nobody is there to be told when even this cannot be written.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX))
        }
    }
}

fn run(cli: &Cli) -> Exit {
    match &cli.command {
        Some(Command::Config(ConfigCommand::Example)) => print(&example()),
        Some(Command::Config(ConfigCommand::Check(_))) => with_settings(cli, check),
        _ => refuse(&"this build has no server yet"),
    }
}

fn with_settings(cli: &Cli, command: impl FnOnce(&Loaded) -> Exit) -> Exit {
    match settings(cli) {
        Ok(loaded) => command(&loaded),
        Err(error) => refuse(&error),
    }
}

fn settings(cli: &Cli) -> Result<Loaded, ConfigError> {
    load(&cli.sources(std::env::vars_os().collect())?)
}

fn check(loaded: &Loaded) -> Exit {
    let report = Report::of(loaded);
    if !loaded.settings.json {
        return print(&report.to_string());
    }
    match serde_json::to_string_pretty(&report) {
        Ok(json) => print(&(json + "\n")),
        Err(error) => refuse(&error),
    }
}

fn print(text: &str) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) => refuse(&format!("cannot write to standard output: {error}")),
    }
}

fn refuse(reason: &dyn Display) -> Exit {
    // Nobody is there to be told when even this cannot be written.
    let _ = writeln!(std::io::stderr(), "certlocker: {reason}");
    Exit::Unusable
}
