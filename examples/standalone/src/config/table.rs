//! The table of settings: every name, default and sentence of help comes from here.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use certlocker_acme::Rate;
use ipnet::IpNet;

use super::database::Database;
use super::draft::Draft;
use super::error::ConfigError;
use super::issuer::{IssuerUrl, RoleRule, Word};
use super::key_source::KeySource;
use super::sink::Sink;
use super::url::{BaseUrl, PageUrl};
use super::value::{Form, Value};
use crate::telemetry::{LogFilter, LogFormat};

/// One row of the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setting {
    /// The heading it stands under.
    pub section: &'static str,
    /// The name of its field in [`Settings`].
    pub field: &'static str,
    /// How it is written.
    pub form: Form,
    /// What stands for its value in the help text.
    pub placeholder: &'static str,
    /// What holds when nobody sets it.
    pub preset: Preset,
    /// The commands that take it as a flag.
    pub reach: Reach,
    lines: &'static [&'static str],
}

/// The commands that take a setting as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Every command.
    Everywhere,
    /// Those that run the server or check its configuration.
    Server,
}

/// What holds when nobody sets a setting.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Preset {
    /// A value of its own.
    Text(&'static str),
    /// A value made from other settings.
    Derived {
        /// How it is made, in words.
        rule: &'static str,
        /// Makes it.
        from: fn(&Draft) -> Result<String, ConfigError>,
    },
    /// Nothing; the example shows what it could be.
    Unset {
        /// A value that could be set.
        example: &'static str,
    },
}

impl Setting {
    /// Its key in a configuration file.
    pub fn key(&self) -> String {
        self.field.replace('_', "-")
    }

    /// Its flag on the command line.
    pub fn flag(&self) -> String {
        format!("--{}", self.key())
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("CERTLOCKER_{}", self.field.to_ascii_uppercase())
    }

    /// What it does, in sentences.
    pub fn doc(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }
}

/// Makes the struct and the table from one list, so that they cannot differ.
macro_rules! settings {
    ($($section:literal {$(
        $(#[doc = $doc:literal])+
        $reach:ident $field:ident: $type:ty = $preset:expr;
    )+})+) => {
        /// What the server and the commands are told to do; made by [`load`](super::load).
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct Settings {
            $($($(#[doc = $doc])+ pub $field: $type,)+)+
        }

        /// All settings, in the order in which they are shown.
        pub static TABLE: &[Setting] = &[$($(Setting {
            section: $section,
            field: stringify!($field),
            form: <$type as Value>::FORM,
            placeholder: <$type as Value>::PLACEHOLDER,
            preset: $preset,
            reach: Reach::$reach,
            lines: &[$($doc),+],
        },)+)+];

        impl Settings {
            pub(super) fn read(draft: &Draft) -> Result<Self, ConfigError> {
                Ok(Self { $($($field: draft.read(stringify!($field))?,)+)+ })
            }
        }
    };
}

settings! {
    "Storage" {
        /// Directory for everything that the server keeps: database, keys, tokens. Created, readable
        /// by its owner only, when missing.
        Everywhere data_dir: PathBuf = Preset::Text("certlocker-data");
        /// Database, as sqlite:PATH for one server, or as postgres://USER:PASSWORD@HOST/DATABASE for
        /// any number of them. A PostgreSQL URL may name several hosts, and takes sslmode and
        /// sslrootcert.
        Everywhere database: Database = Preset::Derived {
            rule: "in data-dir",
            from: database_in_data_dir,
        };
        /// File with the key that wraps every secret; made when missing. Servers that share a database
        /// need the same one.
        Everywhere master_key_file: PathBuf = Preset::Derived {
            rule: "in data-dir",
            from: master_key_in_data_dir,
        };
        /// File whose first line is the passphrase that protects the key in master-key-file, or in the
        /// file or credential that master-key-from names.
        Everywhere master_key_passphrase_file: Option<PathBuf> = Preset::Unset {
            example: "/run/credentials/certlocker.service/passphrase",
        };
        /// Where that key comes from instead of master-key-file: credential:NAME (of systemd),
        /// env:VARIABLE (in base64) or file:PATH; behind a file or a credential that a passphrase
        /// protects, ;passphrase-file=PATH. With feature `pkcs11` also a key of a hardware module, as
        /// pkcs11:token=LABEL;object=LABEL?module-path=PATH&pin-source=PATH.
        Everywhere master_key_from: Option<KeySource> = Preset::Unset {
            example: "credential:certlocker.key",
        };
        /// Keys under which secrets were wrapped before; can be given several times. `certlocker
        /// secret rotate` says when one is of no more use.
        Everywhere retired_key: Vec<KeySource> = Preset::Unset { example: "env:OLD_KEY" };
    }
    "Listeners" {
        /// Address of the ACME gateway; can be given several times. Port 0 takes a free port.
        Server listen: Vec<SocketAddr> = Preset::Text("127.0.0.1:8443");
        /// Address of the operator plane: pages, API, health and metrics.
        Server operator_listen: SocketAddr = Preset::Text("127.0.0.1:8444");
        /// Where clients reach the gateway; every URL it hands out starts with it. A path in front of
        /// /rest/acme is allowed.
        Server public_url: BaseUrl = Preset::Derived {
            rule: "from the first listen",
            from: public_url_of_first_listener,
        };
        /// Where browsers reach the operator plane; an issuer of OpenID Connect sends them back there.
        Server operator_url: BaseUrl = Preset::Derived {
            rule: "from operator-listen",
            from: operator_url_of_its_listener,
        };
        /// File that is written once both planes serve, and removed when they stop.
        Server ready_file: Option<PathBuf> = Preset::Unset { example: "/run/certlocker/ready.json" };
        /// Connections that each plane holds at the same time; more wait in the system's queue.
        Server max_connections: NonZero<usize> = Preset::Text("4096");
        /// How long a TLS handshake may take.
        Server handshake_timeout: Duration = Preset::Text("10s");
        /// How long a connection may stay open without a request in progress.
        Server idle_timeout: Duration = Preset::Text("60s");
        /// How long a request may take, its body included, until its answer begins.
        Server request_timeout: Duration = Preset::Text("30s");
        /// How long requests in progress may finish once the server is told to stop.
        Server shutdown_grace: Duration = Preset::Text("10s");
    }
    "Gateway" {
        /// Let anybody register an account, without a client's credential.
        Server open_registration: bool = Preset::Text("false");
        /// Terms of service that clients have to agree to.
        Server terms_of_service: Option<PageUrl> = Preset::Unset { example: "https://ca.example/terms" };
        /// A page about this service, shown in the directory.
        Server website: Option<PageUrl> = Preset::Unset { example: "https://ca.example/" };
        /// How long a challenge or finalize request waits for its outcome before the answer is
        /// `processing`.
        Server answer_wait: Duration = Preset::Text("300ms");
        /// How long an order can be completed.
        Server order_lifetime: Duration = Preset::Text("7d");
        /// How long an order stays after it ended; its records stay for ever.
        Server order_retention: Duration = Preset::Text("90d");
        /// How long a proof of control counts.
        Server authorization_lifetime: Duration = Preset::Text("30d");
        /// How old an untouched order for the same names may be to be given again.
        Server same_order_window: Duration = Preset::Text("1h");
        /// How many identifiers one order may name.
        Server max_identifiers: NonZero<usize> = Preset::Text("100");
        /// How many challenges are looked at, and certificates issued, at the same time.
        Server max_jobs: NonZero<usize> = Preset::Text("256");
        /// How many requests are worked on at the same time; more are told to come again.
        Server max_requests: NonZero<usize> = Preset::Text("1024");
    }
    "Rates" {
        /// Requests that one account may send: so many at once, and so many in each span.
        Server account_request_rate: Option<Rate> = Preset::Unset { example: "300/1m" };
        /// Orders that one account may place.
        Server account_order_rate: Option<Rate> = Preset::Unset { example: "50/1h" };
        /// Requests that all accounts of one client may send.
        Server client_request_rate: Option<Rate> = Preset::Unset { example: "3000/1m" };
        /// Orders that all accounts of one client may place.
        Server client_order_rate: Option<Rate> = Preset::Unset { example: "500/1h" };
        /// Signed requests from one network, a /24 or a /48, whoever sends them.
        Server network_request_rate: Option<Rate> = Preset::Unset { example: "6000/1m" };
    }
    "Validation" {
        /// DNS server that answers every look-up; without it, those of the system.
        Server resolver: Option<SocketAddr> = Preset::Unset { example: "192.0.2.53:53" };
        /// Port that counts as 80 when looking at http-01 challenges.
        Server http01_port: NonZero<u16> = Preset::Text("80");
        /// Port that counts as 443 when looking at tls-alpn-01 challenges.
        Server tls_alpn01_port: NonZero<u16> = Preset::Text("443");
        /// Private, loopback or link-local range that challenges may be looked for in; can be given
        /// several times. All others of these kinds are refused.
        Server allow_validation_to: Vec<IpNet> = Preset::Unset { example: "10.0.0.0/8" };
        /// How long after an attempt without an answer the next one starts.
        Server validation_retry: Duration = Preset::Text("500ms");
        /// How long a challenge without an answer is tried again before it is invalid.
        Server validation_window: Duration = Preset::Text("10s");
    }
    "Certificates" {
        /// How long a certificate is valid when its order does not say.
        Server certificate_validity: Duration = Preset::Text("90d");
        /// The longest validity that an order may ask for.
        Server max_certificate_validity: Duration = Preset::Text("397d");
        /// How long an issuer that gives no answer is asked again.
        Server issuer_patience: Duration = Preset::Text("1h");
        /// How long a revocation list is valid.
        Server crl_validity: Duration = Preset::Text("7d");
    }
    "Audit" {
        /// How far the audit log may be behind the records before the server is not ready.
        Server audit_lag: Duration = Preset::Text("30s");
        /// Where records go as well: file:PATH, webhook:https://URL;key-file=PATH, or syslog as
        /// tcp:HOST:PORT, tls:HOST:PORT or udp:HOST:PORT; and behind it ;format=ocsf, ;required=SPAN
        /// (nothing is changed while a record waits longer), and for a file ;size=BYTES and ;keep=N.
        /// Can be given several times.
        Server audit_sink: Vec<Sink> = Preset::Unset { example: "file:/var/log/certlocker/audit.jsonl" };
        /// Certificates, in PEM, of the authorities that vouch for sinks and witnesses; without it,
        /// those of the system.
        Server audit_ca_file: Option<PathBuf> = Preset::Unset { example: "/etc/certlocker/siem-ca.pem" };
        /// Address where anybody may read the files of the audit log, which name accounts and hosts;
        /// without it, the operator plane has them, under a token.
        Server audit_listen: Option<SocketAddr> = Preset::Unset { example: "192.0.2.1:8445" };
        /// File with the policy (c2sp.org/tlog-policy) whose witnesses are asked to cosign the log.
        Server audit_policy: Option<PathBuf> = Preset::Unset { example: "/etc/certlocker/witnesses" };
        /// The written policy of retention: entries of the audit log may be removed once they are
        /// older. Without it, nothing is.
        Server audit_retention: Option<Duration> = Preset::Unset { example: "400d" };
    }
    "Sign-in" {
        /// Issuer of OpenID Connect with whose accounts people may sign in on the pages, as a URL. Needs
        /// feature `oidc`.
        Server oidc_issuer: Option<IssuerUrl> = Preset::Unset { example: "https://idp.example/realms/main" };
        /// What the issuer calls this server.
        Server oidc_client_id: Option<Word> = Preset::Unset { example: "certlocker" };
        /// File with the secret that the issuer gave this server.
        Server oidc_client_secret_file: Option<PathBuf> = Preset::Unset { example: "/etc/certlocker/oidc-secret" };
        /// Role of those of whom the issuer says this, as CLAIM=VALUE:ROLE, such as
        /// groups=netops:operator; can be given several times. A claim inside another is named with a
        /// dot, and an email counts only if the issuer verified it. Who has no role is not let in.
        Server oidc_role: Vec<RoleRule> = Preset::Unset { example: "groups=netops:operator" };
        /// What the issuer is asked for besides `openid`; can be given several times.
        Server oidc_scope: Vec<Word> = Preset::Text("profile,email");
        /// Certificates, in PEM, of the authorities that vouch for the issuer; without it, those of the
        /// system.
        Server oidc_ca_file: Option<PathBuf> = Preset::Unset { example: "/etc/certlocker/idp-ca.pem" };
    }
    "Log" {
        /// How the log is written: text or json.
        Server log_format: LogFormat = Preset::Text("text");
        /// What the log shows: error, warn, info, debug, trace or off, also per module, such as
        /// info,certlocker_acme=debug.
        Server log_level: LogFilter = Preset::Text("info");
    }
    "Command line" {
        /// Print JSON instead of tables.
        Everywhere json: bool = Preset::Text("false");
        /// Operator plane of a running server that a command talks to, instead of opening the
        /// database.
        Everywhere server: Option<BaseUrl> = Preset::Unset { example: "https://localhost:8444" };
        /// File with the token that a command shows to that server.
        Everywhere token_file: Option<PathBuf> = Preset::Unset { example: "/etc/certlocker/token" };
    }
}

fn database_in_data_dir(draft: &Draft) -> Result<String, ConfigError> {
    let directory: PathBuf = draft.read("data_dir")?;
    Ok(format!(
        "sqlite:{}",
        directory.join("certlocker.sqlite").display()
    ))
}

fn master_key_in_data_dir(draft: &Draft) -> Result<String, ConfigError> {
    let directory: PathBuf = draft.read("data_dir")?;
    Ok(directory.join("master.key").display().to_string())
}

fn public_url_of_first_listener(draft: &Draft) -> Result<String, ConfigError> {
    let addresses: Vec<SocketAddr> = draft.read("listen")?;
    let first = addresses.first().copied();
    let first = first.ok_or(ConfigError::NoListener)?;
    Ok(BaseUrl::of_listener(first).to_string())
}

fn operator_url_of_its_listener(draft: &Draft) -> Result<String, ConfigError> {
    let address = draft.read("operator_listen")?;
    Ok(BaseUrl::of_listener(address).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_one_name_in_three_spellings() {
        let setting = TABLE
            .iter()
            .find(|row| row.field == "tls_alpn01_port")
            .unwrap();
        assert_eq!(setting.key(), "tls-alpn01-port");
        assert_eq!(setting.flag(), "--tls-alpn01-port");
        assert_eq!(setting.variable(), "CERTLOCKER_TLS_ALPN01_PORT");
    }

    #[test]
    fn every_setting_is_explained_in_whole_sentences() {
        for setting in TABLE {
            let doc = setting.doc();
            assert!(
                doc.ends_with('.') && !doc.contains("  "),
                "{}: {doc}",
                setting.field
            );
        }
    }
}
