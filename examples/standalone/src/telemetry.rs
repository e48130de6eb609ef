//! The log and the metrics.

use std::fmt;

use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Misfit, Scalar};

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

impl Scalar for LogFormat {
    const PLACEHOLDER: &'static str = "FORMAT";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(Misfit::expected("text or json", text)),
        }
    }
}

/// What the log shows: a level, and levels for single modules.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFilter(Targets);

impl Scalar for LogFilter {
    const PLACEHOLDER: &'static str = "LEVEL";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let form = "error, warn, info, debug, trace or off, also per module, such as info,certlocker_acme=debug";
        let misfit = || Misfit::expected(form, text);
        // `Targets` would take a misspelled level for the name of a module, and show all of it.
        let parts = text.split(',');
        for part in parts {
            let level = part.rsplit('=').next().unwrap_or_default();
            level
                .parse::<LevelFilter>()
                .ok()
                .filter(|_| !level.is_empty())
                .ok_or_else(misfit)?;
        }
        text.parse().map(Self).map_err(|_| misfit())
    }
}

/// Sends the log of this process to standard error from now on.
///
/// # Errors
/// When the process has a log already.
pub fn start_log(format: LogFormat, filter: &LogFilter) -> Result<(), TryInitError> {
    log_to(std::io::stderr, format, filter).try_init()
}

fn log_to<W>(writer: W, format: LogFormat, filter: &LogFilter) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter.0.clone()))
}

/// What was counted and measured, in the text form of Prometheus.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Why metrics cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The recorder could not be made.
    #[error("cannot set up metrics")]
    Build(#[from] BuildError),
    /// The process counts elsewhere already.
    #[error("this process already has a recorder of metrics")]
    Twice,
}

impl Metrics {
    /// Keeps the metrics of this process from now on.
    ///
    /// # Errors
    /// [`MetricsError::Twice`] when something else keeps them already.
    pub fn start() -> Result<Self, MetricsError> {
        let recorder = recorder()?;
        let metrics = Self(recorder.handle());
        metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Twice)?;
        describe();
        Ok(metrics)
    }

    /// The body of an answer to `GET /metrics`; its media type is [`Self::MEDIA_TYPE`].
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Empties the buffers of histograms; to be called now and then when nobody asks for metrics,
    /// so that they do not grow.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }

    /// The media type of what [`Self::render`] gives.
    pub const MEDIA_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

/// Upper bounds in seconds, from a signature to an issuer that takes its time.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0,
];

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new();
    let suffix = Matcher::Suffix("_seconds".to_owned());
    Ok(builder
        .set_buckets_for_metric(suffix, SECONDS)?
        .build_recorder())
}

fn describe() {
    metrics::describe_gauge!("certlocker_build_info", "The version that runs; always 1.");
    metrics::gauge!("certlocker_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let filter = LogFilter::from_text(filter).unwrap();
        let subscriber = log_to(move || writer.clone(), format, &filter);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(order_id = "o1", "first");
            tracing::debug!("second");
        });
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_json_log_has_one_object_a_line_with_its_fields_on_top() {
        let text = logged(LogFormat::Json, "info");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["message"], &line["order_id"], &line["level"]),
            (&"first".into(), &"o1".into(), &"INFO".into())
        );
    }

    #[test]
    fn the_text_log_is_without_colours() {
        let text = logged(LogFormat::Text, "info");
        assert!(
            text.contains("first order_id=\"o1\"") && !text.contains('\u{1b}'),
            "{text}"
        );
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        let cases = [
            ("off", 0),
            ("warn", 0),
            ("info", 1),
            ("debug", 2),
            ("warn,certlocker=debug", 2),
            ("debug,certlocker=info", 1),
        ];
        for (filter, expect) in cases {
            assert_eq!(
                logged(LogFormat::Text, filter).lines().count(),
                expect,
                "{filter}"
            );
        }
    }

    #[test]
    fn a_misspelled_level_is_refused() {
        for text in [
            "inf",
            "",
            "info,",
            "certlocker=",
            "certlocker=loud",
            "certlocker",
        ] {
            assert!(LogFilter::from_text(text).is_err(), "{text:?}");
        }
        assert!(LogFormat::from_text("xml").is_err());
    }

    #[test]
    fn metrics_show_the_build_and_what_was_measured() {
        let recorder = recorder().unwrap();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!("certlocker_x_seconds").record(0.2);
        });
        let text = metrics.render();
        let version = env!("CARGO_PKG_VERSION");
        for line in [
            format!("certlocker_build_info{{version=\"{version}\"}} 1"),
            "certlocker_x_seconds_bucket{le=\"0.1\"} 0".to_owned(),
            "certlocker_x_seconds_bucket{le=\"0.3\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
    }
}
