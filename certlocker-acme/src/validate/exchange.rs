//! One HTTP/1.1 request over a connection of its own, and a bounded look at the answer.

use std::future::Future;
use std::time::Duration;

use certlocker_core::{FailureKind, Outcome};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, CONNECTION, HOST, HeaderMap, HeaderName, LOCATION, SERVER, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::config::Config;
use super::location::Location;
use super::printable::printable;
use super::trail::{Step, Trail, no_answer, wrong};

/// The least that hyper takes; the head of an answer has to fit.
const HEAD_LIMIT: usize = 8192;
const MOST_HEADERS: usize = 100;
const LONGEST_SHOWN: usize = 80;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Body,
    pub(super) location: Option<Vec<u8>>,
    pub(super) status: StatusCode,
}

/// The beginning of a body, and how it went on.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) end: End,
}

/// How reading a body ended.
#[derive(Debug)]
pub(super) enum End {
    /// There is no more.
    Complete,
    /// There is more than we read.
    Overlong,
    /// It broke off.
    Broken(Outcome),
}

/// Asks for `location` over `stream` and reads as much of the answer as `config` allows.
pub(super) async fn get<S>(
    stream: S,
    location: &Location,
    config: &Config,
    trail: &mut Trail,
) -> Step<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    trail.doing(
        FailureKind::Connection,
        format!("waiting for the answer to GET {location}"),
    );
    let limit = config.timeouts.read;
    // Dropping the set ends the connection, also when the attempt is given up in the middle.
    let mut connections = JoinSet::new();
    let response = within(
        limit,
        location,
        request(stream, location, config, &mut connections),
    );
    let response = response.await?;
    let hop = trail.hop();
    hop.status = Some(response.status().as_u16());
    hop.server = shown(response.headers(), &SERVER);
    let status = response.status();
    let location_header = response.headers().get(LOCATION);
    let target = location_header.map(|value| value.as_bytes().to_vec());
    trail.doing(
        FailureKind::Connection,
        format!("reading the body of {location}"),
    );
    let body = read(response.into_body(), location, config, trail).await;
    Ok(Answer {
        body,
        location: target,
        status,
    })
}

async fn request<S>(
    stream: S,
    location: &Location,
    config: &Config,
    connections: &mut JoinSet<hyper::Result<()>>,
) -> Step<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::get(location.target())
        .header(HOST, location.authority())
        .header(USER_AGENT, &config.user_agent)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| {
        let detail = format!("{location} cannot be asked for: {error}");
        wrong(FailureKind::IncorrectResponse, detail)
    })?;
    let mut client = http1::Builder::new();
    client.max_buf_size(HEAD_LIMIT).max_headers(MOST_HEADERS);
    let connected = client.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| trouble(location, &error))?;
    connections.spawn(connection);
    let answered = sender.send_request(request).await;
    answered.map_err(|error| trouble(location, &error))
}

/// Reads up to the limit; what was read is noted even if the attempt runs out of time meanwhile.
async fn read(mut body: Incoming, location: &Location, config: &Config, trail: &mut Trail) -> Body {
    let mut bytes = Vec::new();
    let end = loop {
        let frame = within(config.timeouts.read, location, async {
            body.frame()
                .await
                .transpose()
                .map_err(|error| trouble(location, &error))
        });
        let data = match frame.await {
            Err(outcome) => break End::Broken(outcome),
            Ok(None) => break End::Complete,
            Ok(Some(frame)) => frame.into_data().unwrap_or_default(),
        };
        let room = config.body_limit.saturating_sub(bytes.len());
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        trail.hop().first_bytes = Some(printable(&bytes, LONGEST_SHOWN));
        if data.len() > room {
            break End::Overlong;
        }
    };
    Body { bytes, end }
}

async fn within<T>(
    limit: Duration,
    location: &Location,
    step: impl Future<Output = Step<T>>,
) -> Step<T> {
    match timeout(limit, step).await {
        Ok(result) => result,
        Err(_) => {
            let detail = format!("{location} sent nothing more within {limit:?}");
            Err(no_answer(FailureKind::Connection, detail))
        }
    }
}

/// An answer that is not HTTP is an answer; a connection that breaks is none.
fn trouble(location: &Location, error: &hyper::Error) -> Outcome {
    if error.is_parse() {
        let detail = format!("what answers at {location} does not speak HTTP/1.1: {error}");
        return wrong(FailureKind::IncorrectResponse, detail);
    }
    let cause = std::error::Error::source(error);
    let cause = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    let detail = format!("the connection for {location} broke: {cause}");
    no_answer(FailureKind::Connection, detail)
}

fn shown(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(printable(value.as_bytes(), LONGEST_SHOWN))
}
