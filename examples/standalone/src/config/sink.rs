//! Where records go besides the ledger.

use std::path::PathBuf;
use std::time::Duration;

use certlocker_audit::sink::{Class, Format, Rotation, Transport};

use super::value::{Misfit, Scalar};

/// A sink of records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sink {
    /// What it means when it takes nothing.
    pub class: Class,
    /// In which form records are written.
    pub format: Format,
    /// Where they go.
    pub target: Target,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Lines of a file.
    File(PathBuf, Rotation),
    /// A syslog server, by its address and port.
    Syslog(String, Transport),
}

/// What surely arrives in one datagram.
const DATAGRAM: usize = 2_048;

impl Sink {
    /// What it is called in metrics and checks.
    pub fn name(&self) -> String {
        match &self.target {
            Target::File(path, _) => format!("file:{}", path.display()),
            Target::Syslog(peer, Transport::Tcp) => format!("tcp:{peer}"),
            Target::Syslog(peer, _) => format!("udp:{peer}"),
        }
    }
}

const FORM: &str = "file:PATH, tcp:HOST:PORT or udp:HOST:PORT, and behind it ;required=SPAN, \
    ;format=canonical|ocsf, and for a file ;size=BYTES and ;keep=N";

impl Scalar for Sink {
    const PLACEHOLDER: &'static str = "SINK";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let misfit = || Misfit::expected(FORM, text);
        let mut parts = text.split(';');
        let (kind, place) = parts
            .next()
            .and_then(|part| part.split_once(':'))
            .ok_or_else(misfit)?;
        let is_peer = place
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let target = match kind {
            "file" if !place.is_empty() => Target::File(place.into(), Rotation::default()),
            "tcp" if is_peer => Target::Syslog(place.to_owned(), Transport::Tcp),
            "udp" if is_peer => {
                Target::Syslog(place.to_owned(), Transport::Udp { largest: DATAGRAM })
            }
            _ => return Err(misfit()),
        };
        let mut sink = Self {
            class: Class::BestEffort,
            format: Format::Canonical,
            target,
        };
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(misfit)?;
            sink.set(name, value).ok_or_else(misfit)?;
        }
        Ok(sink)
    }
}

impl Sink {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match (name, value, &mut self.target) {
            ("required", span, _) => {
                let deadline = Duration::from_text(span).ok()?;
                self.class = Class::Required { deadline };
            }
            ("format", "canonical", _) => self.format = Format::Canonical,
            ("format", "ocsf", _) => self.format = Format::Ocsf,
            ("size", bytes, Target::File(_, rotation)) => rotation.bytes = bytes.parse().ok()?,
            ("keep", count, Target::File(_, rotation)) => rotation.kept = count.parse().ok()?,
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
        let sink = Sink::from_text("tcp:log.example:601").unwrap();
        assert_eq!(
            (sink.class, sink.name().as_str()),
            (Class::BestEffort, "tcp:log.example:601")
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
        ] {
            let error = Sink::from_text(text).unwrap_err().to_string();
            assert!(
                error.starts_with("expected file:PATH, tcp:HOST:PORT"),
                "{text}: {error}"
            );
        }
    }
}
