//! Feeds each sink on a thread of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certlocker_audit::files::Disk;
use certlocker_audit::gate::{Follower, Gate};
#[cfg(feature = "otlp")]
use certlocker_audit::sink::OtlpSink;
use certlocker_audit::sink::{
    AuditSink, Feed, FeedError, FileSink, Only, SyslogSink, Transport, WebhookSink, reached,
};
use certlocker_core::{Secret, Store};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use super::lag::{Lag, Strictness};
use crate::assemble::Opened;
use crate::config::{Sink, Target, Wire};
use crate::home::Home;
use crate::outside::Outside;

const PAUSE: Duration = Duration::from_millis(500);
/// A sink that fails is tried again after a span that doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a sink may take for what is left when the server stops.
const LAST_WORD: Duration = Duration::from_secs(3);

/// What surely arrives in one datagram.
const DATAGRAM: usize = 2_048;
/// A MAC key that is shorter can be guessed.
const SHORTEST_KEY: usize = 16;

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
        outside: &Outside,
    ) -> Result<Self, ServeError> {
        let open = |sink: &Sink| {
            let (class, name, files) = (sink.class, sink.name(), cursors(home));
            let feed = Feed::open(
                &file_name(&name),
                class,
                opened.store.clone(),
                make(sink, host, outside)?,
                files,
            )?;
            let follower = Arc::new(Follower::new(name, class, feed.delivered()));
            opened.gate.watch(follower.clone());
            let lag = Lag::new(follower, opened.store.clone(), Strictness::Late);
            Ok((feed, lag))
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
        let pause = match &step {
            Ok(standing) => {
                lag.reached(standing);
                if standing.taken > 0 {
                    Duration::ZERO
                } else {
                    PAUSE
                }
            }
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
        if stopping && !pause.is_zero() {
            return;
        }
        let _ = tokio::time::timeout(pause, stop.cancelled()).await;
    }
}

fn make(sink: &Sink, host: &str, outside: &Outside) -> Result<Arc<dyn AuditSink>, ServeError> {
    let whole = make_whole(sink, host, outside)?;
    Ok(match sink.only.is_empty() {
        true => whole,
        false => Arc::new(Only::new(sink.only.clone(), whole)),
    })
}

fn make_whole(
    sink: &Sink,
    host: &str,
    outside: &Outside,
) -> Result<Arc<dyn AuditSink>, ServeError> {
    let format = sink.format;
    Ok(match &sink.target {
        Target::File(path, rotation) => Arc::new(FileSink::new(path, format, *rotation)),
        #[cfg(feature = "otlp")]
        Target::Otlp(url) => Arc::new(OtlpSink::new(url, Arc::new(outside.clone()))),
        Target::Syslog(peer, wire) => {
            let transport = match wire {
                Wire::Tcp => Transport::Tcp,
                Wire::Tls => Transport::Tls(outside.trust()?),
                Wire::Udp => Transport::Udp { largest: DATAGRAM },
            };
            Arc::new(SyslogSink::new(peer, host, transport, format))
        }
        Target::Webhook(url, key_file) => {
            let key = key(key_file)?;
            Arc::new(WebhookSink::new(
                url,
                key,
                Arc::new(outside.clone()),
                format,
            ))
        }
    })
}

/// The key of a webhook; a line end behind it is none of it.
fn key(path: &Path) -> Result<Secret, ServeError> {
    let unusable = |source| ServeError::SinkKey {
        path: path.to_owned(),
        source,
    };
    let mut bytes = std::fs::read(path).map_err(unusable)?;
    let length = bytes.trim_ascii_end().len();
    bytes.truncate(length);
    let key = Secret::new(bytes);
    if key.expose().len() < SHORTEST_KEY {
        let what = format!("a key has at least {SHORTEST_KEY} bytes, and this has {length}");
        return Err(unusable(std::io::Error::other(what)));
    }
    Ok(key)
}

/// Until it is told to stop, looks what sinks are waiting for.
pub(super) async fn look(gate: Arc<Gate>, store: Arc<dyn Store>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = gate.look(store.as_ref()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what sinks wait for cannot be read");
        }
        let _ = tokio::time::timeout(PAUSE, stop.cancelled()).await;
    }
}

/// Lets a command change nothing that the sinks of a server on the same directory wait for.
///
/// # Errors
/// When it is not known how far they are.
pub(crate) async fn heed(opened: &Opened, home: &Home, sinks: &[Sink]) -> Result<(), FeedError> {
    for sink in sinks {
        let name = sink.name();
        let reached = reached(&file_name(&name), &cursors(home))?;
        let follower = Follower::new(name, sink.class, reached);
        opened.gate.watch(Arc::new(follower));
    }
    Ok(opened.gate.look(opened.store.as_ref()).await?)
}

/// Where it is kept how far each sink is.
fn cursors(home: &Home) -> Disk {
    Disk::at(home.path().join("sinks"))
}

/// A name that a file can have: two sinks have the same only if they are one.
fn file_name(name: &str) -> String {
    let part = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
        byte => format!("_{byte:02x}"),
    };
    name.bytes().map(part).collect()
}
