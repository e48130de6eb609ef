//! What the server is told to do: defaults, then a file, then the environment, then flags.

use std::ffi::OsString;
use std::fmt;

mod agreement;
mod database;
mod draft;
mod environment;
mod error;
mod example;
mod file;
mod issuer;
mod key_source;
mod origin;
mod report;
mod sink;
mod table;
mod url;
mod value;

pub use database::Database;
pub(crate) use draft::split;
pub use draft::{Draft, Entry};
pub use environment::{CONFIG_VARIABLE, RESERVED};
pub use error::ConfigError;
pub use example::example;
pub use file::ConfigFile;
pub use issuer::{IssuerUrl, RoleRule, Word};
pub use key_source::KeySource;
pub use origin::Origin;
pub use report::Report;
pub use sink::{Sink, Target, Wire};
pub use table::{Preset, Reach, Setting, Settings, TABLE};
pub use url::{BaseUrl, PageUrl};
pub use value::{Form, Misfit, Scalar, Value};

/// What settings are read from, lowest first; nothing here was looked at yet.
#[derive(Clone, Default)]
#[allow(clippy::exhaustive_structs, reason = "the layers are the contract")]
pub struct Sources {
    /// The configuration file, if there is one.
    pub file: Option<ConfigFile>,
    /// The process's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What the command line said.
    pub flags: Vec<Entry>,
}

/// Without what is in the file and the environment: passwords, and keys of other programs.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// The settings, and where each came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// Where each value came from, in the order of [`TABLE`].
    pub entries: Vec<Entry>,
    /// The settings.
    pub settings: Settings,
}

/// Lays the sources over each other and parses the outcome.
///
/// A list in a later source replaces that of an earlier one.
///
/// # Errors
/// [`ConfigError`] names the first setting that is wrong, and where it was set.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut draft = Draft::of_presets();
    if let Some(file) = &sources.file {
        draft.lay_over(file.layer()?);
    }
    draft.lay_over(environment::read(&sources.environment)?);
    draft.lay_over(sources.flags.clone());
    draft.derive()?;
    let settings = Settings::read(&draft)?;
    agreement::check(&settings, &draft)?;
    Ok(Loaded {
        entries: draft.into_entries(),
        settings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Sources {
        let file = ConfigFile {
            path: "c.toml".into(),
            text: text.to_owned(),
        };
        Sources {
            file: Some(file),
            ..Sources::default()
        }
    }

    fn flag(field: &'static str, text: &str) -> Entry {
        Entry {
            field,
            origin: Origin::Flag("--x".to_owned()),
            texts: vec![text.to_owned()],
        }
    }

    fn origin(loaded: &Loaded, field: &str) -> String {
        let entry = loaded.entries.iter().find(|entry| entry.field == field);
        entry.unwrap().origin.to_string()
    }

    #[test]
    fn a_later_source_wins_over_an_earlier() {
        let mut sources = from_file("http01-port = 1\ntls-alpn01-port = 1\nmax-jobs = 1");
        sources.environment = vec![
            ("CERTLOCKER_HTTP01_PORT".into(), "2".into()),
            ("CERTLOCKER_MAX_JOBS".into(), "2".into()),
        ];
        sources.flags = vec![flag("max_jobs", "3")];
        let loaded = load(&sources).unwrap();
        let settings = &loaded.settings;
        assert_eq!(settings.tls_alpn01_port.get(), 1);
        assert_eq!(settings.http01_port.get(), 2);
        assert_eq!(settings.max_jobs.get(), 3);
        assert_eq!(settings.max_identifiers.get(), 100);
        let origins = [
            "tls_alpn01_port",
            "http01_port",
            "max_jobs",
            "max_identifiers",
        ]
        .map(|field| origin(&loaded, field));
        assert_eq!(
            origins,
            [
                "c.toml:2",
                "environment CERTLOCKER_HTTP01_PORT",
                "flag --x",
                "default"
            ]
        );
    }

    #[test]
    fn a_list_replaces_the_list_below_it() {
        let mut sources = from_file("listen = ['127.0.0.1:1', '127.0.0.1:2']");
        sources.flags = vec![flag("listen", "[::1]:3")];
        let listen = load(&sources).unwrap().settings.listen;
        assert_eq!(listen, ["[::1]:3".parse().unwrap()]);
    }

    #[test]
    fn the_database_lies_in_the_data_directory_unless_it_is_named() {
        let cases = [
            ("", "certlocker-data/certlocker.sqlite"),
            ("data-dir = '/srv'", "/srv/certlocker.sqlite"),
            ("data-dir = '/srv'\ndatabase = 'sqlite:/db'", "/db"),
        ];
        for (text, expect) in cases {
            let loaded = load(&from_file(text)).unwrap();
            assert_eq!(
                loaded.settings.database,
                Database::Sqlite(expect.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn the_public_url_follows_the_first_listener_unless_it_is_set() {
        let cases = [
            (
                "",
                "https://127.0.0.1:8443",
                "default (from the first listen)",
            ),
            (
                "listen = ['[::]:1', '192.0.2.7:2']",
                "https://localhost:1",
                "default (from the first listen)",
            ),
            (
                "public-url = 'https://ca.example/'",
                "https://ca.example",
                "c.toml:1",
            ),
        ];
        for (text, expect, from) in cases {
            let loaded = load(&from_file(text)).unwrap();
            assert_eq!(loaded.settings.public_url.as_str(), expect, "{text}");
            assert_eq!(origin(&loaded, "public_url"), from, "{text}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_with_its_place() {
        let cases = [
            (
                "listen = []",
                "listen: expected at least one address for the gateway, got none",
            ),
            (
                "public-url = 'https://x'\nlisten = []",
                "listen: expected at least one address for the gateway, got none (c.toml:2)",
            ),
            (
                "answer-wait = 300",
                "such as 300ms or 90d, got `300` (c.toml:1)",
            ),
            (
                "http01-port = [1, 2]",
                "http01-port: expected exactly one N, got 2 (c.toml:1)",
            ),
            (
                "operator-listen = '127.0.0.1:8443'",
                "operator-listen: 127.0.0.1:8443 is an address of the gateway too; the planes need one each (c.toml:1)",
            ),
            (
                "token-file = 'x'",
                "token-file: a token is of use only together with `server` (c.toml:1)",
            ),
            (
                "order-lifetime = '0s'",
                "order-lifetime: expected a span longer than nothing (c.toml:1)",
            ),
            (
                "certificate-validity = '398d'",
                "certificate-validity: expected at most max-certificate-validity, got more (c.toml:1)",
            ),
            (
                "database = 'postgres://db/x?sslmode=maybe'",
                "database: this is no address of a PostgreSQL database: sslmode is disable, prefer, require, verify-ca or verify-full, not `maybe` (c.toml:1)",
            ),
        ];
        for (text, expect) in cases {
            let error = load(&from_file(text)).unwrap_err().to_string();
            assert!(error.ends_with(expect), "{text}: {error}");
        }
    }

    #[test]
    fn two_planes_may_both_take_a_free_port_of_one_address() {
        let sources = from_file("listen = '127.0.0.1:0'\noperator-listen = '127.0.0.1:0'");
        assert!(load(&sources).is_ok());
    }
}
