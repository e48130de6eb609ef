//! Feeds each sink on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use certlocker_audit::files::Disk;
use certlocker_audit::sink::{AuditSink, Class, Feed, FileSink, SyslogSink};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use super::lag::{Lag, Strictness};
use crate::assemble::Opened;
use crate::config::{Sink, Target};
use crate::home::Home;

const PAUSE: Duration = Duration::from_millis(500);
/// A sink that fails is tried again after a span that doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a sink may take for what is left when the server stops.
const LAST_WORD: Duration = Duration::from_secs(3);

/// The sinks, ready to be fed.
pub(super) struct Sinks(Vec<(Feed<Disk>, Lag)>);

/// Sinks that are fed.
pub(super) struct Fed(Vec<oneshot::Receiver<()>>);

impl Sinks {
    pub(super) fn open(
        opened: &Opened,
        home: &Home,
        host: &str,
        sinks: &[Sink],
    ) -> Result<Self, ServeError> {
        let open = |sink: &Sink| {
            let (class, name) = (sink.class, sink.name());
            let files = Disk::at(home.path().join("sinks"));
            let feed = Feed::open(
                &file_name(&name),
                class,
                opened.store.clone(),
                make(sink, host),
                files,
            )?;
            let strictness = match class {
                Class::BestEffort => Strictness::BestEffort,
                Class::Required { deadline } => Strictness::Deadline(deadline),
            };
            let reached = feed.delivered().get();
            Ok((
                feed,
                Lag::new(name, reached, opened.store.clone(), strictness),
            ))
        };
        Ok(Self(
            sinks.iter().map(open).collect::<Result<_, ServeError>>()?,
        ))
    }

    pub(super) fn lags(&self) -> impl Iterator<Item = Lag> {
        self.0.iter().map(|(_, lag)| lag.clone())
    }

    /// Feeds all sinks until they are told to stop. A thread that hangs in a sink ends with the
    /// process.
    pub(super) fn start(self, stop: &CancellationToken) -> Fed {
        let start = |(feed, lag): (Feed<Disk>, Lag)| {
            let (runtime, stop, (ended, end)) =
                (Handle::current(), stop.clone(), oneshot::channel());
            std::thread::spawn(move || {
                runtime.block_on(run(feed, lag, stop));
                // Nobody may be waiting any more.
                let _ = ended.send(());
            });
            end
        };
        Fed(self.0.into_iter().map(start).collect())
    }
}

impl Fed {
    /// Waits, not for long, until every sink has what there is.
    pub(super) async fn end(self) {
        for end in self.0 {
            if tokio::time::timeout(LAST_WORD, end).await.is_err() {
                tracing::warn!("a sink has not taken everything; it goes on with the next start");
            }
        }
    }
}

async fn run(mut feed: Feed<Disk>, lag: Lag, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        let stopping = stop.is_cancelled();
        let step = feed.step().await;
        lag.reached(feed.delivered().get());
        let pause = match &step {
            Ok(standing) if standing.taken > 0 => Duration::ZERO,
            Ok(_) => PAUSE,
            Err(error) => {
                lag.failed(error);
                PAUSE.saturating_mul(1 << failures).min(LONGEST_PAUSE)
            }
        };
        failures = if step.is_ok() {
            0
        } else {
            (failures + 1).min(10)
        };
        if step.is_ok() {
            lag.recovered();
        }
        if stopping && !pause.is_zero() {
            return;
        }
        let _ = tokio::time::timeout(pause, stop.cancelled()).await;
    }
}

fn make(sink: &Sink, host: &str) -> Arc<dyn AuditSink> {
    match &sink.target {
        Target::File(path, rotation) => Arc::new(FileSink::new(path, sink.format, *rotation)),
        Target::Syslog(peer, transport) => {
            Arc::new(SyslogSink::new(peer, host, *transport, sink.format))
        }
    }
}

/// A name that a file can have: two sinks have the same only if they are one.
fn file_name(name: &str) -> String {
    let part = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
        byte => format!("_{byte:02x}"),
    };
    name.bytes().map(part).collect()
}
