//! Where records go besides the ledger.

use std::path::PathBuf;
use std::time::Duration;

use certlocker_audit::http::origin;
use certlocker_audit::sink::{Class, Format, Only, Rotation};
use url::Url;

use super::value::{Misfit, Scalar};

/// A sink of records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sink {
    /// What it means when it takes nothing.
    pub class: Class,
    /// In which form records are written.
    pub format: Format,
    /// The kinds of records that it is given, by name or code; all if there are none.
    pub only: Vec<String>,
    /// Where they go.
    pub target: Target,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Lines of a file.
    File(PathBuf, Rotation),
    /// An OpenTelemetry collector, by the URL of its logs.
    #[cfg(feature = "otlp")]
    Otlp(String),
    /// A syslog server, by its host and port.
    Syslog(String, Wire),
    /// A URL, and the file with the key of the MAC that it checks.
    Webhook(String, PathBuf),
}

/// How syslog messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "those that syslog has")]
pub enum Wire {
    /// RFC 6587.
    Tcp,
    /// RFC 5425.
    Tls,
    /// RFC 5426.
    Udp,
}

impl Sink {
    /// What it is called in metrics, checks and refusals: without what may be a secret.
    pub fn name(&self) -> String {
        let place = self.place();
        match self.only.is_empty() {
            true => place,
            false => format!("{place} ({})", self.only.join(",")),
        }
    }

    fn place(&self) -> String {
        match &self.target {
            Target::File(path, _) => format!("file:{}", path.display()),
            #[cfg(feature = "otlp")]
            Target::Otlp(url) => named("otlp", url),
            Target::Syslog(peer, Wire::Tcp) => format!("tcp:{peer}"),
            Target::Syslog(peer, Wire::Tls) => format!("tls:{peer}"),
            Target::Syslog(peer, Wire::Udp) => format!("udp:{peer}"),
            Target::Webhook(url, _) => named("webhook", url),
        }
    }
}

/// The origin of a URL, and if there is more to it, something that tells it from others there.
fn named(kind: &str, url: &str) -> String {
    let origin = origin(url);
    match url.strip_prefix(&origin) {
        None | Some("" | "/") => format!("{kind}:{origin}"),
        Some(path) => {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path.as_bytes());
            let digits: String = digest.as_ref()[..4]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{kind}:{origin}#{digits}")
        }
    }
}

/// A text of the setting as it may be shown: the path of a URL may be a secret.
pub(super) fn shown(text: &str) -> String {
    let (url, options) = text.split_once(';').unwrap_or((text, ""));
    let more = if options.is_empty() {
        String::new()
    } else {
        format!(";{options}")
    };
    match url.split_once(':') {
        Some((kind @ ("webhook" | "otlp"), url)) => format!("{kind}:{}/…{more}", origin(url)),
        _ => text.to_owned(),
    }
}

const FORM: &str = "file:PATH, tcp:HOST:PORT, tls:HOST:PORT, udp:HOST:PORT or \
    webhook:https://URL;key-file=PATH, and behind it ;required=SPAN, ;format=canonical|ocsf, ;only=KIND,KIND, \
    and for a file ;size=BYTES and ;keep=N";

impl Scalar for Sink {
    const PLACEHOLDER: &'static str = "SINK";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let misfit = || Misfit::expected(FORM, &shown(text));
        let mut parts = text.split(';');
        let (kind, place) = parts
            .next()
            .and_then(|part| part.split_once(':'))
            .ok_or_else(misfit)?;
        let mut sink = Self {
            class: Class::BestEffort,
            format: Format::Canonical,
            only: Vec::new(),
            target: target(kind, place).ok_or_else(misfit)?,
        };
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(misfit)?;
            sink.set(name, value).ok_or_else(misfit)?;
        }
        if matches!(&sink.target, Target::Webhook(_, file) if file.as_os_str().is_empty()) {
            return Err(misfit());
        }
        Ok(sink)
    }
}

fn target(kind: &str, place: &str) -> Option<Target> {
    match kind {
        "file" if !place.is_empty() => Some(Target::File(place.into(), Rotation::default())),
        #[cfg(feature = "otlp")]
        "otlp" => Some(Target::Otlp(url(place, &["http", "https"])?)),
        "tcp" => Some(Target::Syslog(peer(place)?, Wire::Tcp)),
        "tls" => Some(Target::Syslog(peer(place)?, Wire::Tls)),
        "udp" => Some(Target::Syslog(peer(place)?, Wire::Udp)),
        "webhook" => Some(Target::Webhook(url(place, &["https"])?, PathBuf::new())),
        _ => None,
    }
}

fn peer(place: &str) -> Option<String> {
    let (host, port) = place.rsplit_once(':')?;
    let whole = !host.is_empty() && port.parse::<u16>().is_ok();
    whole.then(|| place.to_owned())
}

fn url(text: &str, schemes: &[&str]) -> Option<String> {
    let url: Url = text.parse().ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let fits = plain && url.has_host() && schemes.contains(&url.scheme());
    fits.then(|| url.to_string())
}

impl Sink {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match (name, value, &mut self.target) {
            ("required", span, _) => {
                let deadline = Duration::from_text(span).ok()?;
                self.class = Class::Required { deadline };
            }
            ("only", kinds, _) => {
                self.only = kinds.split(',').map(str::to_owned).collect();
                self.only
                    .iter()
                    .all(|kind| Only::knows(kind))
                    .then_some(())?;
            }
            #[cfg(feature = "otlp")]
            ("format", _, Target::Otlp(_)) => return None,
            ("format", "canonical", _) => self.format = Format::Canonical,
            ("format", "ocsf", _) => self.format = Format::Ocsf,
            ("size", bytes, Target::File(_, rotation)) => rotation.bytes = bytes.parse().ok()?,
            ("keep", count, Target::File(_, rotation)) => rotation.kept = count.parse().ok()?,
            ("key-file", path, Target::Webhook(_, file)) if !path.is_empty() => {
                *file = path.into();
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_a_place_and_what_is_said_behind_it() {
        let sink =
            Sink::from_text("file:/var/log/a.jsonl;required=30s;format=ocsf;size=1000;keep=3")
                .unwrap();
        let rotation = Rotation {
            bytes: 1_000,
            kept: 3,
        };
        assert_eq!(
            sink.target,
            Target::File("/var/log/a.jsonl".into(), rotation)
        );
        assert_eq!(sink.format, Format::Ocsf);
        let deadline = Duration::from_secs(30);
        assert_eq!(sink.class, Class::Required { deadline });
        let sink = Sink::from_text("tls:log.example:6514").unwrap();
        assert_eq!(
            (sink.class, sink.name().as_str()),
            (Class::BestEffort, "tls:log.example:6514")
        );
    }

    #[test]
    fn what_is_no_sink_is_refused_with_the_form() {
        for text in [
            "",
            "file:",
            "tcp:host",
            "udp::514",
            "http://x",
            "file:a;required",
            "file:a;required=x",
            "tcp:h:1;keep=2",
            "webhook:https://h.example/s3cret",
            "webhook:http://h.example/s3cret;key-file=k",
            "webhook:https://me:s3cret@h.example/;key-file=k",
        ] {
            let error = Sink::from_text(text).unwrap_err().to_string();
            assert!(
                error.starts_with("expected file:PATH, tcp:HOST:PORT"),
                "{text}: {error}"
            );
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_webhook_is_named_without_what_may_be_a_secret_and_apart_from_others() {
        let named = |text: &str| Sink::from_text(text).unwrap().name();
        let one = named("webhook:https://h.example/hook/s3cret;key-file=/k");
        let other = named("webhook:https://h.example/hook/other;key-file=/k");
        assert!(one.starts_with("webhook:https://h.example#"), "{one}");
        assert!(!one.contains("s3cret") && one != other);
        assert_eq!(
            shown("webhook:https://h.example/hook/s3cret;key-file=/k"),
            "webhook:https://h.example/…;key-file=/k"
        );
    }

    #[test]
    fn an_alert_is_a_sink_for_some_kinds_of_records_with_a_place_of_its_own() {
        let read = |only| Sink::from_text(&format!("webhook:https://h.example/;key-file=/k{only}"));
        let alert = read(";only=endpoint.mismatch,CLA343I").unwrap();
        assert_eq!(alert.only, ["endpoint.mismatch", "CLA343I"]);
        assert_ne!(alert.name(), read("").unwrap().name());
        assert!(read(";only=endpoint.misspelled").is_err());
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn a_collector_has_a_form_of_its_own() {
        let sink = Sink::from_text("otlp:http://localhost:4318/v1/logs;required=1m").unwrap();
        assert!(matches!(sink.target, Target::Otlp(_)));
        assert!(Sink::from_text("otlp:http://localhost:4318/v1/logs;format=ocsf").is_err());
    }
}
