//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{CONFIG_VARIABLE, ConfigError, ConfigFile, Entry, Sources};

mod audit;
mod export;
mod flags;
mod import;
mod inventory;
mod person;
mod probe;
mod secret;
mod token;

pub use audit::{AuditCommand, PruneArguments, RecordFilter, VerifyArguments};
pub use export::ExportArguments;
#[cfg(feature = "ssh-ca")]
pub use export::{SshCaCommand, SshCertificateArguments};
pub use flags::{EveryFlag, ServerFlag};
pub use import::{
    CredentialCommand, CredentialKind, EditArguments, EditChoice, GrantArguments, HostCommand,
    ImportCommand, KeptKind, NewCredentialArguments, PlanArguments,
};
pub use inventory::{
    BackupCommand, CertificateCommand, ClientCommand, NewClientArguments, OrderCommand,
    RestoreCommand,
};
pub use person::PersonCommand;
pub use probe::{ProbeCommand, ProbeRun};
pub use secret::SecretCommand;
pub use token::{NewTokenArguments, TokenCommand};

/// An ACME gateway that can explain what became of every order.
///
/// Every flag but --config is also a key of the configuration file and an environment variable:
/// --data-dir is data-dir and CERTLOCKER_DATA_DIR. Flags win over the environment, and that wins
/// over the file.
#[derive(Debug, Parser)]
#[command(name = "certlocker", version)]
#[non_exhaustive]
pub struct Cli {
    /// Configuration file, in TOML [environment: CERTLOCKER_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Settings that every command takes.
    #[command(flatten)]
    pub every: EveryFlag,
    /// Settings of the server, said before the command.
    #[command(flatten)]
    pub server: ServerFlag,
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program can do.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Look at the record of what happened, ask why, and check that nobody changed it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copy the database and its keys, while the server runs.
    Backup(BackupCommand),
    /// Look at certificates.
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Make and look at scoped clients.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at hosts, and at who may use them.
    #[command(subcommand)]
    Host(HostCommand),
    /// Bring hosts in: make a plan, read and change it, then apply it.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Look at orders: where each stands, why, and who must act next.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Add, look at, reset and switch off people who sign in.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Look at what endpoints really serve, against what the inventory expects.
    #[command(subcommand)]
    Probe(ProbeCommand),
    /// Put a backup into an empty data directory and database, or show that it could be.
    Restore(RestoreCommand),
    /// Look at sealed secrets and at the keys that wrap them, and change the key.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Run the server; this is what happens without a command, too.
    Serve(ServerFlag),
    /// Make, look at, rotate and revoke API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
}

/// What can be done with the configuration.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum ConfigCommand {
    /// Show every setting, its value and where it came from, or say what is wrong.
    Check(ServerFlag),
    /// Print a commented configuration file that lists every setting.
    Example,
}

impl Cli {
    /// Parses the command line, the program's name first.
    ///
    /// # Errors
    /// The error prints itself and knows its exit code; help and version are errors, too.
    pub fn parse_line<T>(line: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString> + Clone,
    {
        let cli = Self::try_parse_from(line)?;
        match (cli.server_flags(), cli.server.0.first()) {
            (None, Some(entry)) => Err(misplaced(entry)),
            _ => Ok(cli),
        }
    }

    /// Reads the configuration file, and gathers everything that settings come from.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] when a file is named and cannot be read.
    pub fn sources(&self, environment: Vec<(OsString, OsString)>) -> Result<Sources, ConfigError> {
        let named = environment
            .iter()
            .find(|(name, text)| name == CONFIG_VARIABLE && !text.is_empty());
        let path = self
            .config
            .as_deref()
            .or_else(|| named.map(|(_, path)| Path::new(path)));
        let file = path.map(ConfigFile::read).transpose()?;
        let own = self.server_flags().into_iter().flat_map(|flags| &flags.0);
        let flags = self
            .every
            .0
            .iter()
            .chain(&self.server.0)
            .chain(own)
            .cloned()
            .collect();
        Ok(Sources {
            file,
            environment,
            flags,
        })
    }

    /// The server's settings said after the command, if the command takes them.
    fn server_flags(&self) -> Option<&ServerFlag> {
        match &self.command {
            None => Some(&self.server),
            Some(Command::Serve(flags) | Command::Config(ConfigCommand::Check(flags))) => {
                Some(flags)
            }
            Some(_) => None,
        }
    }
}

fn misplaced(entry: &Entry) -> clap::Error {
    let text = format!(
        "{} is of use only to `serve` and `config check`",
        entry.origin
    );
    Cli::command().error(ErrorKind::ArgumentConflict, text)
}

/// How a command ended, for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "scripts rely on these three")]
pub enum Exit {
    /// It is done.
    Done,
    /// The answer is no: a mismatch, a failed verification.
    No,
    /// The command line, the configuration or the machine is not right.
    Unusable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::No => Self::from(1),
            Exit::Unusable => Self::from(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, load};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::parse_line(format!("certlocker {line}").split_whitespace())
    }

    fn settings(line: &str) -> Settings {
        let sources = parse(line).unwrap().sources(vec![]).unwrap();
        load(&sources).unwrap().settings
    }

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_server_is_told_the_same_before_after_and_without_the_command() {
        for line in [
            "--listen 127.0.0.1:1 --open-registration",
            "serve --listen 127.0.0.1:1 --open-registration",
            "--listen 127.0.0.1:1 serve --open-registration",
            "--open-registration config check --listen 127.0.0.1:1",
        ] {
            let settings = settings(line);
            assert_eq!(settings.listen, ["127.0.0.1:1".parse().unwrap()], "{line}");
            assert!(settings.open_registration, "{line}");
        }
    }

    #[test]
    fn settings_of_every_command_stand_before_or_after_it() {
        for line in [
            "--data-dir /srv --json config check",
            "config --data-dir /srv check --json",
            "config check --data-dir /srv --json",
            "--json serve --data-dir /srv",
            "--data-dir /srv --json",
        ] {
            let settings = settings(line);
            assert_eq!(
                (settings.data_dir, settings.json),
                ("/srv".into(), true),
                "{line}"
            );
        }
    }

    #[test]
    fn a_flag_of_the_server_before_another_command_is_refused() {
        let error = parse("--listen 127.0.0.1:1 config example").unwrap_err();
        assert_eq!(
            (error.kind(), error.exit_code()),
            (ErrorKind::ArgumentConflict, 2)
        );
        assert!(
            error
                .to_string()
                .contains("flag --listen is of use only to `serve`"),
            "{error}"
        );
        assert!(parse("config example --listen 127.0.0.1:1").is_err());
    }

    #[test]
    fn a_switch_needs_no_value_and_can_be_turned_off() {
        let cases = [
            ("--open-registration", true),
            ("--open-registration=true", true),
            ("--open-registration=false", false),
            ("", false),
        ];
        for (line, expect) in cases {
            assert_eq!(settings(line).open_registration, expect, "{line}");
        }
    }

    #[test]
    fn lists_are_flags_given_again_or_separated_by_commas() {
        for line in [
            "--allow-validation-to 10.0.0.0/8 --allow-validation-to fd00::/8",
            "--allow-validation-to 10.0.0.0/8,fd00::/8",
        ] {
            let ranges = settings(line).allow_validation_to;
            let expect = ["10.0.0.0/8", "fd00::/8"].map(|range| range.parse().unwrap());
            assert_eq!(ranges, expect, "{line}");
        }
        assert!(parse("--data-dir a --data-dir b").is_err());
    }

    #[test]
    fn the_flags_of_the_design_exist() {
        settings(
            "serve --data-dir d --database sqlite:x --listen 127.0.0.1:1 --operator-listen [::1]:2 \
             --public-url https://ca.example --resolver 127.0.0.1:53 --http01-port 5002 \
             --tls-alpn01-port 5001 --allow-validation-to 127.0.0.0/8 --open-registration \
             --ready-file r --server https://localhost:8444 --token-file t --json",
        );
    }

    #[test]
    fn the_configuration_file_is_named_by_flag_or_environment() {
        let directory = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| directory.path().join(name));
        std::fs::write(&one, "max-jobs = 1").unwrap();
        std::fs::write(&two, "max-jobs = 2").unwrap();
        let variable = vec![("CERTLOCKER_CONFIG".into(), one.into_os_string())];
        let flag = format!("config check --config {}", two.display());
        for (line, expect) in [("", 1), (flag.as_str(), 2)] {
            let sources = parse(line).unwrap().sources(variable.clone()).unwrap();
            assert_eq!(
                load(&sources).unwrap().settings.max_jobs.get(),
                expect,
                "{line}"
            );
        }
    }

    #[test]
    fn exit_codes_are_those_that_scripts_rely_on() {
        let cases = [
            ("--help", 0),
            ("--version", 0),
            ("--nonsense", 2),
            ("nonsense", 2),
            ("config", 2),
        ];
        for (line, code) in cases {
            assert_eq!(parse(line).unwrap_err().exit_code(), code, "{line}");
        }
    }
}
