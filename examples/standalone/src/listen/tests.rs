//! Planes under real connections on loopback.

use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

use super::connection::LINGER;
use super::*;
use crate::testing::{Authority, connect};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn limits() -> Limits {
    Limits {
        connections: NonZero::new(16).unwrap(),
        grace: LONG,
        handshake: LONG,
        idle: LONG,
        request: LONG,
    }
}

struct Running {
    address: SocketAddr,
    authority: Authority,
    stop: CancellationToken,
    stopped: JoinHandle<Stopped>,
}

impl Running {
    fn new(router: Router, limits: Limits) -> Self {
        Self::at("127.0.0.1:0", router, limits)
    }

    fn at(address: &str, router: Router, limits: Limits) -> Self {
        let authority = Authority::new();
        let tls = Tls::new(authority.identity()).unwrap();
        let listeners = bind(&[address.parse().unwrap()]).unwrap();
        let address = listeners[0].address();
        let stop = CancellationToken::new();
        let plane = Plane::new("gateway", router, tls, limits);
        let stopped = tokio::spawn(plane.serve(listeners, stop.clone()));
        Self {
            address,
            authority,
            stop,
            stopped,
        }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn tls(&self, protocol: &str) -> TlsStream<TcpStream> {
        let client = self.authority.client(&[&TLS13], protocol);
        connect(&client, self.tcp().await).await.unwrap()
    }

    async fn h1(&self) -> TlsStream<TcpStream> {
        self.tls("http/1.1").await
    }

    async fn h2(&self) -> http2::SendRequest<Empty<Bytes>> {
        let stream = TokioIo::new(self.tls("h2").await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }

    async fn stop(self) -> Stopped {
        self.stop.cancel();
        self.stopped.await.unwrap()
    }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// Notifies when a request came in, and answers it when told to.
fn held(came: Arc<Notify>, go: Arc<Notify>) -> Router {
    Router::new().route(
        "/",
        get(async move || {
            came.notify_one();
            go.notified().await;
            "held"
        }),
    )
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(GET).await.unwrap();
    read_until(stream, "hello").await
}

async fn read_until(stream: &mut TlsStream<TcpStream>, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    text
}

/// What comes until the server hangs up.
async fn rest(stream: &mut TlsStream<TcpStream>) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut off has no orderly end.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get_root(address: SocketAddr) -> Request<Empty<Bytes>> {
    Request::get(format!("https://localhost:{}/", address.port()))
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn a_connection_takes_many_http1_requests() {
    let server = Running::new(hello(), limits());
    let mut stream = server.h1().await;
    for _ in 0..3 {
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn http2_is_served_over_ipv6() {
    let server = Running::at("[::1]:0", hello(), limits());
    let mut client = server.h2().await;
    let response = client.send_request(get_root(server.address)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "hello"
    );
}

#[tokio::test]
async fn a_handler_sees_the_address_of_its_client() {
    let show = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| format!("{peer} hello");
    let server = Running::new(Router::new().route("/", get(show)), limits());
    let mut stream = server.h1().await;
    let own = stream.get_ref().0.local_addr().unwrap();
    assert!(ask(&mut stream).await.ends_with(&format!("{own} hello")));
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_dropped() {
    let server = Running::new(
        hello(),
        Limits {
            handshake: SHORT,
            ..limits()
        },
    );
    let mut silent = server.tcp().await;
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_is_dropped_and_others_are_served() {
    let server = Running::new(hello(), limits());
    let mut plain = server.tcp().await;
    plain.write_all(GET).await.unwrap();
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes).await;
    assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
    ask(&mut server.h1().await).await;
}

#[tokio::test]
async fn a_connection_without_a_request_ends_after_the_idle_time() {
    let server = Running::new(
        hello(),
        Limits {
            idle: SHORT,
            ..limits()
        },
    );
    let beginnings: [&[u8]; 4] = [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nhost: ",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for beginning in beginnings {
        let mut stream = server.h1().await;
        stream.write_all(beginning).await.unwrap();
        assert!(!rest(&mut stream).await.contains("200 OK"));
    }
    let mut stream = server.h1().await;
    ask(&mut stream).await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_end() {
    let server = Running::new(
        hello(),
        Limits {
            idle: SHORT,
            ..limits()
        },
    );
    let stream = TokioIo::new(server.tls("h2").await);
    let (_sender, connection) =
        http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), stream)
            .await
            .unwrap();
    connection.await.unwrap();
}

#[tokio::test]
async fn a_request_in_progress_outlives_the_idle_time() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let router = held(came.clone(), go.clone());
    let server = Running::new(
        router,
        Limits {
            idle: SHORT,
            ..limits()
        },
    );
    let mut stream = server.h1().await;
    stream.write_all(GET).await.unwrap();
    came.notified().await;
    let early = tokio::time::timeout(LINGER + SHORT * 4, stream.read_u8()).await;
    assert!(early.is_err());
    go.notify_one();
    assert!(
        read_until(&mut stream, "held")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
}

#[tokio::test]
async fn a_request_that_takes_too_long_gets_408() {
    let router = Router::new()
        .route("/", get(pending::<&str>))
        .route("/body", post(async |body: String| body));
    let server = Running::new(
        router,
        Limits {
            request: SHORT,
            ..limits()
        },
    );
    let half_a_body = "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf";
    for request in [GET, half_a_body.as_bytes()] {
        let mut stream = server.h1().await;
        stream.write_all(request).await.unwrap();
        let text = read_until(&mut stream, "gives it\"}").await;
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert!(
            text.contains("content-type: application/problem+json\r\n"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Running::new(hello(), limits());
    let mut stream = server.h1().await;
    let head = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "x".repeat(32 * 1024)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_until_another_ends() {
    let server = Running::new(
        hello(),
        Limits {
            connections: NonZero::new(1).unwrap(),
            ..limits()
        },
    );
    let first = server.h1().await;
    let second = server.h1();
    tokio::pin!(second);
    assert!(tokio::time::timeout(SHORT, &mut second).await.is_err());
    drop(first);
    ask(&mut second.await).await;
}

#[tokio::test]
async fn idle_connections_and_slow_handshakes_give_their_places_to_those_who_wait() {
    let limits = Limits {
        connections: NonZero::new(2).unwrap(),
        ..limits()
    };
    let server = Running::new(hello(), limits);
    let (mut idle, mut mute) = (server.h1().await, server.tcp().await);
    ask(&mut idle).await;
    ask(&mut server.h1().await).await;
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(mute.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_in_progress_is_answered_before_the_server_stops() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Running::new(held(came.clone(), go.clone()), limits());
    let mut stream = server.h1().await;
    stream.write_all(GET).await.unwrap();
    came.notified().await;
    let address = server.address;
    server.stop.cancel();
    go.notify_one();
    assert!(rest(&mut stream).await.ends_with("held"));
    assert_eq!(server.stopped.await.unwrap(), Stopped::Clean);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_http2_request_in_progress_is_answered_before_the_server_stops() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Running::new(held(came.clone(), go.clone()), limits());
    let mut client = server.h2().await;
    let response = tokio::spawn(client.send_request(get_root(server.address)));
    came.notified().await;
    server.stop.cancel();
    go.notify_one();
    let body = response.await.unwrap().unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "held");
    assert_eq!(server.stopped.await.unwrap(), Stopped::Clean);
}

#[tokio::test]
async fn idle_connections_and_handshakes_do_not_delay_the_stop() {
    let server = Running::new(hello(), limits());
    let _silent = server.tcp().await;
    let mut used = server.h1().await;
    ask(&mut used).await;
    let (_new, _h2) = (server.h1().await, server.h2().await);
    let stopped = tokio::time::timeout(LONG / 4, server.stop()).await;
    assert_eq!(stopped, Ok(Stopped::Clean));
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_is_cut_off_and_counted() {
    let came = Arc::new(Notify::new());
    let router = held(came.clone(), Arc::new(Notify::new()));
    let server = Running::new(
        router,
        Limits {
            grace: SHORT,
            ..limits()
        },
    );
    let mut stream = server.h1().await;
    stream.write_all(GET).await.unwrap();
    came.notified().await;
    assert_eq!(server.stop().await, Stopped::Cut(1));
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn an_answer_that_is_still_being_sent_is_a_request_in_progress() {
    let came = Arc::new(Notify::new());
    let sent = came.clone();
    let endless = async move || {
        sent.notify_one();
        Body::new(Endless)
    };
    let router = Router::new().route("/", get(endless));
    let server = Running::new(
        router,
        Limits {
            idle: SHORT,
            grace: SHORT * 4,
            ..limits()
        },
    );
    let mut stream = server.h1().await;
    stream.write_all(GET).await.unwrap();
    came.notified().await;
    let ended = tokio::time::timeout(LINGER + SHORT * 4, rest(&mut stream)).await;
    assert!(ended.is_err());
    assert_eq!(server.stop().await, Stopped::Cut(1));
}

/// A body without an end and without bytes.
struct Endless;

impl axum::body::HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}
