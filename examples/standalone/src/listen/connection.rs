//! One connection, from the handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::activity::Activity;
use super::room::Room;
use super::{Limits, Plane};

/// What all connections of a plane share.
pub(super) struct Connections {
    acceptor: TlsAcceptor,
    cut: CancellationToken,
    http: Builder<TokioExecutor>,
    limits: Limits,
    name: &'static str,
    room: Room,
    router: Router,
    stop: CancellationToken,
}

impl Connections {
    /// `stop` ends connections when their requests are answered, `cut` at once.
    pub(super) fn new(plane: Plane, stop: CancellationToken, cut: CancellationToken) -> Self {
        Self {
            acceptor: plane.tls.acceptor(),
            cut,
            http: http(),
            limits: plane.limits,
            name: plane.name,
            room: Room::new(plane.limits.connections.get()),
            router: plane.router,
            stop,
        }
    }

    /// A place for each connection that may be open.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    pub(super) async fn serve(&self, socket: TcpStream, peer: SocketAddr) {
        let open = metrics::gauge!("certlocker_connections", "plane" => self.name);
        open.increment(1.0);
        tokio::select! {
            () = self.talk(socket, peer) => {}
            () = self.cut.cancelled() => {}
        }
        open.decrement(1.0);
    }

    async fn talk(&self, socket: TcpStream, peer: SocketAddr) {
        let Some(stream) = self.handshake(socket, peer).await else {
            return;
        };
        let activity = Activity::new();
        let service = self.service(peer, activity.clone());
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => {}
            () = self.unused(&activity) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that neither asks for anything more nor hangs up is not waited for.
        tokio::select! {
            _ = connection => {}
            () = activity.idle_for(LINGER) => {}
        }
    }

    /// Returns once the connection was idle for too long, which is sooner when others wait.
    async fn unused(&self, activity: &Activity) {
        let crowded = async {
            self.room.is_full().await;
            activity.idle_for(CROWDED).await;
        };
        tokio::select! {
            () = activity.idle_for(self.limits.idle) => {}
            () = crowded => {}
        }
    }

    async fn handshake(&self, socket: TcpStream, peer: SocketAddr) -> Option<TlsStream<TcpStream>> {
        // Answers are small and complete: holding them back for more only delays them.
        let _ = socket.set_nodelay(true);
        let handshake = timeout(self.limits.handshake, self.acceptor.accept(socket));
        let crowded = async {
            self.room.is_full().await;
            tokio::time::sleep(CROWDED).await;
        };
        let outcome = tokio::select! {
            outcome = handshake => outcome,
            () = self.stop.cancelled() => return None,
            () = crowded => return None,
        };
        match outcome {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(plane = self.name, %peer, %error, "TLS handshake failed")
            }
            Err(_) => tracing::debug!(plane = self.name, %peer, "TLS handshake took too long"),
        }
        metrics::counter!("certlocker_tls_failures_total", "plane" => self.name).increment(1);
        None
    }

    fn service(
        &self,
        peer: SocketAddr,
        activity: Activity,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + 'static {
        let (router, patience) = (self.router.clone(), self.limits.request);
        service_fn(move |request| {
            let in_progress = activity.begin();
            let answer = answer(router.clone(), with_peer(request, peer), patience);
            async move {
                let response = answer.await;
                // The request ends with the last byte of its answer.
                Ok(response.map(|body| {
                    Body::new(body.map_frame(move |frame| {
                        let _ = &in_progress;
                        frame
                    }))
                }))
            }
        })
    }
}

/// How long a connection may be idle, or shake hands, while others wait for its place.
pub(super) const CROWDED: Duration = Duration::from_secs(1);

/// How long a client may take to hang up after it was told that the connection ends.
pub(super) const LINGER: Duration = Duration::from_secs(1);

fn with_peer(request: Request<Incoming>, peer: SocketAddr) -> Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

async fn answer(mut router: Router, request: Request<Body>, patience: Duration) -> Response<Body> {
    match timeout(patience, router.call(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => too_slow(),
    }
}

fn too_slow() -> Response<Body> {
    const PROBLEM: &str = r#"{"type":"about:blank","title":"Request Timeout","status":408,"detail":"the request did not arrive whole, or was not answered, within the time that the server gives it"}"#;
    let headers = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::REQUEST_TIMEOUT, headers, PROBLEM).into_response()
}

/// HTTP/1.1 and HTTP/2, with buffers sized for small messages from many clients.
fn http() -> Builder<TokioExecutor> {
    const KIB: u32 = 1024;
    const HEAD: u32 = 16 * KIB;
    const PING: Duration = Duration::from_secs(20);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_connection_window_size(256 * KIB)
        .initial_stream_window_size(64 * KIB)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(100)
        .max_header_list_size(HEAD)
        .max_send_buf_size(64 * KIB as usize);
    builder
}
